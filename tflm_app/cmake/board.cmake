# Chooses a board: include it before project(), with BOARD set to the name of a folder in tflm_app/boards.
#
# Gives BOARD_ARCH and BOARD_FLOAT_ABI (as TFLM's Makefile names them), BOARD_SOURCES, BOARD_DEFINITIONS and BOARD_RUN
# (the command that runs an ELF); add_subdirectory(tflm_app/boards) makes the library `board` of them.

set(BOARDS_DIR ${CMAKE_CURRENT_LIST_DIR}/../boards)
file(GLOB boards RELATIVE ${BOARDS_DIR} ${BOARDS_DIR}/*/board.cmake)
list(TRANSFORM boards REPLACE "/board.cmake" "")
string(REPLACE ";" ", " board_names "${boards}")
set(BOARD host CACHE STRING "one of ${board_names}")
if(NOT BOARD IN_LIST boards)
  message(FATAL_ERROR "there is no board ${BOARD}; -DBOARD= takes one of ${board_names}")
endif()
include(${BOARDS_DIR}/${BOARD}/board.cmake)

if(BOARD_ARCH)
  set(CMAKE_TOOLCHAIN_FILE ${CMAKE_CURRENT_LIST_DIR}/arm-none-eabi.cmake)
endif()
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE MinSizeRel CACHE STRING "MinSizeRel is -Os")
endif()
