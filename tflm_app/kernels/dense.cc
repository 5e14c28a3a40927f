// The dense kernel for cores without vectors: four rows of the input are widened once and multiplied with every column,
// so that a weight is loaded and widened once for four products; of one or two rows, each with four columns at a time.

#include "kernels/dense.h"

#include <algorithm>

#include "kernels/dense_columns.h"
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

#if EMBBERT_DSP

// The columns have one scale and all of int8 for a range, as dense layers without an activation do.
void StoreRows(const Dense& dense, const SumsOfRows& all, int8_t* output) {
  const FastRescale rescale(*dense.multipliers, *dense.shifts);
  const int32_t zero_point = dense.range.zero_point;
  for (int row = 0; row < all.rows; ++row) {
    const int32_t* sum = all.sums + row;
    int8_t* next = output + row * dense.output_stride;
#pragma GCC unroll 2
    for (int i = all.columns; i > 0; --i, sum += all.stride) *next++ = Saturate(rescale(*sum), zero_point);
  }
}

#endif

// What is read of `dense` is copied: a byte that is written might be of it, for all that C++ knows.
void StoreColumns(const Dense& dense, int column, const SumsOfRows& all, int8_t* output) {
  const OutputRange range = dense.range;
  const int step = dense.per_column ? 1 : 0, stride = all.stride;
  const int32_t *multiplier = dense.multipliers + column * step, *shift = dense.shifts + column * step, *sums = all.sums;
  // Sums of one row that have one scale and lie side by side are stored as the rows of one column.
  const bool turned = stride == 1 && step == 0;
  const int rows = turned ? all.columns : all.rows, output_stride = turned ? 1 : dense.output_stride;
  for (int i = turned ? 1 : all.columns; i > 0; --i, sums += stride, ++output, multiplier += step, shift += step) {
    WithExactRescale(*multiplier, *shift, [=](const auto& rescale) {
      int8_t* next = output;
      for (int row = 0; row < rows; ++row, next += output_stride) *next = Clamp(rescale(sums[row]), range);
    });
  }
}

// Writes the bytes of the columns from `column` on.
[[gnu::noinline]] void StoreSums(const Dense& dense, int column, const SumsOfRows& all, int8_t* output) {
  output += column;
#if EMBBERT_DSP
  const bool alike = !dense.per_column && dense.range.IsAllOfInt8();
  if (alike && FastRescale::Takes(*dense.shifts)) return StoreRows(dense, all, output);
#endif
  StoreColumns(dense, column, all, output);
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
      offsets_[row] = dense.source ? 0 : OffsetOf(dense, dense.input + NumberOf(row) * dense.depth);
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

  int NumberOf(int row) const { return first_ + (row < count_ ? row : 0); }

  [[gnu::noinline]] void WidenChunk(int start, int depth) {
    int8_t copied[kChunk];
    for (int row = 0; row < kTileRows; ++row) {
      const int8_t* values = dense_.input + NumberOf(row) * dense_.depth + start;
      if (dense_.source) {
        dense_.source->Copy(NumberOf(row), start, depth, copied);
        values = copied;
      }
      Widen(values, depth, dense_.input_offset, tile_ + row);
    }
  }

  const Dense& dense_;
  int first_, count_;
  int32_t offsets_[kTileRows];
  int32_t sums_[kColumns][kTileRows];
  TileWord tile_[kTileBytes / sizeof(TileWord)];
};

}  // namespace

void ComputeDense(const Dense& dense) {
  for (int first = 0; first < dense.rows;) {
    const int count = std::min(dense.rows - first, kTileRows);
    if (dense.source || count >= kWorthATile) {
      RowGroup(dense, first, count).Compute();
      first += count;
    } else {
      ComputeRow(dense, first++);
    }
  }
}

}  // namespace embbert::kernels

#endif  // !EMBBERT_MVE
