// The caches of a Cortex-M7.

#ifndef TFLM_APP_BOARDS_COMMON_CACHES_H_
#define TFLM_APP_BOARDS_COMMON_CACHES_H_

namespace board {

// Empties both, whose contents are unknown after a reset, and turns them on.
void StartCaches();

}  // namespace board

#endif  // TFLM_APP_BOARDS_COMMON_CACHES_H_
