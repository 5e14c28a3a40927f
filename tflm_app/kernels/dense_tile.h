// Rows of an input widened for the multiplications of a core.

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

// The steps of a row of bytes: the two 16-bit words of four values plus `offset`, from `bytes`.
inline void WidenStep(const int8_t* bytes, int32_t offset, TileWord* even, TileWord* odd) {
  const uint32_t offsets = HalvesOf(offset), word = LoadWord(bytes);
  *even = AddEvenBytes(offsets, word);
  *odd = AddOddBytes(offsets, word);
}

// A row, into its first word of the tile and every kTileRows-th after it.
inline void Widen(const int8_t* bytes, int depth, int32_t offset, TileWord* word) {
  int left = depth;
  for (; left >= kTileStep; left -= kTileStep, bytes += kTileStep, word += kWordsAStep * kTileRows) {
    WidenStep(bytes, offset, word, word + kTileRows);
  }
  if (left > 0) {  // what is not there becomes zero, whatever the weights beside it are
    int8_t rest[kTileStep];
    std::memset(rest, -offset, sizeof(rest));
    std::memcpy(rest, bytes, static_cast<size_t>(left));
    WidenStep(rest, offset, word, word + kTileRows);
  }
}

#else

using TileWord = int32_t;  // LDM takes whole words
constexpr int kTileStep = 1, kWordsAStep = 1;

inline void MultiplySteps(const TileWord* tile, const int8_t* weights, int steps, int32_t* sums) {
  int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];  // in registers: a weight may lie anywhere, a sum too
  for (; steps > 0; --steps, tile += kTileRows) {
    const int32_t weight = *weights++;
    s0 += tile[0] * weight, s1 += tile[1] * weight, s2 += tile[2] * weight, s3 += tile[3] * weight;
  }
  sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
}

inline void Widen(const int8_t* bytes, int depth, int32_t offset, TileWord* word) {
  for (int i = 0; i < depth; ++i) word[i * kTileRows] = static_cast<TileWord>(bytes[i] + offset);
}

#endif

}  // namespace embbert::kernels

#endif  // EMBBERT_KERNELS_DENSE_TILE_H_
