# What a module and a sample ask of Zephyr's CMake, in plain CMake: a stand-in for `find_package(Zephyr)`, which compiles
# and links them for a Cortex-M4 with Debian's compiler, with stubs of Zephyr's headers and of its kernel beside this file.
#
# TFLM_ROOT and TFLM_LIB stand for Zephyr's module tflite-micro. Options of prj.conf are taken as they are; Kconfig is not
# asked.

set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_CXX_COMPILER arm-none-eabi-g++)
set(CMAKE_CXX_STANDARD 17)
set(stand_in $ENV{ZEPHYR_BASE})
project(Zephyr-Kernel C CXX ASM)

set(core -mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard)
add_compile_options(
  ${core} -ffunction-sections -fdata-sections
  $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions> $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>
  $<$<COMPILE_LANGUAGE:CXX>:-fno-threadsafe-statics>)
add_library(zephyr_interface INTERFACE)
target_include_directories(zephyr_interface INTERFACE ${stand_in}/include)
file(WRITE ${CMAKE_BINARY_DIR}/empty.c "")
add_library(app STATIC ${CMAKE_BINARY_DIR}/empty.c)
target_link_libraries(app PUBLIC zephyr_interface)
set_property(GLOBAL PROPERTY ZEPHYR_LIBS app)

function(zephyr_compile_definitions)
  target_compile_definitions(zephyr_interface INTERFACE ${ARGN})
endfunction()

function(zephyr_include_directories)
  target_include_directories(zephyr_interface INTERFACE ${ARGN})
endfunction()

macro(zephyr_library_named name)
  set(ZEPHYR_CURRENT_LIBRARY ${name})
  add_library(${name} STATIC ${CMAKE_BINARY_DIR}/empty.c)
  target_link_libraries(${name} PUBLIC zephyr_interface)
  set_property(GLOBAL APPEND PROPERTY ZEPHYR_LIBS ${name})
endmacro()

function(zephyr_library_sources)
  target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()

function(zephyr_library_include_directories)
  target_include_directories(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()

function(zephyr_library_compile_definitions)
  target_compile_definitions(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()

function(zephyr_library_compile_options)
  target_compile_options(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()

function(link_zephyr)
  get_property(libraries GLOBAL PROPERTY ZEPHYR_LIBS)
  add_executable(zephyr.elf ${stand_in}/kernel.cc)
  target_link_libraries(zephyr.elf PRIVATE -Wl,--whole-archive ${libraries} -Wl,--no-whole-archive)
  if(CONFIG_TENSORFLOW_LITE_MICRO)
    target_link_libraries(zephyr.elf PRIVATE ${TFLM_LIB})
  endif()
  target_link_libraries(zephyr.elf PRIVATE -lm)
  target_link_options(zephyr.elf PRIVATE ${core} ${LINK})
endfunction()

file(STRINGS ${CMAKE_SOURCE_DIR}/prj.conf options REGEX "^CONFIG_")
foreach(option ${options})
  string(REGEX MATCH "^([A-Z0-9_]+)=(.*)$" found ${option})
  set(${CMAKE_MATCH_1} ${CMAKE_MATCH_2})
endforeach()
if(CONFIG_TENSORFLOW_LITE_MICRO)
  set(downloads ${TFLM_ROOT}/tensorflow/lite/micro/tools/make/downloads)
  zephyr_include_directories(${TFLM_ROOT} ${downloads}/flatbuffers/include ${downloads}/gemmlowp)
endif()
foreach(module ${EXTRA_ZEPHYR_MODULES})
  file(STRINGS ${module}/zephyr/module.yml cmake REGEX "^  cmake: ")
  string(REPLACE "  cmake: " "" cmake ${cmake})
  add_subdirectory(${module}/${cmake} ${CMAKE_BINARY_DIR}/modules)
endforeach()
cmake_language(DEFER CALL link_zephyr)
