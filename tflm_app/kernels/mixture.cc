// Four columns of the values are widened as the dense kernel widens rows of its input, and multiplied with every row of
// weights. With MVE eight of them are turned into rows, and the dense kernel does the rest.

#include "kernels/mixture.h"

#include <algorithm>
#include <cstring>

#include "kernels/dense.h"
#include "kernels/dense_columns.h"
#include "kernels/dense_tile.h"

namespace embbert::kernels {
namespace {

constexpr int32_t kWeightsOffset = 128;

#if EMBBERT_MVE

constexpr int kColumns = 8, kLanes = 8;

// Columns of the values from `column` on as rows.
void Transpose(const Mixture& mixture, int column) {
  const auto width = static_cast<uint16_t>(mixture.width);
  const uint16x8_t places = vmulq_n_u16(vidupq_n_u16(0, 1), width);
  for (int i = 0; i < kColumns; ++i) {
    const int8_t* from = mixture.values + column + i;
    int8_t* to = mixture.scratch + i * mixture.keys;
    for (int key = 0; key < mixture.keys; key += kLanes, from += kLanes * mixture.width) {
      const mve_pred16_t some = vctp16q(static_cast<uint32_t>(mixture.keys - key));
      vstrbq_p_s16(to + key, vldrbq_gather_offset_z_s16(from, places, some), some);
    }
  }
}

}  // namespace

int MixtureScratchBytes(int keys) { return kColumns * keys; }

void ComputeMixture(const Mixture& mixture) {
  Dense dense = {};
  dense.rows = mixture.rows;
  dense.depth = mixture.keys;
  dense.input = mixture.weights;
  dense.input_offset = kWeightsOffset;
  dense.weights = mixture.scratch;
  dense.output_stride = mixture.width;
  dense.multipliers = &mixture.multiplier;
  dense.shifts = &mixture.shift;
  dense.range = mixture.range;
  for (int column = 0; column < mixture.width; column += kColumns) {
    dense.columns = std::min(kColumns, mixture.width - column);
    Transpose(mixture, column);
    dense.output = mixture.output + column;
    ComputeDense(dense);
  }
}

#else

constexpr int kColumns = kTileRows;
constexpr int kChunk = kTileBytes / static_cast<int>(sizeof(TileWord)) / kColumns * kTileStep / kWordsAStep;  // keys

#if EMBBERT_DSP

constexpr uint32_t kOnes = 0x00010001;

// The words of two keys, two keys apart, from their bytes in four columns, which are added to `sums`.
inline void WidenPair(uint32_t first, uint32_t second, TileWord* tile, int32_t* sums) {
  const uint32_t a = EvenBytes(first), b = EvenBytes(second), c = OddBytes(first), d = OddBytes(second);
  const TileWord words[kColumns] = {LowHalves(a, b), LowHalves(c, d), HighHalves(a, b), HighHalves(c, d)};
#pragma GCC unroll 4
  for (int i = 0; i < kColumns; ++i) {
    tile[i] = words[i];
    sums[i] = AddProducts(words[i], kOnes, sums[i]);
  }
}

// Four columns of some keys, and the sum of each.
void WidenColumns(const int8_t* values, int width, int keys, TileWord* tile, int32_t* totals) {
  int32_t sums[kColumns] = {totals[0], totals[1], totals[2], totals[3]};
  uint32_t rest[kTileStep] = {};
  for (; keys > 0; keys -= kTileStep, values += kTileStep * width, tile += kWordsAStep * kColumns) {
    if (keys < kTileStep) {  // what is not there becomes zero
      for (int i = 0; i < keys; ++i) rest[i] = LoadWord(values + i * width);
      values = reinterpret_cast<const int8_t*>(rest), width = kColumns;
    }
    const uint32_t second = LoadWord(values + width), fourth = LoadWord(values + 3 * width);
    WidenPair(LoadWord(values), LoadWord(values + 2 * width), tile, sums);
    WidenPair(second, fourth, tile + kColumns, sums);
  }
  std::copy_n(sums, kColumns, totals);
}

#else

void WidenColumns(const int8_t* values, int width, int keys, TileWord* tile, int32_t* totals) {
  for (; keys > 0; --keys, values += width, tile += kColumns) {
    for (int i = 0; i < kColumns; ++i) totals[i] += tile[i] = values[i];
  }
}

#endif

// Four columns of the output.
void MixColumns(const Mixture& mixture, int column) {
  TileWord tile[kTileBytes / sizeof(TileWord)];
  int32_t sums[kMostMixed][kColumns], totals[kColumns] = {};
  std::fill_n(sums[0], mixture.rows * kColumns, 0);
  for (int start = 0; start < mixture.keys; start += kChunk) {
    const int keys = std::min(kChunk, mixture.keys - start);
    WidenColumns(mixture.values + start * mixture.width + column, mixture.width, keys, tile, totals);
    Multiply(tile, keys, {mixture.weights + start, sums[0], mixture.rows, mixture.keys});
  }
  WithRescale(mixture.multiplier, mixture.shift, mixture.range, [&](const auto& byte) {
    int8_t* output = mixture.output + column;
    for (int row = 0; row < mixture.rows; ++row, output += mixture.width) {
#pragma GCC unroll 4
      for (int i = 0; i < kColumns; ++i) output[i] = byte(sums[row][i] + kWeightsOffset * totals[i]);
    }
  });
}

}  // namespace

int MixtureScratchBytes(int) { return 0; }

void ComputeMixture(const Mixture& mixture) {
  for (int column = 0; column < mixture.width; column += kColumns) MixColumns(mixture, column);
}

#endif

}  // namespace embbert::kernels
