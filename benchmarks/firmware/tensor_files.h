// The bytes of a model's input and output tensors, from and to files of the host.

#ifndef BENCHMARKS_FIRMWARE_TENSOR_FILES_H_
#define BENCHMARKS_FIRMWARE_TENSOR_FILES_H_

#include <cstdint>
#include <cstring>

#include "boards/common/semihosting.h"
#include "tensorflow/lite/micro/micro_interpreter.h"

constexpr std::size_t kTensorBytes = 1 << 20;
[[gnu::section(".bulk")]] static std::uint8_t tensor_bytes[kTensorBytes];

// Fills the inputs with a file, one after another; false when it cannot be read or is too short.
inline bool ReadInputs(tflite::MicroInterpreter& interpreter, const char* path) {
  const long length = semihosting::ReadFile(path, tensor_bytes, kTensorBytes);
  if (length < 0) return false;
  const std::uint8_t* next = tensor_bytes;
  for (std::size_t i = 0; i < interpreter.inputs_size(); ++i) {
    const TfLiteTensor* input = interpreter.input(i);
    if (next + input->bytes > tensor_bytes + length) return false;
    std::memcpy(input->data.raw, next, input->bytes);
    next += input->bytes;
  }
  return true;
}

// Writes the outputs into a file, one after another; false when they are too long or it cannot be written.
inline bool WriteOutputs(tflite::MicroInterpreter& interpreter, const char* path) {
  std::uint8_t* next = tensor_bytes;
  for (std::size_t i = 0; i < interpreter.outputs_size(); ++i) {
    const TfLiteTensor* output = interpreter.output(i);
    if (next + output->bytes > tensor_bytes + kTensorBytes) return false;
    std::memcpy(next, output->data.raw, output->bytes);
    next += output->bytes;
  }
  return semihosting::WriteFile(path, tensor_bytes, static_cast<std::size_t>(next - tensor_bytes));
}

#endif  // BENCHMARKS_FIRMWARE_TENSOR_FILES_H_
