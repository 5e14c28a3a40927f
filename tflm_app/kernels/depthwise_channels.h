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
        bias_(depthwise.bias ? vldrwq_z_s32(depthwise.bias + channel, some_) : vdupq_n_s32(0)) {
    for (int tap = 0; tap < depthwise.y.taps * depthwise.x.taps; ++tap) {
      vst1q_s32(taps_[tap], vldrbq_z_s32(depthwise.weights + tap * depthwise.channels + channel, some_));
    }
  }

  // The outputs at one position; `first` is the input of the first tap within.
  void ComputeAt(const Axis::Window& rows, const Axis::Window& columns, const int8_t* first, int8_t* output) const {
    const int step = depthwise_.x.dilation * depthwise_.channels;
    const int row = depthwise_.y.dilation * depthwise_.x.inputs * depthwise_.channels;
    int32x4_t sums = bias_;
    for (int y = rows.begin; y < rows.end; ++y, first += row) {
      const int32_t(*weights)[kCount] = taps_ + y * depthwise_.x.taps + columns.begin;
      const int8_t* input = first;
      for (int count = columns.end - columns.begin; count > 0; --count, ++weights, input += step) {
        const int32x4_t x = vaddq_n_s32(vldrbq_z_s32(input, some_), depthwise_.input_offset);
        sums = vaddq_s32(sums, vmulq_s32(x, vld1q_s32(*weights)));
      }
    }
    vstrbq_p_s32(output, Clamp(rescale_(sums), depthwise_.range), some_);
  }

 private:
  const Depthwise& depthwise_;
  mve_pred16_t some_;
  VectorRescale rescale_;
  int32x4_t bias_;
  int32_t taps_[kMaxTaps][kCount];
};

#else

// The weights of kChannels channels at one tap, and how they are multiplied.
template <int kChannels>
struct Tap {
  int8_t weights[kChannels];

  static int32_t Offset(int32_t offset) { return offset; }

  void Widen(const int8_t* bytes) { std::copy_n(bytes, kChannels, weights); }

  void AddTo(int32_t* sums, const int8_t* input, int32_t offset) const {
    for (int i = 0; i < kChannels; ++i) sums[i] += (input[i] + offset) * weights[i];
  }
};

#if EMBBERT_DSP

template <>
struct Tap<4> {
  uint32_t even, odd;  // channels 0 and 2, 1 and 3

  static uint32_t Offset(int32_t offset) { return HalvesOf(offset); }

  void Widen(const int8_t* bytes) {
    even = EvenBytes(LoadWord(bytes));
    odd = OddBytes(LoadWord(bytes));
  }

  void AddTo(int32_t* sums, const int8_t* input, uint32_t offset) const {
    const uint32_t word = LoadWord(input), x_even = AddEvenBytes(offset, word), x_odd = AddOddBytes(offset, word);
    sums[0] = AddLowProduct(x_even, even, sums[0]);
    sums[1] = AddLowProduct(x_odd, odd, sums[1]);
    sums[2] = AddHighProduct(x_even, even, sums[2]);
    sums[3] = AddHighProduct(x_odd, odd, sums[3]);
  }
};

#endif

// How the sums of neighbouring channels become bytes, reckoned once for all positions.
template <typename Rescale, int kChannels>
class ChannelRescale {
 public:
  ChannelRescale(const int32_t* multipliers, const int32_t* shifts) {
    for (int i = 0; i < kChannels; ++i) rescales_[i] = Rescale(multipliers[i], shifts[i]);
  }

  void Store(const int32_t* sums, const OutputRange& range, int8_t* output) const {
    for (int i = 0; i < kChannels; ++i) output[i] = Clamp(rescales_[i](sums[i]), range);
  }

 private:
  Rescale rescales_[kChannels];
};

template <int kChannels, typename Rescale>
class Channels {
 public:
  static constexpr int kCount = kChannels;

  Channels(const Depthwise& depthwise, int channel)
      : depthwise_(depthwise), rescale_(depthwise.multipliers + channel, depthwise.shifts + channel) {
    for (int tap = 0; tap < depthwise.y.taps * depthwise.x.taps; ++tap) {
      taps_[tap].Widen(depthwise.weights + tap * depthwise.channels + channel);
    }
    if (depthwise.bias) std::copy_n(depthwise.bias + channel, kChannels, bias_);
  }

  // The outputs at one position; `first` is the input of the first tap within.
  void ComputeAt(const Axis::Window& rows, const Axis::Window& columns, const int8_t* first, int8_t* output) const {
    const int step = depthwise_.x.dilation * depthwise_.channels;
    const int row = depthwise_.y.dilation * depthwise_.x.inputs * depthwise_.channels;
    const auto offset = Tap<kChannels>::Offset(depthwise_.input_offset);
    int32_t sums[kChannels];
    std::copy_n(bias_, kChannels, sums);
    for (int y = rows.begin; y < rows.end; ++y, first += row) {
      const Tap<kChannels>* tap = taps_ + y * depthwise_.x.taps + columns.begin;
      const int8_t* input = first;
      for (int count = columns.end - columns.begin; count > 0; --count, ++tap, input += step) {
        tap->AddTo(sums, input, offset);
      }
    }
    rescale_.Store(sums, depthwise_.range, output);
  }

 private:
  const Depthwise& depthwise_;
  const ChannelRescale<Rescale, kChannels> rescale_;
  int32_t bias_[kChannels] = {};
  Tap<kChannels> taps_[kMaxTaps];
};

#endif

}  // namespace embbert::kernels

#endif  // EMBBERT_KERNELS_DEPTHWISE_CHANNELS_H_
