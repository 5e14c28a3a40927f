# Arm MPS2 with the image AN500, Cortex-M7 (Arm DAI 0500); run under QEMU.
set(BOARD_ARCH cortex-m7+fp)
set(BOARD_FLOAT_ABI hard)
set(BOARD_SOURCES common/cmsdk_uart.cc common/semihosting.cc)
set(BOARD_DEFINITIONS BOARD_UART_BASE=0x40004000u BOARD_PERIPHERAL_HZ=25000000u BOARD_CLOCK_HZ=25000000u)
set(BOARD_QEMU mps2-an500)
