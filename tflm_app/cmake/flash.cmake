# The target `flash`: takes PROGRAM, an ELF, to the board with the first of its tools (BOARD_FLASH) that is installed;
# where none is, prints the commands and fails.

include(${CMAKE_CURRENT_LIST_DIR}/../boards/${BOARD}/board.cmake)
if(NOT BOARD_FLASH)
  message(FATAL_ERROR " ${BOARD} has no flash to write: the target run starts the program")
endif()

execute_process(COMMAND ${OBJCOPY} -O ihex ${PROGRAM} ${PROGRAM}.hex COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${OBJCOPY} -O binary ${PROGRAM} ${PROGRAM}.bin COMMAND_ERROR_IS_FATAL ANY)
string(REPLACE "PROGRAM" "${PROGRAM}" commands "${BOARD_FLASH}")
foreach(command ${commands})
  separate_arguments(words UNIX_COMMAND "${command}")
  list(POP_FRONT words tool)
  find_program(found ${tool} NO_CACHE)
  if(found)
    message("${command}")
    execute_process(COMMAND ${found} ${words} COMMAND_ERROR_IS_FATAL ANY)
    return()
  endif()
endforeach()
list(JOIN commands "\n" commands)
message("${commands}")
message(FATAL_ERROR " none of the tools for ${BOARD} is installed; each of the commands above flashes it")
