# Linux: standard input and output, nanoseconds.
set(BOARD_SOURCES host/linux.cc)
