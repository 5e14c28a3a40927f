// SUB and MUL of int32, which masks of pads are made by: TFLM's kernels have all types in them, 17 KB of flash.

#ifndef EMBBERT_KERNELS_INT32_H_
#define EMBBERT_KERNELS_INT32_H_

#include "tensorflow/lite/micro/micro_common.h"

namespace embbert::kernels {

// Of one shape, or with one number on either side; anything else is refused in Prepare.
TFLMRegistration MulInt32();
TFLMRegistration SubInt32();

}  // namespace embbert::kernels

#endif  // EMBBERT_KERNELS_INT32_H_
