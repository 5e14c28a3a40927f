# The target `tidy`: clang-tidy (.clang-tidy) on those of our sources that a build compiles.

get_filename_component(app ${CMAKE_CURRENT_LIST_DIR} DIRECTORY)
set(arguments -extra-arg=-std=c++17)
if(BOARD_ARCH)  # Clang compiles for the core with the headers of the GNU toolchain, whose -mfpu=auto it does not know
  set(directories ${CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES})
  list(FILTER directories EXCLUDE REGEX lib/gcc)  # what the compiler itself brings, of which Clang has its own
  list(TRANSFORM directories PREPEND -extra-arg=-isystem)
  list(APPEND arguments ${directories} -extra-arg=--target=arm-none-eabi -extra-arg=-mfpu=fpv5-d16)
endif()
add_custom_target(tidy COMMAND run-clang-tidy -quiet -p ${CMAKE_BINARY_DIR} ${arguments} ^${app}/ VERBATIM)
