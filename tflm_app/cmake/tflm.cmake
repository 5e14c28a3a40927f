# Finds the user's TensorFlow Lite Micro and makes the library `tflm` of it; include it after board.cmake.
#
# TFLM_ROOT       a checkout of tensorflow/tflite-micro in which its Makefile has built `microlite`
# TFLM_KERNELS    cmsis_nn or reference
# TFLM_BUILD_TYPE the BUILD_TYPE it was built with
# TFLM_LIB        the static library itself, where it is not under TFLM_ROOT/gen

# The folders that TFLM's Makefile fetches into its downloads, which are from where, and at which version.
set(third_party
    "flatbuffers https://github.com/google/flatbuffers v25.9.23"
    "gemmlowp https://github.com/google/gemmlowp 719139ce"
    "ruy https://github.com/google/ruy d3712831"
    "kissfft https://github.com/mborgerding/kissfft v130"
    "cmsis https://github.com/ARM-software/CMSIS_6 5782d6f8"
    "cmsis/Cortex_DFP https://github.com/ARM-software/Cortex_DFP c2c70a97"
    "cmsis_nn https://github.com/ARM-software/CMSIS-NN 4ab83cc3")

set(TFLM_ROOT "$ENV{TFLM_ROOT}" CACHE PATH "checkout of tensorflow/tflite-micro")
set(TFLM_KERNELS cmsis_nn CACHE STRING "cmsis_nn or reference")
set(TFLM_BUILD_TYPE release_with_logs CACHE STRING "BUILD_TYPE of TFLM's Makefile")
set(TFLM_LIB "" CACHE FILEPATH "libtensorflow-microlite.a, when it is not under TFLM_ROOT/gen")
set(downloads ${TFLM_ROOT}/tensorflow/lite/micro/tools/make/downloads)

if(NOT TFLM_KERNELS MATCHES "^(cmsis_nn|reference)$")
  message(FATAL_ERROR "TFLM_KERNELS is ${TFLM_KERNELS}; it takes cmsis_nn or reference")
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

# Of the built library the app needs headers of two folders besides; to build it, all that its kernels compile.
set(needed flatbuffers gemmlowp)
if(NOT EXISTS ${TFLM_LIB})
  list(APPEND needed ruy kissfft)
  if(BOARD_ARCH)
    list(APPEND needed cmsis cmsis/Cortex_DFP)
    string(APPEND make_arguments " TARGET_TOOLCHAIN_ROOT=/usr/bin/")
  endif()
  if(kernels)
    list(APPEND needed cmsis_nn)
  endif()
endif()
if(NOT EXISTS ${TFLM_ROOT}/tensorflow/lite/micro/micro_interpreter.h)
  add_missing("no TFLM in TFLM_ROOT='${TFLM_ROOT}', which takes a checkout of tensorflow/tflite-micro, "
              "https://github.com/tensorflow/tflite-micro")
else()
  if(NOT EXISTS ${TFLM_LIB})
    add_missing("there is no ${TFLM_LIB}, which -DTFLM_LIB= may name, or in TFLM_ROOT\n"
                "    make -f tensorflow/lite/micro/tools/make/Makefile ${make_arguments} "
                "BUILD_TYPE=${TFLM_BUILD_TYPE} microlite")
  endif()
  foreach(entry ${third_party})
    string(REPLACE " " ";" from "${entry}")
    list(POP_FRONT from folder)
    list(JOIN from " " from)
    if(folder IN_LIST needed AND NOT EXISTS ${downloads}/${folder})
      add_missing("there is no ${downloads}/${folder}, from ${from}, which TFLM's Makefile fetches when it builds microlite")
    endif()
  endforeach()
endif()

add_library(tflm INTERFACE)
target_include_directories(tflm SYSTEM INTERFACE ${TFLM_ROOT} ${downloads}/flatbuffers/include ${downloads}/gemmlowp)
# As the library was built: the first changes structs, the second declares CMSIS-NN's kernels of one type.
target_compile_definitions(tflm INTERFACE TF_LITE_STATIC_MEMORY $<$<BOOL:${kernels}>:CMSIS_NN>)
target_link_libraries(tflm INTERFACE ${TFLM_LIB} m)
