# Netduino Plus 2, an STM32F405RG with a Cortex-M4F (ST RM0090); run under QEMU, not on the board.
set(BOARD_ARCH cortex-m4+fp)
set(BOARD_FLOAT_ABI hard)
set(BOARD_SOURCES netduinoplus2/stm32f405.cc common/semihosting.cc)
set(BOARD_DEFINITIONS BOARD_CLOCK_HZ=168000000u)
set(BOARD_RUN qemu-system-arm -M netduinoplus2 -display none -monitor none -serial stdio
    -semihosting-config enable=on,target=native -kernel)
