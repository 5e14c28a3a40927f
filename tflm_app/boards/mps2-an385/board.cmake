# Arm MPS2 with the image AN385, Cortex-M3 (Arm DAI 0385); run under QEMU.
set(BOARD_ARCH cortex-m3 CACHE STRING "cortex-m3, or cortex-m0plus, whose code it runs too")
set(BOARD_FLOAT_ABI soft)
set(BOARD_SOURCES common/cmsdk_uart.cc common/semihosting.cc)
set(BOARD_DEFINITIONS BOARD_UART_BASE=0x40004000u BOARD_PERIPHERAL_HZ=25000000u BOARD_CLOCK_HZ=25000000u)
set(BOARD_QEMU mps2-an385)
