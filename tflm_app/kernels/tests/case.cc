#include "case.h"

#include <cstring>

#include "boards/board.h"
#include "tensorflow/lite/micro/kernels/kernel_runner.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) static_cast<void>(0)
#define ASAN_UNPOISON_MEMORY_REGION(address, size) static_cast<void>(0)
#endif

namespace {

constexpr size_t kPoolBytes = 128 << 10, kRedZone = 64;
constexpr uint8_t kGuard = 0xC7;

alignas(16) uint8_t pool[kPoolBytes];
size_t pool_used;
uint8_t* output_copy = pool + kPoolBytes / 2;  // the upper half: what TFLM's kernel answered

void* Place(size_t bytes, size_t alignment) {
  pool_used = (pool_used + kRedZone + alignment - 1) / alignment * alignment;
  void* place = pool + pool_used;
  pool_used += bytes;
  if (pool_used + kRedZone > kPoolBytes / 2) board::Exit(4);
  ASAN_UNPOISON_MEMORY_REGION(place, bytes);
  return place;
}

TfLiteIntArray* IntArray(const int* values, size_t count) {
  auto* array = static_cast<int*>(Place((count + 1) * sizeof(int), alignof(int)));
  array[0] = static_cast<int>(count);
  std::memcpy(array + 1, values, count * sizeof(int));
  return reinterpret_cast<TfLiteIntArray*>(array);
}

// Zero points are zero.
void SetQuantization(TfLiteTensor* tensor, const float* scales, int count, int zero_point, int dimension) {
  auto* array = static_cast<float*>(Place(static_cast<size_t>(count + 1) * sizeof(float), alignof(float)));
  std::memcpy(array, &count, sizeof(count));
  std::memcpy(array + 1, scales, static_cast<size_t>(count) * sizeof(float));
  auto* affine = static_cast<TfLiteAffineQuantization*>(Place(sizeof(TfLiteAffineQuantization), 8));
  auto* zero_points = static_cast<int*>(Place(static_cast<size_t>(count + 1) * sizeof(int), alignof(int)));
  zero_points[0] = count;
  for (int i = 1; i <= count; ++i) zero_points[i] = zero_point;
  affine->scale = reinterpret_cast<TfLiteFloatArray*>(array);
  affine->zero_point = reinterpret_cast<TfLiteIntArray*>(zero_points);
  affine->quantized_dimension = dimension;
  tensor->quantization = {kTfLiteAffineQuantization, affine};
  tensor->params = {scales[0], zero_point};
}

bool Untouched(const uint8_t* bytes) {
  for (size_t i = 0; i < kRedZone; ++i) {
    if (bytes[i] != kGuard) return false;
  }
  return true;
}

}  // namespace

Case::Case() {
  ASAN_UNPOISON_MEMORY_REGION(pool, kPoolBytes);
  std::memset(pool, kGuard, kPoolBytes / 2);
  ASAN_POISON_MEMORY_REGION(pool, kPoolBytes / 2);
  pool_used = 0;
}

TfLiteTensor* Case::Add(TfLiteType type, size_t element_bytes, std::initializer_list<int> shape) {
  TfLiteTensor* tensor = &tensors_[count_++];
  *tensor = {};
  tensor->type = type;
  tensor->dims = IntArray(shape.begin(), shape.size());
  tensor->bytes = element_bytes;
  for (const int extent : shape) tensor->bytes *= static_cast<size_t>(extent);
  tensor->data.data = Place(tensor->bytes, element_bytes);  // int8 tensors lie at odd addresses as well
  tensor->allocation_type = kTfLiteArenaRw;
  return tensor;
}

int8_t* Case::AddInt8(std::initializer_list<int> shape, float scale, int zero_point) {
  TfLiteTensor* tensor = Add(kTfLiteInt8, 1, shape);
  SetQuantization(tensor, &scale, 1, zero_point, 0);
  return tensor->data.int8;
}

int8_t* Case::AddPerChannel(std::initializer_list<int> shape, const float* scales, int count, int dimension) {
  TfLiteTensor* tensor = Add(kTfLiteInt8, 1, shape);
  SetQuantization(tensor, scales, count, 0, dimension);
  return tensor->data.int8;
}

int32_t* Case::AddInt32(std::initializer_list<int> shape, float scale) {
  TfLiteTensor* tensor = Add(kTfLiteInt32, 4, shape);
  if (scale != 0) SetQuantization(tensor, &scale, 1, 0, 0);
  return tensor->data.i32;
}

bool Case::Answer(const TFLMRegistration& registration, const void* parameters, int absent, uint64_t* ticks) {
  int inputs[kMaxTensors + 1], outputs[] = {1, count_ - 1};
  inputs[0] = count_ - 1 + absent;
  for (int i = 0; i < count_ - 1 + absent; ++i) inputs[i + 1] = i < count_ - 1 ? i : -1;
  tflite::micro::KernelRunner runner(registration, tensors_, count_, reinterpret_cast<TfLiteIntArray*>(inputs),
                                     reinterpret_cast<TfLiteIntArray*>(outputs), parameters);
  if (runner.InitAndPrepare() != kTfLiteOk) return false;
  const uint64_t start = board::Ticks();
  const bool ran = runner.Invoke() == kTfLiteOk;
  *ticks = board::Ticks() - start;
  return ran;
}

Outcome Case::Run(const TFLMRegistration& stock, const TFLMRegistration& ours, const void* parameters, int absent) {
  TfLiteTensor& output = tensors_[count_ - 1];
  auto* bytes = static_cast<uint8_t*>(output.data.data);
  Outcome outcome = {};
  outcome.elements = output.bytes;
  if (!Answer(stock, parameters, absent, &outcome.stock)) return outcome;
  std::memcpy(output_copy, bytes, output.bytes);
  for (size_t i = 0; i < output.bytes; ++i) bytes[i] = static_cast<uint8_t>(~output_copy[i]);
  outcome.ran = Answer(ours, parameters, absent, &outcome.ours);
  for (size_t i = 0; i < output.bytes; ++i) outcome.different += bytes[i] != output_copy[i];
  outcome.kept_within = KeptWithin(bytes, output.bytes);
  return outcome;
}

bool Case::KeptWithin(const void* data, size_t bytes) {
  ASAN_UNPOISON_MEMORY_REGION(pool, kPoolBytes);
  const auto* first = static_cast<const uint8_t*>(data);
  return Untouched(first - kRedZone) && Untouched(first + bytes);
}
