# Finds the user's TensorFlow Lite Micro and makes the library `tflm` of it; needs board.cmake.
#
# TFLM_ROOT       a checkout of tensorflow/tflite-micro in which its Makefile has built `microlite`
# TFLM_KERNELS    cmsis_nn or reference
# TFLM_BUILD_TYPE the BUILD_TYPE it was built with
# TFLM_LIB        the static library itself, where it is not under TFLM_ROOT/gen

set(TFLM_ROOT "$ENV{TFLM_ROOT}" CACHE PATH "checkout of tensorflow/tflite-micro")
set(TFLM_KERNELS cmsis_nn CACHE STRING "cmsis_nn or reference")
set(TFLM_BUILD_TYPE release_with_logs CACHE STRING "BUILD_TYPE of TFLM's Makefile")
set(TFLM_LIB "" CACHE FILEPATH "libtensorflow-microlite.a, when it is not under TFLM_ROOT/gen")
set(downloads ${TFLM_ROOT}/tensorflow/lite/micro/tools/make/downloads)

if(NOT TFLM_KERNELS MATCHES "^(cmsis_nn|reference)$")
  message(FATAL_ERROR "TFLM_KERNELS is ${TFLM_KERNELS}; it takes cmsis_nn or reference")
endif()
if(NOT EXISTS ${TFLM_ROOT}/tensorflow/lite/micro/micro_interpreter.h)
  message(FATAL_ERROR "no TFLM in TFLM_ROOT='${TFLM_ROOT}'; -DTFLM_ROOT= takes a checkout of tensorflow/tflite-micro")
endif()

# What TFLM's Makefile is called with, and the folder under gen/ that it then builds in.
if(BOARD_ARCH)
  set(target cortex_m_generic_${BOARD_ARCH})
  set(make_arguments "TARGET=cortex_m_generic TARGET_ARCH=${BOARD_ARCH}")
else()
  set(target linux_x86_64)
  set(make_arguments "TARGET=linux TARGET_ARCH=x86_64")
endif()
if(TFLM_KERNELS STREQUAL cmsis_nn AND BOARD_ARCH)
  set(kernels _cmsis_nn)
  string(APPEND make_arguments " OPTIMIZED_KERNEL_DIR=cmsis_nn")
endif()
if(NOT TFLM_LIB)
  set(TFLM_LIB ${TFLM_ROOT}/gen/${target}_${TFLM_BUILD_TYPE}${kernels}_gcc/lib/libtensorflow-microlite.a)
endif()
if(NOT EXISTS ${TFLM_LIB})
  message(FATAL_ERROR "there is no ${TFLM_LIB}; in TFLM_ROOT run\n"
          "make -f tensorflow/lite/micro/tools/make/Makefile ${make_arguments} "
          "BUILD_TYPE=${TFLM_BUILD_TYPE} microlite\n"
          "or name the library with -DTFLM_LIB=")
endif()
foreach(header flatbuffers/include/flatbuffers/flatbuffers.h gemmlowp/fixedpoint/fixedpoint.h)
  if(NOT EXISTS ${downloads}/${header})
    message(FATAL_ERROR "there is no ${downloads}/${header}; TFLM's Makefile fetches it when it builds `microlite`")
  endif()
endforeach()

add_library(tflm INTERFACE)
target_include_directories(tflm SYSTEM INTERFACE ${TFLM_ROOT} ${downloads}/flatbuffers/include ${downloads}/gemmlowp)
# As the library was built: the first changes structs, the second declares CMSIS-NN's kernels of one type.
target_compile_definitions(tflm INTERFACE TF_LITE_STATIC_MEMORY $<$<BOOL:${kernels}>:CMSIS_NN>)
target_link_libraries(tflm INTERFACE ${TFLM_LIB} m)
