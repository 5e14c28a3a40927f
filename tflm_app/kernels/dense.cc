// The dense kernel for cores without vectors: up to four rows of the input are widened once and multiplied with every
// column, so that a weight is loaded and widened once for four products.

#include "kernels/dense.h"

#include <algorithm>

#include "kernels/dense_tile.h"

#if !EMBBERT_MVE

namespace embbert::kernels {
namespace {

constexpr int kColumns = 16;  // sums are kept for that many at a time
// Values of depth that a tile of four rows has room for.
constexpr int kChunk = kTileBytes / static_cast<int>(sizeof(TileWord)) / kTileRows * kTileStep / kWordsAStep;

[[gnu::noinline]] int32_t Sum(const int8_t* values, int count, int32_t offset) {
  int32_t sum = 0;
  for (int i = 0; i < count; ++i) sum += values[i] + offset;
  return sum;
}

// The sum of a row and a column is sums[column * stride + row].
struct SumsOfRows {
  const int32_t* sums;
  int stride, rows, columns;
};

[[gnu::noinline]] void StoreSums(const SumsOfRows& all, int32_t multiplier, int32_t shift, const OutputRange& range,
                                 int8_t* output, int output_stride) {
  WithRescale(multiplier, shift, range, [=](const auto& byte) {
    for (int row = 0; row < all.rows; ++row) {
      const int32_t* sum = all.sums + row;
      int8_t* next = output + row * output_stride;
#pragma GCC unroll 2
      for (int i = all.columns; i > 0; --i, sum += all.stride) *next++ = byte(*sum);
    }
  });
}

// Rows from `first` on: kRows in the tile, of which `count` are there; the others repeat the first one.
template <int kRows>
class RowGroup {
 public:
  RowGroup(const Dense& dense, int first, int count) : dense_(dense), first_(first), count_(count) {
    for (int row = 0; row < kRows; ++row) rows_[row] = Row(row < count ? row : 0);
  }

  void Compute() {
    SumOffsets();
    const bool whole = dense_.depth <= kChunk;
    if (whole) WidenChunk(0, dense_.depth);
    for (int column = 0; column < dense_.columns; column += kColumns) {
      const int columns = std::min(kColumns, dense_.columns - column);
      BeginSums(column, columns);
      for (int start = 0; start < dense_.depth; start += kChunk) {
        const int depth = std::min(kChunk, dense_.depth - start);
        if (!whole) WidenChunk(start, depth);
        AddProducts(column, columns, start, depth);
      }
      Store(column, columns);
    }
  }

 private:
  const int8_t* Row(int row) const { return dense_.input + (first_ + row) * dense_.depth; }

  // What the weights' offset adds to each row's sums.
  void SumOffsets() {
    for (int row = 0; row < kRows && dense_.weights_offset != 0; ++row) {
      offsets_[row] = dense_.weights_offset * Sum(rows_[row], dense_.depth, dense_.input_offset);
    }
  }

  void BeginSums(int column, int columns) {
    for (int i = 0; i < columns; ++i) {
      const int32_t bias = dense_.bias ? dense_.bias[column + i] : 0;
#pragma GCC unroll 4
      for (int row = 0; row < kRows; ++row) sums_[i][row] = bias + offsets_[row];
    }
  }

  [[gnu::noinline]] void WidenChunk(int start, int depth) {
    const int8_t* rows[kRows];
    for (int row = 0; row < kRows; ++row) rows[row] = rows_[row] + start;
    Widen<kRows>(rows, depth, dense_.input_offset, tile_);
  }

  void AddProducts(int column, int columns, int start, int depth) {
    const int8_t* weights = dense_.weights + column * dense_.depth + start;
    Multiply<kRows>(tile_, depth, {weights, sums_[0], columns, dense_.depth});
  }

  void Store(int column, int columns) const {
    if (!dense_.per_column) return StoreColumns(column, 0, columns, *dense_.multipliers, *dense_.shifts);
    for (int i = 0; i < columns; ++i) {
      StoreColumns(column, i, 1, dense_.multipliers[column + i], dense_.shifts[column + i]);
    }
  }

  // `count` of the columns that there are sums for, from the one `first` after `column`.
  void StoreColumns(int column, int first, int count, int32_t multiplier, int32_t shift) const {
    int8_t* output = dense_.output + first_ * dense_.columns + column + first;
    const SumsOfRows sums = {sums_[first], kRows, count_, count};
    StoreSums(sums, multiplier, shift, dense_.range, output, dense_.columns);
  }

  const Dense& dense_;
  int first_, count_;
  const int8_t* rows_[kRows];
  int32_t offsets_[kRows] = {};
  int32_t sums_[kColumns][kRows];
  TileWord tile_[kTileBytes / sizeof(TileWord) / kTileRows * kRows];
};

}  // namespace

void ComputeDense(const Dense& dense) {
  for (int first = 0; first < dense.rows;) {
    const int left = dense.rows - first;
    if (left >= 3) {
      RowGroup<4>(dense, first, std::min(left, 4)).Compute();
      first += 4;
    } else {
      RowGroup<1>(dense, first++, 1).Compute();
    }
  }
}

}  // namespace embbert::kernels

#endif  // !EMBBERT_MVE
