// The dense kernel for cores with MVE: a row of the input with four columns at a time, 16 products an instruction. What
// the offsets add is summed once for four columns, and left-over columns are computed as the others and not stored.

#include <algorithm>

#include "kernels/dense.h"

#if EMBBERT_MVE

namespace embbert::kernels {
namespace {

constexpr int kColumns = 4;

// The last step of a loop that LETP closes takes what is left of `count`.
int32_t Sum(const int8_t* values, int count) {
  int32_t sum = 0;
  asm volatile(
      "wlstp.8 lr, %[count], 2f\n"
      "1: vldrb.8 q0, [%[values]], #16\n"
      "vaddva.s8 %[sum], q0\n"
      "letp lr, 1b\n"
      "2:\n"
      : [values] "+r"(values), [sum] "+Te"(sum)
      : [count] "r"(count)
      : "q0", "lr", "memory");
  return sum;
}

// Four rows of weights, one after the other; of columns that are not there the last one is repeated.
class WeightRows {
 public:
  WeightRows(const Dense& dense, int column) : depth_(dense.depth), past_((dense.depth + 15) / 16 * 16) {
    const int8_t* first = dense.weights + column * dense.depth;
    const int left = dense.columns - column - 1;
    w0_ = first;
    w1_ = first + std::min(1, left) * depth_;
    w2_ = first + std::min(2, left) * depth_;
    w3_ = first + std::min(3, left) * depth_;
  }

  // The sum of each row.
  int32x4_t Sums() const {
    const int8_t *w0 = w0_, *w1 = w1_, *w2 = w2_, *w3 = w3_;
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    int32x4_t sums;
    asm volatile(
        "wlstp.8 lr, %[depth], 2f\n"
        "1: vldrb.8 q0, [%[w0]], #16\n"
        "vldrb.8 q1, [%[w1]], #16\n"
        "vaddva.s8 %[s0], q0\n"
        "vldrb.8 q0, [%[w2]], #16\n"
        "vaddva.s8 %[s1], q1\n"
        "vldrb.8 q1, [%[w3]], #16\n"
        "vaddva.s8 %[s2], q0\n"
        "vaddva.s8 %[s3], q1\n"
        "letp lr, 1b\n"
        "2: vmov %q[sums][2], %q[sums][0], %[s0], %[s2]\n"
        "vmov %q[sums][3], %q[sums][1], %[s1], %[s3]\n"
        : [w0] "+r"(w0), [w1] "+r"(w1), [w2] "+r"(w2), [w3] "+r"(w3), [s0] "+Te"(s0), [s1] "+Te"(s1),
          [s2] "+Te"(s2), [s3] "+Te"(s3), [sums] "=&w"(sums)
        : [depth] "r"(depth_)
        : "q0", "q1", "lr", "memory");
    return sums;
  }

  // The sums of the products with a row of the input.
  int32x4_t operator*(const int8_t* row) {
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    int32x4_t sums;
    asm volatile(
        "wlstp.8 lr, %[depth], 2f\n"
        "1: vldrb.8 q0, [%[row]], #16\n"
        "vldrb.8 q1, [%[w0]], #16\n"
        "vmladava.s8 %[s0], q0, q1\n"
        "vldrb.8 q2, [%[w1]], #16\n"
        "vmladava.s8 %[s1], q0, q2\n"
        "vldrb.8 q1, [%[w2]], #16\n"
        "vmladava.s8 %[s2], q0, q1\n"
        "vldrb.8 q2, [%[w3]], #16\n"
        "vmladava.s8 %[s3], q0, q2\n"
        "letp lr, 1b\n"
        "2: vmov %q[sums][2], %q[sums][0], %[s0], %[s2]\n"
        "vmov %q[sums][3], %q[sums][1], %[s1], %[s3]\n"
        : [row] "+r"(row), [w0] "+r"(w0_), [w1] "+r"(w1_), [w2] "+r"(w2_), [w3] "+r"(w3_), [s0] "+Te"(s0),
          [s1] "+Te"(s1), [s2] "+Te"(s2), [s3] "+Te"(s3), [sums] "=&w"(sums)
        : [depth] "r"(depth_)
        : "q0", "q1", "q2", "lr", "memory");
    w0_ -= past_, w1_ -= past_, w2_ -= past_, w3_ -= past_;
    return sums;
  }

 private:
  int depth_, past_;  // how far a pointer is moved
  const int8_t *w0_, *w1_, *w2_, *w3_;
};

// All rows with the columns from `column` on.
void ComputeColumns(const Dense& dense, int column) {
  const mve_pred16_t some = vctp32q(static_cast<uint32_t>(dense.columns - column));
  const auto parameter = [&](const int32_t* values) {
    return dense.per_column ? vldrwq_z_s32(values + column, some) : vdupq_n_s32(*values);
  };
  WeightRows weights(dense, column);
  // The bias and what the offsets add, but for the part of the row.
  int32x4_t begin = vmulq_n_s32(vaddq_n_s32(weights.Sums(), dense.depth * dense.weights_offset), dense.input_offset);
  if (dense.bias) begin = vaddq_s32(begin, vldrwq_z_s32(dense.bias + column, some));
  const VectorRescale rescale(parameter(dense.multipliers), parameter(dense.shifts));
  const OutputRange range = dense.range;
  const int8_t* row = dense.input;
  int8_t* output = dense.output + column;
  for (int i = dense.rows; i > 0; --i, row += dense.depth, output += dense.output_stride) {
    int32x4_t sums = vaddq_s32(begin, weights * row);
    if (dense.weights_offset != 0) sums = vaddq_n_s32(sums, dense.weights_offset * Sum(row, dense.depth));
    vstrbq_p_s32(output, Clamp(rescale(sums), range), some);
  }
}

}  // namespace

void ComputeDense(const Dense& dense) {
  for (int column = 0; column < dense.columns; column += kColumns) ComputeColumns(dense, column);
}

}  // namespace embbert::kernels

#endif  // EMBBERT_MVE
