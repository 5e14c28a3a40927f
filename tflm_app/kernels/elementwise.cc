#include "kernels/elementwise.h"

#include "kernels/rescale.h"

namespace embbert::kernels {
namespace {

template <typename Data>
OutputRange RangeOf(const Data& data) {
  return {data.output_zero_point, data.min, data.max};
}

constexpr int kAddLeftShift = 20;  // of the inputs, before their scales are made one

#if EMBBERT_MVE

inline VectorRescale VectorOf(const Factor& factor) {
  return VectorRescale(vdupq_n_s32(factor.multiplier), vdupq_n_s32(factor.shift));
}

// Writes combine(a, b) of each pair of elements, four at a time; combine gets them with the zero points taken off.
template <typename Data, typename Combine>
void Elementwise(const Data& data, const Operands& operands, const Combine& combine) {
  const OutputRange range = RangeOf(data);
  const auto [first, second, output, count] = operands;  // copies: a byte that is written might else be of these
  const int32_t first_zero = data.first_zero_point, second_zero = data.second_zero_point;
  for (size_t i = 0; i < count; i += 4) {
    const mve_pred16_t some = vctp32q(count - i);
    const int32x4_t a = vsubq_n_s32(vldrbq_z_s32(first + i, some), first_zero);
    const int32x4_t b = vsubq_n_s32(vldrbq_z_s32(second + i, some), second_zero);
    vstrbq_p_s32(output + i, Clamp(combine(a, b), range), some);
  }
}

}  // namespace

void ComputeAdd(const AddData& data, const Operands& operands) {
  const VectorRescale first = VectorOf(data.first), second = VectorOf(data.second), output = VectorOf(data.output);
  Elementwise(data, operands, [&](int32x4_t a, int32x4_t b) {
    return output(vaddq_s32(first(vshlq_n_s32(a, kAddLeftShift)), second(vshlq_n_s32(b, kAddLeftShift))));
  });
}

void ComputeMul(const MulData& data, const Operands& operands) {
  const VectorRescale output = VectorOf(data.output);
  Elementwise(data, operands, [&](int32x4_t a, int32x4_t b) { return output(vmulq_s32(a, b)); });
}

#else

// What one input contributes for each of its 256 values.
[[gnu::noinline]] void FillTerms(const Factor& factor, int32_t zero_point, int32_t* terms) {
  WithExactRescale(factor.multiplier, factor.shift, [=](const auto& rescale) {
    for (int32_t value = INT8_MIN; value <= INT8_MAX; ++value) {
      terms[value + 128] = rescale((value - zero_point) * (1 << kAddLeftShift));
    }
  });
}

// Below this many elements, filling the tables takes longer than they save.
constexpr size_t kWorthTables = 1024;

void AddByTables(const AddData& data, const Operands& operands) {
  int32_t first[256], second[256];
  FillTerms(data.first, data.first_zero_point, first);
  FillTerms(data.second, data.second_zero_point, second);
  const int32_t *a_terms = first + 128, *b_terms = second + 128;
  WithRescale(data.output.multiplier, data.output.shift, RangeOf(data), [&](const auto& byte) {
    const int8_t *a = operands.first, *b = operands.second;
    int8_t* output = operands.output;
    for (size_t i = operands.count; i > 0; --i) *output++ = byte(a_terms[*a++] + b_terms[*b++]);
  });
}

}  // namespace

void ComputeAdd(const AddData& data, const Operands& operands) {
  if (operands.count >= kWorthTables) return AddByTables(data, operands);
  const ExactRescale first(data.first.multiplier, data.first.shift), second(data.second.multiplier, data.second.shift);
  const ExactRescale rescale(data.output.multiplier, data.output.shift);
  const OutputRange range = RangeOf(data);
  const auto [x, y, output, count] = operands;  // copies: a byte that is written might else be of these
  const int32_t x_zero = data.first_zero_point, y_zero = data.second_zero_point;
  for (size_t i = 0; i < count; ++i) {
    const int32_t a = (x[i] - x_zero) * (1 << kAddLeftShift), b = (y[i] - y_zero) * (1 << kAddLeftShift);
    output[i] = Clamp(rescale(first(a) + second(b)), range);
  }
}

void ComputeMul(const MulData& data, const Operands& operands) {
  WithRescale(data.output.multiplier, data.output.shift, RangeOf(data), [&](const auto& byte) {
    const int32_t a_zero = data.first_zero_point, b_zero = data.second_zero_point;
    const int8_t *a = operands.first, *b = operands.second;
    int8_t* output = operands.output;
    for (size_t i = operands.count; i > 0; --i) *output++ = byte((*a++ - a_zero) * (*b++ - b_zero));
  });
}

#endif

}  // namespace embbert::kernels
