#include "kernels/block.h"

#include <algorithm>

#include "kernels/dense.h"
#include "kernels/depthwise.h"
#include "kernels/mixture.h"
#include "kernels/normalize.h"
#include "kernels/unpack.h"

namespace embbert::kernels {
namespace {

constexpr int kUnpackedColumns = 16;  // rows of packed weights that are bytes at a time
static_assert(kMostMixed + kMaxTaps - 1 <= kMaxLine, "the convolution of a tile goes through ComputeLines");

// Some rows of a block.
class Tile {
 public:
  Tile(const Block& block, int first, int rows)
      : block_(block), options_(block.options), first_(first), rows_(rows), narrow_(block.scratch),
        wide_(narrow_ + options_.tile_rows * block.width),
        columns_(wide_ + options_.tile_rows * std::max(block.rows, block.width)),
        unpacked_(columns_ + MixtureScratchBytes(block.rows)) {}

  void Compute() {
    int8_t* output = block_.output + first_ * block_.width;
    const int8_t* n = block_.x + first_ * block_.width;
    Multiply(n, 0, block_.query_kernel, block_.query_bias, options_.query, narrow_);
    Attend();
    Mix();
    Multiply(narrow_, -options_.mixed.zero_point, block_.value_kernel, block_.context_bias, options_.context, output);
    Convolve();
    Multiply(narrow_, -options_.active_zero_point, block_.contract_kernel, nullptr, options_.contract, wide_);
    AddTo(output);
  }

 private:
  Dense DenseOf(const int8_t* input, int32_t input_offset, const BlockStep& step) const {
    Dense dense = {};
    dense.rows = rows_;
    dense.input = input;
    dense.input_offset = input_offset;
    dense.multipliers = &step.factor.multiplier;
    dense.shifts = &step.factor.shift;
    dense.range = {step.zero_point, INT8_MIN, INT8_MAX};
    return dense;
  }

  // [rows, d] to [rows, d].
  void Multiply(const int8_t* input, int32_t offset, const int8_t* kernel, const int32_t* bias, const BlockStep& step,
                int8_t* output) const {
    Dense dense = DenseOf(input, offset, step);
    dense.depth = dense.columns = dense.output_stride = block_.width;
    dense.weights = kernel;
    dense.bias = bias;
    dense.output = output;
    block_.packed ? ComputePacked(dense) : ComputeDense(dense);
  }

  // Some columns at a time: their weights are made bytes first.
  [[gnu::noinline]] void ComputePacked(Dense dense) const {
    const int8_t* packed = dense.weights;
    dense.weights = unpacked_;
    for (int left = block_.width; left > 0; left -= kUnpackedColumns) {
      dense.columns = std::min(left, kUnpackedColumns);
      Unpack(packed, dense.columns * dense.depth, unpacked_);
      ComputeDense(dense);
      packed += dense.columns * dense.depth / 2;
      if (dense.bias != nullptr) dense.bias += dense.columns;
      dense.output += dense.columns;
    }
  }

  // Queries to probabilities [rows, L].
  void Attend() const {
    Dense dense = DenseOf(narrow_, -options_.query.zero_point, options_.scores);
    dense.depth = block_.width;
    dense.columns = dense.output_stride = block_.rows;
    dense.weights = block_.x;
    dense.bias = block_.mask;
    dense.output = wide_;
    ComputeDense(dense);
    const auto depth = static_cast<size_t>(block_.rows);
    SoftmaxRows(options_.exponential, wide_, static_cast<size_t>(rows_) * depth, depth, wide_);
  }

  // Probabilities to [rows, d].
  void Mix() const {
    const BlockStep& step = options_.mixed;
    ComputeMixture({rows_, block_.rows, block_.width, wide_, block_.x, narrow_, step.factor.multiplier,
                    step.factor.shift, {step.zero_point, INT8_MIN, INT8_MAX}, columns_});
  }

  // The causal convolution of these rows, and its activation.
  void Convolve() const {
    const int before = std::min(first_, block_.taps - 1);  // rows that are there
    Depthwise depthwise = {};
    depthwise.batches = 1;
    depthwise.channels = block_.width;
    depthwise.y = {1, 1, 1, 1, 1, 0};
    depthwise.x = {before + rows_, rows_, block_.taps, 1, 1, block_.taps - 1 - before};
    depthwise.input = block_.x + (first_ - before) * block_.width;
    depthwise.weights = block_.conv_kernel;
    depthwise.bias = block_.conv_bias;
    depthwise.output = narrow_;
    depthwise.multipliers = block_.conv_multipliers;
    depthwise.shifts = block_.conv_shifts;
    depthwise.range = {options_.conv_zero_point, INT8_MIN, INT8_MAX};
    ComputeLines(depthwise);
    auto* bytes = reinterpret_cast<uint8_t*>(narrow_);
    for (int i = 0; i < rows_ * block_.width; ++i) narrow_[i] = block_.activation[bytes[i]];
  }

  void AddTo(int8_t* output) const {
    const AddData data = {options_.context_term,
                          options_.contract_term,
                          options_.output,
                          static_cast<int8_t>(options_.context.zero_point),
                          static_cast<int8_t>(options_.contract.zero_point),
                          static_cast<int8_t>(options_.output_zero_point),
                          INT8_MIN,
                          INT8_MAX};
    ComputeAdd(data, {output, wide_, output, static_cast<size_t>(rows_ * block_.width)});
  }

  const Block& block_;
  const BlockOptions& options_;
  int first_, rows_;
  int8_t *narrow_, *wide_, *columns_, *unpacked_;
};

}  // namespace

int BlockScratchBytes(int tile_rows, int rows, int width, bool packed) {
  return tile_rows * (width + std::max(rows, width)) + MixtureScratchBytes(rows) + packed * kUnpackedColumns * width;
}

void ComputeBlock(const Block& block) {
  const int values = block.rows * block.width;
  NormalizeRows(block.x, static_cast<size_t>(values), static_cast<size_t>(block.width), block.options.input_zero_point,
                block.x);
  for (int row = 0; row < block.rows; row += block.options.tile_rows) {
    Tile(block, row, std::min(static_cast<int>(block.options.tile_rows), block.rows - row)).Compute();
  }
}

}  // namespace embbert::kernels
