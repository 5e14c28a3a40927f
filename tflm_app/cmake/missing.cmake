# What a build needs and is not there: collected, each with where it comes from, and named before a file compiles.

set(missing "")

# Adds what is missing, and where it comes from.
macro(add_missing)
  string(CONCAT entry ${ARGV})
  list(APPEND missing "${entry}")
endmacro()

# Stops with all that was added.
macro(name_missing)
  if(missing)
    list(JOIN missing "\n  " entries)
    message(FATAL_ERROR " missing:\n  ${entries}")
  endif()
endmacro()

# The compiler for Cortex-M, and the C and C++ libraries that are packages of their own.
macro(need_arm_toolchain)
  set(ARM_TOOLCHAIN_PREFIX arm-none-eabi- CACHE STRING "what the names of the tools begin with")
  find_program(arm_compiler ${ARM_TOOLCHAIN_PREFIX}g++ NO_CACHE)
  if(NOT arm_compiler)
    add_missing("the compiler ${ARM_TOOLCHAIN_PREFIX}g++, from PATH or -DARM_TOOLCHAIN_PREFIX=, on Debian by "
                "sudo apt install gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib")
  else()
    need_arm_library(nano.specs libnewlib-arm-none-eabi)
    need_arm_library(libstdc++_nano.a libstdc++-arm-none-eabi-newlib)
  endif()
endmacro()

macro(need_arm_library file package)
  execute_process(COMMAND ${arm_compiler} -mcpu=${BOARD_CORE} -mthumb -mfloat-abi=${BOARD_FLOAT_ABI} -mfpu=auto
                          -print-file-name=${file} OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT EXISTS "${found}")  # its name alone
    add_missing("${file} of ${arm_compiler}, on Debian by sudo apt install ${package}")
  endif()
endmacro()
