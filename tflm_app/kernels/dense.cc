// The dense kernel for cores without vectors: four rows of the input are widened once and multiplied with every column,
// so that a weight is loaded and widened once for four products; of one or two rows, each with four columns at a time.

#include "kernels/dense.h"

#include <algorithm>

#include "kernels/dense_row.h"
#include "kernels/dense_tile.h"

#if !EMBBERT_MVE

namespace embbert::kernels {
namespace {

constexpr int kColumns = 16;  // sums are kept for that many at a time
constexpr int kWorthATile = 3;  // rows; fewer are computed one by one
// Values of depth that a tile has room for.
constexpr int kChunk = kTileBytes / static_cast<int>(sizeof(TileWord)) / kTileRows * kTileStep / kWordsAStep;

// What the weights' offset adds to the sums of a row.
[[gnu::noinline]] int32_t OffsetOf(const Dense& dense, const int8_t* row) {
  int32_t sum = 0;
  for (int i = 0; dense.weights_offset != 0 && i < dense.depth; ++i) sum += row[i] + dense.input_offset;
  return dense.weights_offset * sum;
}

// The sum of a row and a column is sums[column * stride + row].
struct SumsOfRows {
  const int32_t* sums;
  int stride, rows, columns;
};

// The columns have one scale.
void StoreRows(const Dense& dense, const SumsOfRows& all, int8_t* output) {
  WithRescale(*dense.multipliers, *dense.shifts, dense.range, [&](const auto& byte) {
    for (int row = 0; row < all.rows; ++row) {
      const int32_t* sum = all.sums + row;
      int8_t* next = output + row * dense.output_stride;
#pragma GCC unroll 2
      for (int i = all.columns; i > 0; --i, sum += all.stride) *next++ = byte(*sum);
    }
  });
}

// The sums of one column.
inline void StoreColumn(const Dense& dense, int column, const int32_t* sums, int rows, int8_t* output) {
  WithExactRescale(dense.multipliers[column], dense.shifts[column], [&](const auto& rescale) {
    for (int row = 0; row < rows; ++row) output[row * dense.output_stride] = Clamp(rescale(sums[row]), dense.range);
  });
}

// Writes the bytes of the columns from `column` on.
[[gnu::noinline]] void StoreSums(const Dense& dense, int column, const SumsOfRows& all, int8_t* output) {
  if (!dense.per_column) return StoreRows(dense, all, output + column);
  for (int i = 0; i < all.columns; ++i) {
    StoreColumn(dense, column + i, all.sums + i * all.stride, all.rows, output + column + i);
  }
}

// One row.
void ComputeRow(const Dense& dense, int row) {
  const InputRow input = {dense.input + row * dense.depth, dense.depth, dense.input_offset};
  const int32_t offset = OffsetOf(dense, input.values);
  int32_t sums[kColumns];
  for (int column = 0; column < dense.columns; column += kColumns) {
    const int columns = std::min(kColumns, dense.columns - column);
    for (int i = 0; i < columns; ++i) sums[i] = (dense.bias ? dense.bias[column + i] : 0) + offset;
    MultiplyRow(input, {dense.weights + column * dense.depth, sums, columns, dense.depth});
    StoreSums(dense, column, {sums, 1, 1, columns}, dense.output + row * dense.output_stride);
  }
}

// As many rows as a tile has, from `first` on: `count` of them are there, the others repeat the first one.
class RowGroup {
 public:
  RowGroup(const Dense& dense, int first, int count) : dense_(dense), first_(first), count_(count) {
    for (int row = 0; row < kTileRows; ++row) {
      rows_[row] = dense.input + (first + (row < count ? row : 0)) * dense.depth;
      offsets_[row] = OffsetOf(dense, rows_[row]);
    }
  }

  void Compute() {
    const bool whole = dense_.depth <= kChunk;
    if (whole) WidenChunk(0, dense_.depth);
    for (int column = 0; column < dense_.columns; column += kColumns) {
      const int columns = std::min(kColumns, dense_.columns - column);
      BeginSums(column, columns);
      for (int start = 0; start < dense_.depth; start += kChunk) {
        const int depth = std::min(kChunk, dense_.depth - start);
        if (!whole) WidenChunk(start, depth);
        const int8_t* weights = dense_.weights + column * dense_.depth + start;
        Multiply(tile_, depth, {weights, sums_[0], columns, dense_.depth});
      }
      StoreSums(dense_, column, {sums_[0], kTileRows, count_, columns}, dense_.output + first_ * dense_.output_stride);
    }
  }

 private:
  void BeginSums(int column, int columns) {
    for (int i = 0; i < columns; ++i) {
      const int32_t bias = dense_.bias ? dense_.bias[column + i] : 0;
#pragma GCC unroll 4
      for (int row = 0; row < kTileRows; ++row) sums_[i][row] = bias + offsets_[row];
    }
  }

  [[gnu::noinline]] void WidenChunk(int start, int depth) {
    const int8_t* rows[kTileRows];
    for (int row = 0; row < kTileRows; ++row) rows[row] = rows_[row] + start;
    Widen(rows, depth, dense_.input_offset, tile_);
  }

  const Dense& dense_;
  int first_, count_;
  const int8_t* rows_[kTileRows];
  int32_t offsets_[kTileRows];
  int32_t sums_[kColumns][kTileRows];
  TileWord tile_[kTileBytes / sizeof(TileWord)];
};

}  // namespace

void ComputeDense(const Dense& dense) {
  for (int first = 0; first < dense.rows;) {
    const int count = std::min(dense.rows - first, kTileRows);
    if (count >= kWorthATile) {
      RowGroup(dense, first, count).Compute();
      first += count;
    } else {
      ComputeRow(dense, first++);
    }
  }
}

}  // namespace embbert::kernels

#endif  // !EMBBERT_MVE
