// One operator with its tensors, answered by TFLM's kernel and by ours.

#ifndef EMBBERT_KERNELS_TESTS_CASE_H_
#define EMBBERT_KERNELS_TESTS_CASE_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "tensorflow/lite/core/c/common.h"
#include "tensorflow/lite/micro/micro_common.h"

// What the kernels of one case made of it.
struct Outcome {
  bool ran;                // both prepared and ran
  size_t elements;         // of the output
  size_t different;        // bytes of the output that are not TFLM's
  bool kept_within;        // neither wrote beside its output
  uint64_t stock, ours;    // ticks of one Invoke
};

// Tensors with red zones around them: AddressSanitizer stops a read there, and a write shows in Outcome::kept_within.
class Case {
 public:
  Case();

  // An int8 tensor of given scale and zero point; returns its bytes to be filled.
  int8_t* AddInt8(std::initializer_list<int> shape, float scale, int zero_point);
  // The same with a scale for each index of a dimension.
  int8_t* AddPerChannel(std::initializer_list<int> shape, const float* scales, int count, int dimension);
  int32_t* AddInt32(std::initializer_list<int> shape, float scale = 0);  // 0: integers that stand for themselves

  // The tensor added last is the output, those before it are the inputs (`absent` of them at the end missing).
  Outcome Run(const TFLMRegistration& stock, const TFLMRegistration& ours, const void* parameters, int absent = 0);

  // Whether nothing was written beside the bytes of a tensor.
  static bool KeptWithin(const void* data, size_t bytes);

 private:
  TfLiteTensor* Add(TfLiteType type, size_t element_bytes, std::initializer_list<int> shape);
  bool Answer(const TFLMRegistration& registration, const void* parameters, int absent, uint64_t* ticks);

  static constexpr int kMaxTensors = 16;
  TfLiteTensor tensors_[kMaxTensors];
  int count_ = 0;
};

#endif  // EMBBERT_KERNELS_TESTS_CASE_H_
