// Rows of an input widened for the multiplications of a core, and their products with a row of weights.

#ifndef EMBBERT_KERNELS_DENSE_TILE_H_
#define EMBBERT_KERNELS_DENSE_TILE_H_

#include <cstdint>
#include <cstring>

#include "kernels/dense.h"
#include "kernels/instructions.h"

namespace embbert::kernels {

constexpr int kTileRows = 4, kTileBytes = 2048;

#if EMBBERT_DSP

// Words of two 16-bit values, for SMLAD: for each four values of depth, the even ones of every row, then the odd ones.
using TileWord = uint32_t;
constexpr int kTileStep = 4, kWordsAStep = 2;

// Adds the products of a tile with a row of weights, whole steps of it.
inline void MultiplySteps(const TileWord* tile, const int8_t* weights, int steps, int32_t* sums) {
  for (; steps > 0; --steps, weights += kTileStep, tile += kWordsAStep * kTileRows) {
    const uint32_t word = LoadWord(weights), even = EvenBytes(word), odd = OddBytes(word);
#pragma GCC unroll 4
    for (int row = 0; row < kTileRows; ++row) {
      sums[row] = AddProducts(tile[row], even, sums[row]);
      sums[row] = AddProducts(tile[kTileRows + row], odd, sums[row]);
    }
  }
}

// 13 instructions for 16 products: the weights at r1, the tile at r0, sums in r4 to r7.
#define EMBBERT_STEP            \
  "ldr lr, [r1], #4\n"          \
  "ldmia r0!, {r8-r11}\n"       \
  "sxtb16 r12, lr\n"            \
  "sxtb16 lr, lr, ror #8\n"     \
  "smlad r4, r8, r12, r4\n"     \
  "smlad r5, r9, r12, r5\n"     \
  "smlad r6, r10, r12, r6\n"    \
  "smlad r7, r11, r12, r7\n"    \
  "ldmia r0!, {r8-r11}\n"       \
  "smlad r4, r8, lr, r4\n"      \
  "smlad r5, r9, lr, r5\n"      \
  "smlad r6, r10, lr, r6\n"     \
  "smlad r7, r11, lr, r7\n"

// The steps of a row of bytes: the two 16-bit words of four values plus `offset`, from `bytes`.
inline void WidenStep(const int8_t* bytes, int32_t offset, TileWord* even, TileWord* odd) {
  const uint32_t offsets = HalvesOf(offset), word = LoadWord(bytes);
  *even = AddEvenBytes(offsets, word);
  *odd = AddOddBytes(offsets, word);
}

inline void Widen(const int8_t* const* rows, int depth, int32_t offset, TileWord* tile) {
  for (int row = 0; row < kTileRows; ++row) {
    const int8_t* bytes = rows[row];
    TileWord* word = tile + row;
    int left = depth;
    for (; left >= kTileStep; left -= kTileStep, bytes += kTileStep, word += kWordsAStep * kTileRows) {
      WidenStep(bytes, offset, word, word + kTileRows);
    }
    if (left > 0) {  // the weights of these are zero, so any value will do
      int8_t rest[kTileStep] = {};
      std::memcpy(rest, bytes, static_cast<size_t>(left));
      WidenStep(rest, offset, word, word + kTileRows);
    }
  }
}

#else

using TileWord = int32_t;  // M3: LDM of whole words; M0+: no signed load has an offset
#if EMBBERT_THUMB2
#define EMBBERT_STEP         \
  "ldrsb lr, [r1], #1\n"     \
  "ldmia r0!, {r8-r11}\n"    \
  "mla r4, r8, lr, r4\n"     \
  "mla r5, r9, lr, r5\n"     \
  "mla r6, r10, lr, r6\n"    \
  "mla r7, r11, lr, r7\n"
#endif
constexpr int kTileStep = 1, kWordsAStep = 1;

inline void MultiplySteps(const TileWord* tile, const int8_t* weights, int steps, int32_t* sums) {
  int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];  // in registers: a weight may lie anywhere, a sum too
  for (; steps > 0; --steps, tile += kTileRows) {
    const int32_t weight = *weights++;
    s0 += tile[0] * weight, s1 += tile[1] * weight, s2 += tile[2] * weight, s3 += tile[3] * weight;
  }
  sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
}

inline void Widen(const int8_t* const* rows, int depth, int32_t offset, TileWord* tile) {
  for (int row = 0; row < kTileRows; ++row) {
    for (int i = 0; i < depth; ++i) tile[i * kTileRows + row] = static_cast<TileWord>(rows[row][i] + offset);
  }
}

#endif

#if EMBBERT_DSP || EMBBERT_THUMB2

struct ColumnLoop {
  const TileWord *tile, *whole, *all;  // from `tile` to `whole` in eights of steps, to `all` one by one
  const int8_t* weights;
  int32_t* sums;
  int count, skip;  // bytes from the end of a row's steps to the next row
};

// Four rows: the compiler uses neither LDM nor all registers.
[[gnu::naked, gnu::noinline]] inline void RunColumnLoop([[maybe_unused]] ColumnLoop* loop) {
  asm("push {r0, r4-r11, lr}\n"
      "ldr r1, [r0, #12]\n"
      "ldr r2, [r0, #16]\n"
      "1: ldr lr, [sp]\n"
      "ldr r0, [lr]\n"
      "ldr r3, [lr, #4]\n"
      "ldmia r2, {r4-r7}\n"
      "cmp r0, r3\n"
      "beq 3f\n"
      "2: .rept 8\n" EMBBERT_STEP ".endr\n"
      "cmp r0, r3\n"
      "bne 2b\n"
      "3: ldr lr, [sp]\n"
      "ldr r3, [lr, #8]\n"
      "cmp r0, r3\n"
      "beq 5f\n"
      "4:" EMBBERT_STEP
      "cmp r0, r3\n"
      "bne 4b\n"
      "5: stmia r2!, {r4-r7}\n"
      "ldr lr, [sp]\n"
      "ldr r3, [lr, #24]\n"
      "add r1, r3\n"
      "ldr r3, [lr, #20]\n"
      "subs r3, #1\n"
      "str r3, [lr, #20]\n"
      "bne 1b\n"
      "pop {r0, r4-r11, pc}\n");
}

// Adds the products of a tile with whole steps of each row of weights; a column has kTileRows sums.
inline void MultiplyColumns(const TileWord* tile, int steps, const Columns& columns) {
  constexpr int kWords = kWordsAStep * kTileRows;
  ColumnLoop loop = {tile, tile + (steps & ~7) * kWords, tile + steps * kWords, columns.weights, columns.sums,
                     columns.count, columns.stride - steps * kTileStep};
  RunColumnLoop(&loop);
}

#else

inline void MultiplyColumns(const TileWord* tile, int steps, const Columns& columns) {
  for (int i = 0; i < columns.count; ++i) {
    MultiplySteps(tile, columns.weights + i * columns.stride, steps, columns.sums + i * kTileRows);
  }
}

#endif

// Adds the products of a tile of `depth` with each row of weights.
inline void Multiply(const TileWord* tile, int depth, const Columns& columns) {
  const int steps = static_cast<int>(static_cast<unsigned>(depth) / kTileStep), left = depth - steps * kTileStep;
  MultiplyColumns(tile, steps, columns);
  for (int i = 0; left > 0 && i < columns.count; ++i) {
    int8_t rest[kTileStep] = {};
    std::memcpy(rest, columns.weights + i * columns.stride + steps * kTileStep, static_cast<size_t>(left));
    MultiplySteps(tile + steps * kWordsAStep * kTileRows, rest, 1, columns.sums + i * kTileRows);
  }
}

}  // namespace embbert::kernels

#endif  // EMBBERT_KERNELS_DENSE_TILE_H_
