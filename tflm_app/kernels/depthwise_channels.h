// A few neighbouring channels of a depthwise convolution: their weights, widened once, and their sums at one position.

#ifndef EMBBERT_KERNELS_DEPTHWISE_CHANNELS_H_
#define EMBBERT_KERNELS_DEPTHWISE_CHANNELS_H_

#include <algorithm>
#include <cstdint>

#include "kernels/depthwise.h"
#include "kernels/instructions.h"

namespace embbert::kernels {

#if EMBBERT_MVE

// Four channels, or those that are left.
class Channels {
 public:
  static constexpr int kCount = 4;

  Channels(const Depthwise& depthwise, int channel)
      : depthwise_(depthwise), some_(vctp32q(static_cast<uint32_t>(depthwise.channels - channel))),
        rescale_(vldrwq_z_s32(depthwise.multipliers + channel, some_), vldrwq_z_s32(depthwise.shifts + channel, some_)),
        bias_(depthwise.bias ? vldrwq_z_s32(depthwise.bias + channel, some_) : vdupq_n_s32(0)), sums_(bias_) {
    for (int tap = 0; tap < depthwise.y.taps * depthwise.x.taps; ++tap) {
      vst1q_s32(taps_[tap], vldrbq_z_s32(depthwise.weights + tap * depthwise.channels + channel, some_));
    }
  }

  void Begin() { sums_ = bias_; }

  // Adds the products of `count` taps from `tap` on; `step` lies between their inputs.
  void Add(int tap, const int8_t* input, int step, int count) {
    const int32_t(*weights)[kCount] = taps_ + tap;
    int32x4_t sums = sums_;
    for (; count > 0; --count, ++weights, input += step) {
      const int32x4_t x = vaddq_n_s32(vldrbq_z_s32(input, some_), depthwise_.input_offset);
      sums = vaddq_s32(sums, vmulq_s32(x, vld1q_s32(*weights)));
    }
    sums_ = sums;
  }

  void Store(int8_t* output) const { vstrbq_p_s32(output, Clamp(rescale_(sums_), depthwise_.range), some_); }

 private:
  const Depthwise& depthwise_;
  mve_pred16_t some_;
  VectorRescale rescale_;
  int32x4_t bias_, sums_;
  int32_t taps_[kMaxTaps][kCount];
};

#else

// The weights of kChannels channels at one tap, and how they are multiplied.
template <int kChannels>
struct Tap {
  int8_t weights[kChannels];

  void Widen(const int8_t* bytes) { std::copy_n(bytes, kChannels, weights); }

  void AddTo(int32_t* sums, const int8_t* input, int32_t offset) const {
    for (int i = 0; i < kChannels; ++i) sums[i] += (input[i] + offset) * weights[i];
  }
};

#if EMBBERT_DSP

template <>
struct Tap<4> {
  uint32_t even, odd;  // channels 0 and 2, 1 and 3

  void Widen(const int8_t* bytes) {
    even = AddEvenBytes(0, LoadWord(bytes));
    odd = AddOddBytes(0, LoadWord(bytes));
  }

  // `offset` has two halves.
  void AddTo(int32_t* sums, const int8_t* input, int32_t offset) const {
    const uint32_t word = LoadWord(input);
    const uint32_t x_even = AddEvenBytes(static_cast<uint32_t>(offset), word);
    const uint32_t x_odd = AddOddBytes(static_cast<uint32_t>(offset), word);
    sums[0] = AddLowProduct(x_even, even, sums[0]);
    sums[1] = AddLowProduct(x_odd, odd, sums[1]);
    sums[2] = AddHighProduct(x_even, even, sums[2]);
    sums[3] = AddHighProduct(x_odd, odd, sums[3]);
  }
};

#endif

template <int kChannels>
class Channels {
 public:
  static constexpr int kCount = kChannels;

  Channels(const Depthwise& depthwise, int channel)
      : range_(depthwise.range), multipliers_(depthwise.multipliers + channel), shifts_(depthwise.shifts + channel),
        offset_(Offset(depthwise.input_offset)) {
    for (int tap = 0; tap < depthwise.y.taps * depthwise.x.taps; ++tap) {
      taps_[tap].Widen(depthwise.weights + tap * depthwise.channels + channel);
    }
    if (depthwise.bias) std::copy_n(depthwise.bias + channel, kChannels, bias_);
  }

  void Begin() { std::copy_n(bias_, kChannels, sums_); }

  // Adds the products of `count` taps from `tap` on; `step` lies between their inputs.
  void Add(int tap, const int8_t* input, int step, int count) {
    int32_t sums[kChannels];
    std::copy_n(sums_, kChannels, sums);
    const Tap<kChannels>* weights = taps_ + tap;
#pragma GCC unroll 4
    for (; count > 0; --count, ++weights, input += step) weights->AddTo(sums, input, offset_);
    std::copy_n(sums, kChannels, sums_);
  }

  void Store(int8_t* output) const {
    for (int i = 0; i < kChannels; ++i) {
      const int32_t sum = sums_[i];
      WithRescale(multipliers_[i], shifts_[i], range_, [=](const auto& byte) { output[i] = byte(sum); });
    }
  }

 private:
  static int32_t Offset(int32_t offset) {
    const bool halves = EMBBERT_DSP && kChannels == 4;
    return halves ? static_cast<int32_t>(static_cast<uint32_t>(offset) << 16 | (static_cast<uint32_t>(offset) & 0xFFFF))
                  : offset;
  }

  const OutputRange range_;
  const int32_t *multipliers_, *shifts_;
  const int32_t offset_;
  int32_t bias_[kChannels] = {}, sums_[kChannels];
  Tap<kChannels> taps_[kMaxTaps];
};

#endif

}  // namespace embbert::kernels

#endif  // EMBBERT_KERNELS_DEPTHWISE_CHANNELS_H_
