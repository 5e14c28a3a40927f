// Depthwise convolutions along one line, as of text or sound: of each channel the line is copied to where neighbours
// lie side by side, so that one instruction multiplies several taps.

#include <algorithm>
#include <cstring>

#include "kernels/depthwise.h"

namespace embbert::kernels {
#if EMBBERT_MVE || EMBBERT_DSP

namespace {

#if EMBBERT_MVE
using Value = int8_t;  // the inputs' offset goes to the sums
constexpr int kStep = 16;
#else
using Value = int16_t;
constexpr int kStep = 2;
#endif

constexpr int kOutputs = 4;  // at a time
constexpr int kMaxStride = 4;
constexpr int kSlack = kOutputs * kMaxStride + 16;  // values that are read and not used

int LineLength(const Depthwise& depthwise) {
  return (depthwise.x.outputs - 1) * depthwise.x.stride + depthwise.x.taps;
}

// One channel: its weights and one line of its inputs, padded with what counts as zero.
class Line {
 public:
  Line(const Depthwise& depthwise, int channel) : depthwise_(depthwise), channel_(channel) {
    int32_t sum = 0;
    const int8_t* weight = depthwise.weights + channel;
    for (int tap = 0; tap < depthwise.x.taps; ++tap, weight += depthwise.channels) {
      weights_[tap] = *weight;
      sum += *weight;
    }
    std::fill_n(weights_ + depthwise.x.taps, kStep, Value{0});
    std::fill_n(values_ + LineLength(depthwise), kSlack, Value{0});
    begin_ = depthwise.bias ? depthwise.bias[channel] : 0;
    if (EMBBERT_MVE) begin_ += depthwise.input_offset * sum;
  }

  void Compute(const int8_t* input, int8_t* output) {
    Load(input + channel_);
    for (int i = 0; i < depthwise_.x.outputs; i += kChunk) {
      const int count = std::min(kChunk, depthwise_.x.outputs - i);
      for (int j = 0; j < count; j += kOutputs) Add(values_ + (i + j) * depthwise_.x.stride, sums_ + j);
      Store(count, output + i * depthwise_.channels + channel_);
    }
  }

 private:
  static constexpr int kChunk = 32;  // outputs whose sums are kept

  void Load(const int8_t* input) {
    const int channels = depthwise_.channels, length = LineLength(depthwise_);
    const int before = std::min(depthwise_.x.padding, length);
    const int end = std::min(length, depthwise_.x.padding + depthwise_.x.inputs);
    const int32_t offset = EMBBERT_MVE ? 0 : depthwise_.input_offset;
    const auto zero = static_cast<Value>(EMBBERT_MVE ? -depthwise_.input_offset : 0);
    std::fill(values_, values_ + before, zero);
    Value* value = values_ + before;
#pragma GCC unroll 4
    for (int i = end - before; i > 0; --i, input += channels) *value++ = static_cast<Value>(*input + offset);
    std::fill(values_ + std::max(before, end), values_ + length, zero);
  }

#if EMBBERT_MVE
  void Add(const Value* values, int32_t* sums) const {
    int32_t s0 = begin_, s1 = begin_, s2 = begin_, s3 = begin_;
    const Value *x0 = values, *x1 = x0 + depthwise_.x.stride, *x2 = x1 + depthwise_.x.stride;
    const Value* x3 = x2 + depthwise_.x.stride;
    for (int tap = 0; tap < depthwise_.x.taps; tap += kStep) {
      const int8x16_t weights = vldrbq_s8(weights_ + tap);
      s0 = vmladavaq_s8(s0, weights, vldrbq_s8(x0 + tap));
      s1 = vmladavaq_s8(s1, weights, vldrbq_s8(x1 + tap));
      s2 = vmladavaq_s8(s2, weights, vldrbq_s8(x2 + tap));
      s3 = vmladavaq_s8(s3, weights, vldrbq_s8(x3 + tap));
    }
    sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
  }

  void Store(int count, int8_t* output) const {
    const VectorRescale rescale(vdupq_n_s32(depthwise_.multipliers[channel_]), vdupq_n_s32(depthwise_.shifts[channel_]));
    const auto channels = static_cast<uint32_t>(depthwise_.channels);
    const uint32x4_t places = vmulq_n_u32(vidupq_n_u32(0, 1), channels);
    for (int i = 0; i < count; i += 4) {
      const int32x4_t bytes = Clamp(rescale(vld1q_s32(sums_ + i)), depthwise_.range);
      vstrbq_scatter_offset_p_s32(output + static_cast<uint32_t>(i) * channels, places, bytes,
                                  vctp32q(static_cast<uint32_t>(count - i)));
    }
  }
#else
  static int16x2_t Pair(const Value* values) {
    uint32_t word;
    std::memcpy(&word, values, sizeof(word));
    return static_cast<int16x2_t>(word);
  }

  void Add(const Value* values, int32_t* sums) const {
    int32_t s0 = begin_, s1 = begin_, s2 = begin_, s3 = begin_;
    const Value *x0 = values, *x1 = x0 + depthwise_.x.stride, *x2 = x1 + depthwise_.x.stride;
    const Value *x3 = x2 + depthwise_.x.stride, *weight = weights_, *end = weights_ + depthwise_.x.taps;
#pragma GCC unroll 4
    for (; weight < end; weight += kStep, x0 += kStep, x1 += kStep, x2 += kStep, x3 += kStep) {
      const int16x2_t weights = Pair(weight);
      s0 = __smlad(weights, Pair(x0), s0);
      s1 = __smlad(weights, Pair(x1), s1);
      s2 = __smlad(weights, Pair(x2), s2);
      s3 = __smlad(weights, Pair(x3), s3);
    }
    sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
  }

  void Store(int count, int8_t* output) const {
    const int channels = depthwise_.channels;
    const int32_t* sum = sums_;
    WithRescale(depthwise_.multipliers[channel_], depthwise_.shifts[channel_], depthwise_.range, [=](const auto& byte) {
      for (int i = 0; i < count; ++i) output[i * channels] = byte(sum[i]);
    });
  }
#endif

  const Depthwise& depthwise_;
  int channel_;
  int32_t begin_;
  int32_t sums_[kChunk];
  Value weights_[kMaxTaps + kStep];
  Value values_[kMaxLine + kSlack];
};

}  // namespace

bool IsLine(const Depthwise& depthwise) {
  return depthwise.y.taps == 1 && depthwise.y.padding == 0 && depthwise.x.dilation == 1 &&
         depthwise.x.taps >= kLeastLineTaps && depthwise.x.stride <= kMaxStride && LineLength(depthwise) <= kMaxLine;
}

void ComputeLines(const Depthwise& depthwise) {
  const int in = depthwise.x.inputs * depthwise.channels, out = depthwise.x.outputs * depthwise.channels;
  for (int channel = 0; channel < depthwise.channels; ++channel) {
    Line line(depthwise, channel);
    for (int batch = 0; batch < depthwise.batches; ++batch) {
      for (int y = 0; y < depthwise.y.outputs; ++y) {
        line.Compute(depthwise.input + (batch * depthwise.y.inputs + y * depthwise.y.stride) * in,
                     depthwise.output + (batch * depthwise.y.outputs + y) * out);
      }
    }
  }
}

#else

bool IsLine(const Depthwise&) { return false; }
void ComputeLines(const Depthwise& depthwise) { ComputeDepthwise(depthwise); }

#endif

}  // namespace embbert::kernels
