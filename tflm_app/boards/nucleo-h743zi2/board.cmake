# ST Nucleo-H743ZI2, an STM32H743ZI with a Cortex-M7 (ST RM0433, UM2407): compiles, not run here; no emulator has it.
set(BOARD_ARCH cortex-m7+fp)
set(BOARD_FLOAT_ABI hard)
set(BOARD_SOURCES common/caches.cc nucleo-h743zi2/stm32h743.cc)
set(BOARD_DEFINITIONS BOARD_CLOCK_HZ=480000000u)
set(BOARD_NOTE "compiles, not run here")
set(BOARD_FLASH "STM32_Programmer_CLI -c port=SWD -w 'PROGRAM.hex' -rst"
    "st-flash --reset --format ihex write 'PROGRAM.hex'"
    "openocd -f board/st_nucleo_h743zi.cfg -c 'program {PROGRAM.hex} verify reset exit'")
