// The dense kernel for cores with MVE: a row of the input with four columns at a time, 16 products an instruction. What
// the offsets add is summed once for four columns, and left-over columns are computed as the others and not stored.

#include <algorithm>

#include "kernels/dense.h"

#if EMBBERT_MVE

namespace embbert::kernels {
namespace {

constexpr int kColumns = 4;

int32_t Sum(const int8_t* values, int count) {
  int32_t sum = 0;
  for (int i = 0; i < count; i += 16) sum = vaddvaq_s8(sum, vldrbq_z_s8(values + i, vctp8q(static_cast<uint32_t>(count - i))));
  return sum;
}

// The sums of one row with four columns; the rows of weights lie at `weights`.
inline int32x4_t Multiply(const int8_t* row, const int8_t* const* weights, int depth, int32x4_t sums) {
  int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  const int8_t *w0 = weights[0], *w1 = weights[1], *w2 = weights[2], *w3 = weights[3];
  for (int count = depth / 16; count > 0; --count, row += 16, w0 += 16, w1 += 16, w2 += 16, w3 += 16) {
    const int8x16_t x = vldrbq_s8(row);
    s0 = vmladavaq_s8(s0, x, vldrbq_s8(w0));
    s1 = vmladavaq_s8(s1, x, vldrbq_s8(w1));
    s2 = vmladavaq_s8(s2, x, vldrbq_s8(w2));
    s3 = vmladavaq_s8(s3, x, vldrbq_s8(w3));
  }
  if (depth % 16 != 0) {
    const mve_pred16_t some = vctp8q(static_cast<uint32_t>(depth % 16));
    const int8x16_t x = vldrbq_z_s8(row, some);
    s0 = vmladavaq_s8(s0, x, vldrbq_z_s8(w0, some));
    s1 = vmladavaq_s8(s1, x, vldrbq_z_s8(w1, some));
    s2 = vmladavaq_s8(s2, x, vldrbq_z_s8(w2, some));
    s3 = vmladavaq_s8(s3, x, vldrbq_z_s8(w3, some));
  }
  const int32x4_t products = {s0, s1, s2, s3};
  return vaddq_s32(sums, products);
}

// All rows with the columns from `column` on.
class ColumnGroup {
 public:
  ColumnGroup(const Dense& dense, int column)
      : dense_(dense), column_(column), some_(vctp32q(static_cast<uint32_t>(dense.columns - column))) {
    for (int i = 0; i < kColumns; ++i) {
      weights_[i] = dense.weights + std::min(column + i, dense.columns - 1) * dense.depth;
    }
  }

  void Compute() const {
    const int32x4_t begin = Begin();
    const VectorRescale rescale(Parameter(dense_.multipliers), Parameter(dense_.shifts));
    const int8_t* row = dense_.input;
    int8_t* output = dense_.output + column_;
    for (int i = 0; i < dense_.rows; ++i, row += dense_.depth, output += dense_.columns) {
      int32x4_t sums = Multiply(row, weights_, dense_.depth, begin);
      if (dense_.weights_offset != 0) sums = vaddq_n_s32(sums, dense_.weights_offset * Sum(row, dense_.depth));
      vstrbq_p_s32(output, Clamp(rescale(sums), dense_.range), some_);
    }
  }

 private:
  int32x4_t Parameter(const int32_t* values) const {
    return dense_.per_column ? vldrwq_z_s32(values + column_, some_) : vdupq_n_s32(*values);
  }

  // The bias and what the offsets add, but for the part of the row.
  int32x4_t Begin() const {
    const int32x4_t sums = {Sum(weights_[0], dense_.depth), Sum(weights_[1], dense_.depth),
                            Sum(weights_[2], dense_.depth), Sum(weights_[3], dense_.depth)};
    const int32x4_t offsets = vmulq_n_s32(vaddq_n_s32(sums, dense_.depth * dense_.weights_offset), dense_.input_offset);
    return dense_.bias ? vaddq_s32(offsets, vldrwq_z_s32(dense_.bias + column_, some_)) : offsets;
  }

  const Dense& dense_;
  int column_;
  mve_pred16_t some_;
  const int8_t* weights_[kColumns];
};

}  // namespace

void ComputeDense(const Dense& dense) {
  for (int column = 0; column < dense.columns; column += kColumns) ColumnGroup(dense, column).Compute();
}

}  // namespace embbert::kernels

#endif  // EMBBERT_MVE
