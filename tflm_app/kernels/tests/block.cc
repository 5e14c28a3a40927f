// EMBBERT_BLOCK, which TFLM has no kernel for, beside TFLM's kernels of what it is made of, one after another.

#include "kernels/block.h"

#include <algorithm>
#include <cstring>

#include "kernels/mixture.h"
#include "kernels/unpack.h"
#include "operators.h"
#include "tensorflow/lite/c/builtin_op_data.h"
#include "tensorflow/lite/kernels/internal/quantization_util.h"
#include "tensorflow/lite/micro/kernels/add.h"
#include "tensorflow/lite/micro/kernels/depthwise_conv.h"
#include "tensorflow/lite/micro/kernels/fully_connected.h"
#include "tensorflow/lite/micro/kernels/micro_ops.h"
#include "tensorflow/lite/micro/kernels/softmax.h"

namespace {

using embbert::kernels::Block;
using embbert::kernels::BlockStep;
using embbert::kernels::Factor;

constexpr int kMostRows = 24, kMostWidth = 32, kMostTaps = 8;

// An int8 tensor [rows, columns].
struct Values {
  int rows, columns;
  float scale;
  int zero_point;
  int8_t bytes[(kMostRows + kMostTaps) * kMostWidth];

  size_t size() const { return static_cast<size_t>(rows * columns); }
  int8_t* PutInto(Case& tensors) const {
    return static_cast<int8_t*>(std::memcpy(tensors.AddInt8({rows, columns}, scale, zero_point), bytes, size()));
  }

  // Weights of 4 bits, two to a byte.
  int8_t* PackInto(Case& tensors) const {
    int8_t* packed = tensors.AddInt8({rows, columns / 2}, scale, 0);
    for (size_t i = 0; i < size() / 2; ++i) {
      const int8_t* group = bytes + i / 4 * embbert::kernels::kPackedStep + i % 4;
      packed[i] = static_cast<int8_t>((group[0] & 0xF) | (group[4] & 0xF) << 4);
    }
    return packed;
  }
};

Values RandomValues(Random& random, int rows, int columns, float scale, int zero_point) {
  Values values = {rows, columns, scale, zero_point, {}};
  for (size_t i = 0; i < values.size(); ++i) values.bytes[i] = random.Byte();
  return values;
}

// What TFLM's kernel makes of a case whose output is still to be added.
bool Answer(Case& tensors, const TFLMRegistration& kernel, const void* parameters, Values* output, int absent = 0) {
  const int8_t* bytes = tensors.AddInt8({output->rows, output->columns}, output->scale, output->zero_point);
  const bool ran = tensors.Run(kernel, kernel, parameters, absent).ran;
  std::memcpy(output->bytes, bytes, output->size());
  return ran;
}

int32_t* PutNumbers(Case& tensors, const int32_t* numbers, int count, float scale) {
  return static_cast<int32_t*>(
      std::memcpy(tensors.AddInt32({count}, scale), numbers, static_cast<size_t>(count) * sizeof(int32_t)));
}

bool Multiply(const Values& input, const Values& weights, const int32_t* bias, Values* output) {
  Case tensors;
  input.PutInto(tensors);
  weights.PutInto(tensors);
  if (bias != nullptr) PutNumbers(tensors, bias, weights.rows, input.scale * weights.scale);
  TfLiteFullyConnectedParams parameters = {};
  return Answer(tensors, tflite::Register_FULLY_CONNECTED(), &parameters, output, bias == nullptr);
}

Factor FactorOf(double real) {
  Factor factor = {};
  int shift = 0;
  tflite::QuantizeMultiplier(real, &factor.multiplier, &shift);
  factor.shift = shift;
  return factor;
}

BlockStep StepOf(const Values& input, float weights_scale, const Values& output) {
  return {FactorOf(static_cast<double>(input.scale * weights_scale) / static_cast<double>(output.scale)),
          output.zero_point};
}

// A block of random sizes and weights, and what lies between its steps.
class RandomBlock {
 public:
  explicit RandomBlock(Random& random) : random_(random) {
    for (int8_t& byte : activation_) byte = random.Byte();
    for (int i = 0; i < rows_; ++i) mask_[i] = random.OneIn(5) ? -(1 << 24) : 0;
    for (int i = 0; i < width_; ++i) {
      query_bias_[i] = SmallNumber();
      context_bias_[i] = SmallNumber();
      conv_bias_[i] = SmallNumber();
      conv_scales_[i] = random.Scale(1e-3f, 0.1f);
    }
  }

  // The answer of TFLM's kernels, step after step.
  bool AnswerByTflm() {
    const TfLiteL2NormParams norm = {kTfLiteActNone};
    const TfLiteSoftmaxParams softmax = {1};
    TfLiteAddParams add = {};
    Case normalized;
    x_.PutInto(normalized);
    if (!Answer(normalized, tflite::Register_L2_NORMALIZATION(), &norm, &n_)) return false;
    if (!Multiply(n_, query_kernel_, query_bias_, &query_) || !Multiply(query_, n_, mask_, &scores_)) return false;
    Case soft;
    scores_.PutInto(soft);
    if (!Answer(soft, tflite::Register_SOFTMAX(), &softmax, &probabilities_)) return false;
    Values columns = {width_, rows_, n_.scale, 0, {}};
    for (int i = 0; i < rows_ * width_; ++i) columns.bytes[i % width_ * rows_ + i / width_] = n_.bytes[i];
    if (!Multiply(probabilities_, columns, nullptr, &mixed_)) return false;
    if (!Multiply(mixed_, value_kernel_, context_bias_, &context_) || !Convolve()) return false;
    if (!Multiply(active_, contract_kernel_, nullptr, &contract_)) return false;
    Case sum;
    context_.PutInto(sum);
    contract_.PutInto(sum);
    return Answer(sum, tflite::Register_ADD(), &add, &output_);
  }

  // Ours, beside the one that is there.
  Outcome Compare() {
    Case tensors;
    Block block = {};
    block.options = Options();
    block.rows = rows_;
    block.width = width_;
    block.taps = taps_;
    block.x = x_.PutInto(tensors);
    block.mask = PutNumbers(tensors, mask_, rows_, 0);
    block.packed = packed_;
    block.query_kernel = packed_ ? query_kernel_.PackInto(tensors) : query_kernel_.PutInto(tensors);
    block.value_kernel = packed_ ? value_kernel_.PackInto(tensors) : value_kernel_.PutInto(tensors);
    block.contract_kernel = packed_ ? contract_kernel_.PackInto(tensors) : contract_kernel_.PutInto(tensors);
    block.query_bias = PutNumbers(tensors, query_bias_, width_, 0);
    block.context_bias = PutNumbers(tensors, context_bias_, width_, 0);
    block.conv_kernel = conv_kernel_.PutInto(tensors);
    block.conv_bias = PutNumbers(tensors, conv_bias_, width_, 0);
    int32_t multipliers[kMostWidth], shifts[kMostWidth];
    for (int i = 0; i < width_; ++i) {
      const double scale = static_cast<double>(n_.scale) * static_cast<double>(conv_scales_[i]);
      const Factor factor = FactorOf(scale / static_cast<double>(conv_.scale));
      multipliers[i] = factor.multiplier;
      shifts[i] = factor.shift;
    }
    block.conv_multipliers = PutNumbers(tensors, multipliers, width_, 0);
    block.conv_shifts = PutNumbers(tensors, shifts, width_, 0);
    block.activation = static_cast<int8_t*>(std::memcpy(tensors.AddInt8({256}, 1, 0), activation_, 256));
    const int scratch = embbert::kernels::BlockScratchBytes(tile_rows_, rows_, width_, packed_);
    block.scratch = tensors.AddInt8({scratch}, 1, 0);
    block.output = tensors.AddInt8({rows_, width_}, 1, 0);
    embbert::kernels::ComputeBlock(block);
    Outcome outcome = {};
    outcome.ran = true;
    outcome.elements = output_.size();
    for (size_t i = 0; i < output_.size(); ++i) outcome.different += block.output[i] != output_.bytes[i];
    outcome.kept_within = Case::KeptWithin(block.output, output_.size()) && Case::KeptWithin(block.x, output_.size()) &&
                          Case::KeptWithin(block.scratch, static_cast<size_t>(scratch));
    return outcome;
  }

 private:
  int32_t SmallNumber() { return static_cast<int32_t>(random_.Next()) >> random_.Integer(16, 24); }

  Values Weights(int rows) { return RandomValues(random_, rows, width_, random_.Scale(1e-3f, 0.1f), 0); }

  // Of 4 bits where they are to be packed.
  Values DenseWeights() {
    Values weights = Weights(width_);
    for (size_t i = 0; packed_ && i < weights.size(); ++i) weights.bytes[i] = static_cast<int8_t>(weights.bytes[i] >> 4);
    return weights;
  }

  // What a dense of some scale, or a convolution, writes.
  Values Hidden(int columns, float product) {
    return {rows_, columns, product * random_.Scale(16, 1024), random_.ZeroPoint(), {}};
  }

  // Pads before the first row, a convolution, and what the activation makes of each byte.
  bool Convolve() {
    Case tensors;
    const int before = taps_ - 1;
    int8_t* padded = tensors.AddInt8({1, 1, before + rows_, width_}, n_.scale, 0);
    std::fill_n(padded, before * width_, static_cast<int8_t>(0));
    std::memcpy(padded + before * width_, n_.bytes, n_.size());
    std::memcpy(tensors.AddPerChannel({1, 1, taps_, width_}, conv_scales_, width_, 3), conv_kernel_.bytes,
                conv_kernel_.size());
    PutNumbers(tensors, conv_bias_, width_, n_.scale * conv_scales_[0]);
    const TfLiteDepthwiseConvParams parameters = {kTfLitePaddingValid, 1, 1, 1, kTfLiteActNone, 1, 1};
    const int8_t* output = tensors.AddInt8({1, 1, rows_, width_}, conv_.scale, conv_.zero_point);
    const TFLMRegistration kernel = tflite::Register_DEPTHWISE_CONV_2D();
    const bool ran = tensors.Run(kernel, kernel, &parameters).ran;
    for (size_t i = 0; i < active_.size(); ++i) active_.bytes[i] = activation_[static_cast<uint8_t>(output[i])];
    return ran;
  }

  embbert::kernels::BlockOptions Options() const {
    embbert::kernels::BlockOptions options = {};
    options.tile_rows = tile_rows_;
    options.input_zero_point = x_.zero_point;
    options.query = StepOf(n_, query_kernel_.scale, query_);
    options.scores = StepOf(query_, n_.scale, scores_);
    options.mixed = StepOf(probabilities_, n_.scale, mixed_);
    options.context = StepOf(mixed_, value_kernel_.scale, context_);
    options.contract = StepOf(active_, contract_kernel_.scale, contract_);
    options.conv_zero_point = conv_.zero_point;
    options.active_zero_point = active_.zero_point;
    int shift = 0;
    tflite::PreprocessSoftmaxScaling(1, static_cast<double>(scores_.scale), 5, &options.exponential.multiplier, &shift);
    options.exponential.left_shift = shift;
    options.exponential.diff_min = -tflite::CalculateInputRadius(5, shift);
    const double twice = 2 * static_cast<double>(std::max(context_.scale, contract_.scale));
    options.context_term = FactorOf(static_cast<double>(context_.scale) / twice);
    options.contract_term = FactorOf(static_cast<double>(contract_.scale) / twice);
    options.output = FactorOf(twice / ((1 << 20) * static_cast<double>(output_.scale)));
    options.output_zero_point = output_.zero_point;
    return options;
  }

  Random& random_;
  int rows_ = random_.Integer(2, kMostRows), width_ = 4 * random_.Integer(1, kMostWidth / 4);
  bool packed_ = width_ % embbert::kernels::kPackedStep == 0 && random_.OneIn(2);
  int taps_ = random_.Integer(1, kMostTaps), tile_rows_ = random_.Integer(1, embbert::kernels::kMostMixed);
  Values x_ = RandomValues(random_, rows_, width_, random_.Scale(1e-3f, 0.1f), random_.ZeroPoint());
  Values query_kernel_ = DenseWeights(), value_kernel_ = DenseWeights(), contract_kernel_ = DenseWeights();
  Values conv_kernel_ = Weights(taps_);
  Values n_ = {rows_, width_, 1.0f / 128, 0, {}};
  Values query_ = Hidden(width_, n_.scale * query_kernel_.scale);
  Values scores_ = Hidden(rows_, query_.scale * n_.scale);
  Values probabilities_ = {rows_, rows_, 1.0f / 256, -128, {}};
  Values mixed_ = Hidden(width_, probabilities_.scale * n_.scale);
  Values context_ = Hidden(width_, mixed_.scale * value_kernel_.scale);
  Values conv_ = Hidden(width_, n_.scale * 0.01f);
  Values active_ = {rows_, width_, conv_.scale, random_.ZeroPoint(), {}};
  Values contract_ = Hidden(width_, active_.scale * contract_kernel_.scale);
  Values output_ = {rows_, width_, std::max(context_.scale, contract_.scale) * random_.Scale(0.5f, 4), random_.ZeroPoint(), {}};
  int32_t mask_[kMostRows], query_bias_[kMostWidth], context_bias_[kMostWidth], conv_bias_[kMostWidth];
  float conv_scales_[kMostWidth];
  int8_t activation_[256];
};

}  // namespace

Outcome RunBlock(Random& random) {
  RandomBlock block(random);
  if (!block.AnswerByTflm()) return {};
  return block.Compare();
}
