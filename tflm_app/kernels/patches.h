// The patches that a convolution takes, as the rows of a dense kernel: taps of y, taps of x, channels.

#ifndef EMBBERT_KERNELS_PATCHES_H_
#define EMBBERT_KERNELS_PATCHES_H_

#include <cstdint>

#include "kernels/axis.h"
#include "kernels/dense.h"

namespace embbert::kernels {

class Patches final : public RowSource {
 public:
  // Of images (batch, height, width, channels), beside which there is `zero`.
  Patches(const int8_t* images, const Axis& y, const Axis& x, int channels, int8_t zero)
      : images_(images), y_(y), x_(x), channels_(channels), zero_(zero) {}

  // Whether they lie one after another as the images do.
  bool AreRows() const { return y_.taps * x_.taps * y_.stride * x_.stride == 1; }

  void Copy(int patch, int start, int count, int8_t* to) const override;

 private:
  void CopyPart(const int8_t* line, int first, int count, int8_t* to) const;

  const int8_t* images_;
  Axis y_, x_;
  int channels_;
  int8_t zero_;
};

}  // namespace embbert::kernels

#endif  // EMBBERT_KERNELS_PATCHES_H_
