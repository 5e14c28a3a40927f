// The depthwise kernel goes through the plane once for each few channels. Taps beside the input are left out, which is
// what an input at the zero point amounts to.

#include "kernels/depthwise.h"

#include "kernels/depthwise_channels.h"

namespace embbert::kernels {
namespace {

template <typename SomeChannels>
void ComputePlane(const Depthwise& depthwise, const int8_t* input, int8_t* output, SomeChannels* sums) {
  const int channels = depthwise.channels, row = depthwise.x.inputs * channels;
  for (int y = 0; y < depthwise.y.outputs; ++y) {
    const Axis::Window rows = depthwise.y.At(y);
    for (int x = 0; x < depthwise.x.outputs; ++x, output += channels) {
      const Axis::Window columns = depthwise.x.At(x);
      const int8_t* first = input + rows.input * row + columns.input * channels;
      sums->Begin();
      for (int tap = rows.begin; tap < rows.end; ++tap, first += depthwise.y.dilation * row) {
        sums->Add(tap * depthwise.x.taps + columns.begin, first, depthwise.x.dilation * channels,
                  columns.end - columns.begin);
      }
      sums->Store(output);
    }
  }
}

template <typename SomeChannels>
void ComputeChannels(const Depthwise& depthwise, int channel) {
  SomeChannels sums(depthwise, channel);
  const int inputs = depthwise.y.inputs * depthwise.x.inputs, outputs = depthwise.y.outputs * depthwise.x.outputs;
  for (int batch = 0; batch < depthwise.batches; ++batch) {
    ComputePlane(depthwise, depthwise.input + batch * inputs * depthwise.channels + channel,
                 depthwise.output + batch * outputs * depthwise.channels + channel, &sums);
  }
}

}  // namespace

void ComputeDepthwise(const Depthwise& depthwise) {
  if (IsLine(depthwise)) return ComputeLines(depthwise);
#if EMBBERT_MVE
  for (int channel = 0; channel < depthwise.channels; channel += Channels::kCount) {
    ComputeChannels<Channels>(depthwise, channel);
  }
#else
  int channel = 0;
  for (; channel + 4 <= depthwise.channels; channel += 4) ComputeChannels<Channels<4>>(depthwise, channel);
  for (; channel < depthwise.channels; ++channel) ComputeChannels<Channels<1>>(depthwise, channel);
#endif
}

}  // namespace embbert::kernels
