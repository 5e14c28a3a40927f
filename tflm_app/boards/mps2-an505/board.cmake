# Arm MPS2+ with the image AN505, Cortex-M33 (Arm DAI 0505); run under QEMU.
set(BOARD_ARCH cortex-m33)
set(BOARD_FLOAT_ABI hard)
set(BOARD_SOURCES common/cmsdk_uart.cc common/semihosting.cc)
set(BOARD_DEFINITIONS BOARD_UART_BASE=0x50200000u BOARD_PERIPHERAL_HZ=20000000u BOARD_CLOCK_HZ=20000000u)
set(BOARD_QEMU mps2-an505)
