// The depthwise kernel goes through the plane once for each few channels. Taps beside the input are left out, which is
// what an input at the zero point amounts to.

#include "kernels/depthwise.h"

#include <algorithm>

#include "kernels/depthwise_channels.h"

namespace embbert::kernels {
namespace {

template <typename SomeChannels>
void ComputePlane(const Depthwise& depthwise, const int8_t* input, int8_t* output, const SomeChannels& some) {
  const int channels = depthwise.channels, row = depthwise.x.inputs * channels;
  for (int y = 0; y < depthwise.y.outputs; ++y) {
    const Axis::Window rows = depthwise.y.At(y);
    for (int x = 0; x < depthwise.x.outputs; ++x, output += channels) {
      const Axis::Window columns = depthwise.x.At(x);
      some.ComputeAt(rows, columns, input + rows.input * row + columns.input * channels, output);
    }
  }
}

template <typename SomeChannels>
void ComputeChannels(const Depthwise& depthwise, int channel) {
  const SomeChannels some(depthwise, channel);
  const int inputs = depthwise.y.inputs * depthwise.x.inputs, outputs = depthwise.y.outputs * depthwise.x.outputs;
  for (int batch = 0; batch < depthwise.batches; ++batch) {
    ComputePlane(depthwise, depthwise.input + batch * inputs * depthwise.channels + channel,
                 depthwise.output + batch * outputs * depthwise.channels + channel, some);
  }
}

#if EMBBERT_DSP
bool AreFast(const int32_t* shifts) { return std::all_of(shifts, shifts + 4, FastRescale::Takes); }
#endif

}  // namespace

void ComputeDepthwise(const Depthwise& depthwise) {
  if (IsLine(depthwise)) return ComputeLines(depthwise);
#if EMBBERT_MVE
  for (int channel = 0; channel < depthwise.channels; channel += Channels::kCount) {
    ComputeChannels<Channels>(depthwise, channel);
  }
#elif EMBBERT_DSP
  int channel = 0;
  for (; channel + 4 <= depthwise.channels && AreFast(depthwise.shifts + channel); channel += 4) {
    ComputeChannels<Channels<4, FastRescale>>(depthwise, channel);
  }
  for (; channel < depthwise.channels; ++channel) ComputeChannels<Channels<1, ExactRescale>>(depthwise, channel);
#else
  int channel = 0;
  for (; channel + 4 <= depthwise.channels; channel += 4) ComputeChannels<Channels<4, ExactRescale>>(depthwise, channel);
  for (; channel < depthwise.channels; ++channel) ComputeChannels<Channels<1, ExactRescale>>(depthwise, channel);
#endif
}

}  // namespace embbert::kernels
