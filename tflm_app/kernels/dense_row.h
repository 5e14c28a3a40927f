// The products of one row of the input with rows of weights, up to four of these at a time, so that a word of the input
// is loaded and widened once for four.

#ifndef EMBBERT_KERNELS_DENSE_ROW_H_
#define EMBBERT_KERNELS_DENSE_ROW_H_

#include <algorithm>
#include <cstdint>

#include "kernels/dense.h"
#include "kernels/instructions.h"

namespace embbert::kernels {

struct InputRow {
  const int8_t* values;
  int depth;
  int32_t offset;  // added to each value
};

#if EMBBERT_DSP

constexpr int kRowStep = 4;      // values a step
constexpr int kLeastAtOnce = 3;  // columns

// What RunRowLoop reads, in this order.
struct RowLoop {
  const int8_t *unrolled, *input, *end;  // pairs of steps from `input` to `unrolled`, one to `end`
  int stride, last;                      // bytes from a column to the next one, and to the fourth
  uint32_t offsets;
  int32_t* sums;          // of the group of four columns that comes next
  const int8_t* weights;  // its first column
  int groups;
};

#define EMBBERT_COLUMN(load, sum)     \
  "ldr r12, " load "\n"               \
  "sxtb16 r11, r12\n"                 \
  "sxtb16 r12, r12, ror #8\n"         \
  "smlad " sum ", r11, r9, " sum "\n" \
  "smlad " sum ", r12, r10, " sum "\n"

// 23 instructions for 16 products.
#define EMBBERT_ROW_STEP                   \
  "ldr r10, [r1], #4\n"                    \
  "sxtab16 r9, r8, r10\n"                  \
  "sxtab16 r10, r8, r10, ror #8\n"         \
  EMBBERT_COLUMN("[r0, r3]", "r5")         \
  EMBBERT_COLUMN("[r0, r3, lsl #1]", "r6") \
  EMBBERT_COLUMN("[r0], #4", "r4")         \
  EMBBERT_COLUMN("[r2], #4", "r7")

// The compiler moves every pointer of this loop to the stack and back.
[[gnu::naked, gnu::noinline]] inline void RunRowLoop([[maybe_unused]] RowLoop* loop) {
  asm("push {r0, r4-r11, lr}\n"
      "1: ldr r9, [sp]\n"
      "ldr r10, [r9, #24]\n"
      "ldm r10, {r4-r7}\n"
      "ldr r0, [r9, #28]\n"
      "ldr r2, [r9, #16]\n"
      "ldr r8, [r9, #20]\n"
      "ldr r3, [r9, #12]\n"
      "ldr r1, [r9, #4]\n"
      "ldr lr, [r9]\n"
      "add r2, r0\n"
      "cmp r1, lr\n"
      "beq 3f\n"
      "2: .rept 2\n" EMBBERT_ROW_STEP ".endr\n"
      "cmp r1, lr\n"
      "bne 2b\n"
      "3: ldr lr, [sp]\n"
      "ldr lr, [lr, #8]\n"
      "cmp r1, lr\n"
      "beq 4f\n"
      EMBBERT_ROW_STEP
      "4: ldr r9, [sp]\n"
      "ldr r10, [r9, #24]\n"
      "stmia r10!, {r4-r7}\n"
      "str r10, [r9, #24]\n"
      "ldr r0, [r9, #28]\n"
      "add r0, r0, r3, lsl #2\n"
      "str r0, [r9, #28]\n"
      "ldr r0, [r9, #32]\n"
      "subs r0, #1\n"
      "str r0, [r9, #32]\n"
      "bne 1b\n"
      "pop {r0, r4-r11, pc}\n");
}

// Adds the products of whole steps with groups of four columns, or with three; then the fourth sum is no use.
inline void MultiplySteps(const InputRow& row, int steps, const Columns& columns) {
  const int last = columns.count == kLeastAtOnce ? 0 : 3 * columns.stride;
  const int8_t *unrolled = row.values + (steps & ~1) * kRowStep, *end = row.values + steps * kRowStep;
  RowLoop loop = {unrolled,     row.values,      end,          columns.stride, last, HalvesOf(row.offset),
                  columns.sums, columns.weights, (columns.count + 3) / 4};
  RunRowLoop(&loop);
}

// With one column.
inline int32_t MultiplySteps(const InputRow& row, int steps, const int8_t* weights, int32_t sum) {
  const uint32_t offsets = HalvesOf(row.offset);
  const int8_t* x = row.values;
#pragma GCC unroll 2
  for (; steps > 0; --steps, x += kRowStep, weights += kRowStep) {
    const uint32_t values = LoadWord(x), word = LoadWord(weights);
    sum = AddProducts(AddEvenBytes(offsets, values), EvenBytes(word), sum);
    sum = AddProducts(AddOddBytes(offsets, values), OddBytes(word), sum);
  }
  return sum;
}

// Adds the products with one column, with kLeastAtOnce or with groups of four.
inline void MultiplyGroup(const InputRow& row, const Columns& columns) {
  const int steps = static_cast<int>(static_cast<unsigned>(row.depth) / kRowStep);
  if (columns.count > 1) {
    MultiplySteps(row, steps, columns);
  } else {
    *columns.sums = MultiplySteps(row, steps, columns.weights, *columns.sums);
  }
  for (int i = steps * kRowStep; i < row.depth; ++i) {
    const int32_t x = row.values[i] + row.offset;
    const int8_t* weight = columns.weights + i;
    for (int column = 0; column < columns.count; ++column, weight += columns.stride) columns.sums[column] += x * *weight;
  }
}

#else

constexpr int kLeastAtOnce = 4;

template <int kCount>
inline void MultiplyColumns(const InputRow& row, const Columns& columns) {
  int32_t sums[kCount];
  const int8_t* weights[kCount];
#pragma GCC unroll 4
  for (int column = 0; column < kCount; ++column) {
    sums[column] = columns.sums[column];
    weights[column] = columns.weights + column * columns.stride;
  }
  for (int i = 0; i < row.depth; ++i) {
    const int32_t x = row.values[i] + row.offset;
#pragma GCC unroll 4
    for (int column = 0; column < kCount; ++column) sums[column] += x * weights[column][i];
  }
#pragma GCC unroll 4
  for (int column = 0; column < kCount; ++column) columns.sums[column] = sums[column];
}

inline void MultiplyGroup(const InputRow& row, const Columns& columns) {
  if (columns.count == 1) return MultiplyColumns<1>(row, columns);
  for (int i = 0; i < columns.count; i += 4) {
    MultiplyColumns<4>(row, {columns.weights + i * columns.stride, columns.sums + i, 4, columns.stride});
  }
}

#endif

// Adds the products of a row with each row of weights to its sum; there is room for a multiple of four sums.
inline void MultiplyRow(const InputRow& row, const Columns& columns) {
  for (int i = 0; i < columns.count;) {
    const int left = columns.count - i, count = left >= 4 ? left & ~3 : left == kLeastAtOnce ? left : 1;
    MultiplyGroup(row, {columns.weights + i * columns.stride, columns.sums + i, count, columns.stride});
    i += count;
  }
}

}  // namespace embbert::kernels

#endif  // EMBBERT_KERNELS_DENSE_ROW_H_
