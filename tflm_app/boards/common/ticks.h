// The tick counter of every Cortex-M: SysTick, 24 bits, made 64 by its interrupt.

#ifndef TFLM_APP_BOARDS_COMMON_TICKS_H_
#define TFLM_APP_BOARDS_COMMON_TICKS_H_

namespace board {

// Starts it at the core's clock; a board's Initialise calls it.
void StartTicks();

}  // namespace board

#endif  // TFLM_APP_BOARDS_COMMON_TICKS_H_
