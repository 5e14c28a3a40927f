// The products of a tile with rows of weights, for all four rows of it at a time.

#ifndef EMBBERT_KERNELS_DENSE_COLUMNS_H_
#define EMBBERT_KERNELS_DENSE_COLUMNS_H_

#include <cstdint>
#include <cstring>

#include "kernels/dense.h"
#include "kernels/dense_tile.h"
#include "kernels/instructions.h"

namespace embbert::kernels {

#if EMBBERT_DSP

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

#elif EMBBERT_THUMB2

// 6 instructions for 4 products.
#define EMBBERT_STEP         \
  "ldrsb lr, [r1], #1\n"     \
  "ldmia r0!, {r8-r11}\n"    \
  "mla r4, r8, lr, r4\n"     \
  "mla r5, r9, lr, r5\n"     \
  "mla r6, r10, lr, r6\n"    \
  "mla r7, r11, lr, r7\n"

#elif EMBBERT_THUMB1

// 11 instructions for 4 products: the tile at r0, the weight at r1 + r2, sums in r8 to r11.
#define EMBBERT_STEP         \
  "ldmia r0!, {r4-r7}\n"     \
  "ldrsb r3, [r1, r2]\n"     \
  "adds r2, #1\n"            \
  "muls r4, r3\n"            \
  "muls r5, r3\n"            \
  "muls r6, r3\n"            \
  "muls r7, r3\n"            \
  "add r8, r4\n"             \
  "add r9, r5\n"             \
  "add r10, r6\n"            \
  "add r11, r7\n"

#endif

#ifdef EMBBERT_STEP

struct ColumnLoop {
  const TileWord *tile, *whole, *all;  // from `tile` to `whole` in eights of steps, to `all` one by one
  const int8_t* weights;
  int32_t* sums;
  int count, skip;  // bytes from the end of a row's steps to the next row
};

#if EMBBERT_THUMB1

// Four rows: the compiler uses neither LDM nor all registers. All instructions but ADD, CMP and MOV take r0 to r7 only.
[[gnu::naked, gnu::noinline]] inline void RunColumnLoop([[maybe_unused]] ColumnLoop* loop) {
  asm(".syntax unified\n"
      "push {r4-r7, lr}\n"
      "mov r4, r8\n"
      "mov r5, r9\n"
      "mov r6, r10\n"
      "mov r7, r11\n"
      "push {r0, r4-r7}\n"
      "1: ldr r3, [sp]\n"
      "ldr r2, [r3, #16]\n"
      "ldmia r2!, {r4-r7}\n"
      "mov r8, r4\n"
      "mov r9, r5\n"
      "mov r10, r6\n"
      "mov r11, r7\n"
      "ldr r0, [r3]\n"
      "ldr r4, [r3, #4]\n"
      "mov r12, r4\n"
      "ldr r1, [r3, #12]\n"
      "movs r2, #0\n"
      "cmp r0, r12\n"
      "beq 3f\n"
      "2: .rept 8\n" EMBBERT_STEP ".endr\n"
      "cmp r0, r12\n"
      "bne 2b\n"
      "3: ldr r3, [sp]\n"
      "ldr r3, [r3, #8]\n"
      "mov r12, r3\n"
      "cmp r0, r12\n"
      "beq 5f\n"
      "4:" EMBBERT_STEP
      "cmp r0, r12\n"
      "bne 4b\n"
      "5: mov r4, r8\n"
      "mov r5, r9\n"
      "mov r6, r10\n"
      "mov r7, r11\n"
      "ldr r3, [sp]\n"
      "ldr r0, [r3, #16]\n"
      "stmia r0!, {r4-r7}\n"
      "str r0, [r3, #16]\n"
      "ldr r0, [r3, #24]\n"
      "adds r1, r2\n"
      "adds r1, r0\n"
      "str r1, [r3, #12]\n"
      "ldr r0, [r3, #20]\n"
      "subs r0, #1\n"
      "str r0, [r3, #20]\n"
      "beq 6f\n"
      "b 1b\n"
      "6: pop {r0, r4-r7}\n"
      "mov r8, r4\n"
      "mov r9, r5\n"
      "mov r10, r6\n"
      "mov r11, r7\n"
      "pop {r4-r7, pc}\n");
}

#else

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

#endif

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

// Adds the products of a tile of `depth` with each row of weights. A row that is no multiple of a step is read into the
// next one, but for the last, which nothing may lie behind.
[[gnu::noinline]] inline void Multiply(const TileWord* tile, int depth, const Columns& columns) {
  const int steps = static_cast<int>(static_cast<unsigned>(depth) / kTileStep), left = depth - steps * kTileStep;
  if (left == 0) return MultiplyColumns(tile, steps, columns);
  const int last = columns.count - 1;
  const int8_t* weights = columns.weights + last * columns.stride;
  int32_t* sums = columns.sums + last * kTileRows;
  if (last > 0) MultiplyColumns(tile, steps + 1, {columns.weights, columns.sums, last, columns.stride});
  MultiplyColumns(tile, steps, {weights, sums, 1, columns.stride});
  int8_t rest[kTileStep] = {};
  std::memcpy(rest, weights + steps * kTileStep, static_cast<size_t>(left));
  MultiplySteps(tile + steps * kWordsAStep * kTileRows, rest, 1, sums);
}

}  // namespace embbert::kernels

#endif  // EMBBERT_KERNELS_DENSE_COLUMNS_H_
