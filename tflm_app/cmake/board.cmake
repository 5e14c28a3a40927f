# Chooses a board: include it before project(), with BOARD set to the name of a folder in tflm_app/boards, and call
# name_missing() between the two.
#
# Its board.cmake gives BOARD_ARCH and BOARD_FLOAT_ABI (as TFLM's Makefile names them), BOARD_SOURCES,
# BOARD_DEFINITIONS, BOARD_NOTE (what was not tried), BOARD_QEMU (QEMU's name of it) and BOARD_FLASH (commands). From
# these come BOARD_CORE, BOARD_TITLE, and in the build folder a script that runs programs: `run ELF [more arguments of
# QEMU]`. add_subdirectory(tflm_app/boards) makes the library `board`.

set(BOARDS_DIR ${CMAKE_CURRENT_LIST_DIR}/../boards)
file(GLOB boards RELATIVE ${BOARDS_DIR} ${BOARDS_DIR}/*/board.cmake)
list(TRANSFORM boards REPLACE "/board.cmake" "")
string(REPLACE ";" ", " board_names "${boards}")
set(BOARD host CACHE STRING "one of ${board_names}")
if(NOT BOARD IN_LIST boards)
  message(FATAL_ERROR "there is no board ${BOARD}; -DBOARD= takes one of ${board_names}")
endif()
include(${BOARDS_DIR}/${BOARD}/board.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/missing.cmake)

string(REPLACE "+fp" "" BOARD_CORE "${BOARD_ARCH}")
set(BOARD_TITLE ${BOARD})
if(BOARD_NOTE)
  string(APPEND BOARD_TITLE " (${BOARD_NOTE})")
endif()
if(BOARD_QEMU)
  set(counted -icount shift=0)  # an instruction is a nanosecond of the ticks' clock, whatever this machine is busy with
endif()
configure_file(${CMAKE_CURRENT_LIST_DIR}/run.in ${CMAKE_BINARY_DIR}/run @ONLY FILE_PERMISSIONS
               OWNER_READ OWNER_WRITE OWNER_EXECUTE)

# Gives a program the targets `run` and `flash`; both fail, with a line that says what to do, where they can do nothing.
set(FLASH_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/flash.cmake)
function(add_board_targets program)
  add_custom_target(run COMMAND ${CMAKE_BINARY_DIR}/run $<TARGET_FILE:${program}> ${counted} USES_TERMINAL VERBATIM)
  add_custom_target(flash COMMAND ${CMAKE_COMMAND} -DBOARD=${BOARD} -DPROGRAM=$<TARGET_FILE:${program}>
                    -DOBJCOPY=${ARM_TOOLCHAIN_PREFIX}objcopy -P ${FLASH_SCRIPT} USES_TERMINAL VERBATIM)
  add_dependencies(run ${program})
  add_dependencies(flash ${program})
endfunction()

if(BOARD_ARCH)
  need_arm_toolchain()
  set(CMAKE_TOOLCHAIN_FILE ${CMAKE_CURRENT_LIST_DIR}/arm-none-eabi.cmake)
endif()
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)  # for the target tidy
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE MinSizeRel CACHE STRING "MinSizeRel is -Os")
endif()
