# Netduino Plus 2, an STM32F405RG with a Cortex-M4F (ST RM0090); run under QEMU, not on the board. It is flashed by USB,
# in the loader that its button starts at reset, or by a debug probe.
set(BOARD_ARCH cortex-m4+fp)
set(BOARD_FLOAT_ABI hard)
set(BOARD_SOURCES netduinoplus2/stm32f405.cc common/semihosting.cc)
set(BOARD_DEFINITIONS BOARD_CLOCK_HZ=168000000u)
set(BOARD_NOTE "run under QEMU, not on the board")
set(BOARD_QEMU netduinoplus2)
set(BOARD_FLASH "dfu-util -a 0 -s 0x08000000:leave -D 'PROGRAM.bin'" "st-flash --reset --format ihex write 'PROGRAM.hex'")
