# Arm MPS3 with the image AN547, Cortex-M55 with MVE (Arm DAI 0547); run under QEMU.
set(BOARD_ARCH cortex-m55)
set(BOARD_FLOAT_ABI hard)
set(BOARD_SOURCES common/cmsdk_uart.cc common/semihosting.cc)
set(BOARD_DEFINITIONS BOARD_UART_BASE=0x59303000u BOARD_PERIPHERAL_HZ=25000000u BOARD_CLOCK_HZ=32000000u)
set(BOARD_QEMU mps3-an547)
