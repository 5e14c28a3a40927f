// y = x w^T + b for int8 x (rows x depth) and w (columns x depth).

#ifndef EMBBERT_KERNELS_DENSE_H_
#define EMBBERT_KERNELS_DENSE_H_

#include <cstdint>

#include "kernels/rescale.h"

namespace embbert::kernels {

// Rows that do not lie in memory as such.
class RowSource {
 public:
  // Writes `count` values of a row from its `start`-th on.
  virtual void Copy(int row, int start, int count, int8_t* to) const = 0;

 protected:
  ~RowSource() = default;
};

struct Dense {
  int rows, depth, columns;
  const int8_t* input;
  const RowSource* source = nullptr;  // of the rows, if they are not the input's; not with MVE
  const int8_t* weights;
  const int32_t* bias;  // null: zeros
  int8_t* output;
  int output_stride;  // bytes from a row of it to the next: `columns`, or more
  int32_t input_offset, weights_offset;  // added to each value
  // One for each column, or one for all where `per_column` is false.
  const int32_t* multipliers;
  const int32_t* shifts;
  bool per_column;
  OutputRange range;
};

// Rows of weights, one after the other, and what is summed up of each.
struct Columns {
  const int8_t* weights;
  int32_t* sums;
  int count, stride;  // of the rows of weights: how many, and bytes from one to the next
};

// Takes no more than 3 KiB of stack, nothing else.
void ComputeDense(const Dense& dense);

}  // namespace embbert::kernels

#endif  // EMBBERT_KERNELS_DENSE_H_
