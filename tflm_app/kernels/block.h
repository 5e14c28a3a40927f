// One block of EmbBERT as one operator, a few rows at a time: what its rows are between two blocks, and nothing of that
// size beside it.
//
//   n = x / |x|, where x lay;  for some rows at a time:  q = n Wq^T + bq;  p = softmax(q n^T + mask);  m = p n
//   x' = (m Wv^T + bv) + a Wc^T,  a = activation(conv(n))

#ifndef EMBBERT_KERNELS_BLOCK_H_
#define EMBBERT_KERNELS_BLOCK_H_

#include <cstdint>

#include "kernels/elementwise.h"
#include "kernels/probabilities.h"

namespace embbert::kernels {

// A tensor that a step writes: what makes it of the step's sums, and its zero point.
struct BlockStep {
  Factor factor;
  int32_t zero_point;
};

// The options of the operator as the file has them: 32-bit integers, the lowest byte first (convert/lowering/fused_block.py).
struct BlockOptions {
  int32_t tile_rows;
  int32_t input_zero_point;
  BlockStep query, scores, mixed, context, contract;
  int32_t conv_zero_point, active_zero_point;
  ExpScale exponential;
  Factor context_term, contract_term, output;  // of the sum
  int32_t output_zero_point;
};

struct Block {
  BlockOptions options;
  int rows, width, taps;     // L, d and k
  int8_t* x;                 // [L, d]; becomes n
  const int32_t* mask;       // [L]
  const int8_t *query_kernel, *value_kernel, *contract_kernel;  // [d, d]; packed: [d, d / 2]
  bool packed;                                                  // weights of 4 bits (unpack.h)
  const int32_t *query_bias, *context_bias;                     // [d]
  const int8_t* conv_kernel;                                    // [k, d]
  const int32_t *conv_bias, *conv_multipliers, *conv_shifts;    // [d]
  const int8_t* activation;  // of the bytes 0 .. 255
  int8_t* output;            // [L, d]
  int8_t* scratch;
};

// Bytes of scratch: of a tile what is d wide and what is L wide, what ComputeMixture asks for, and of weights that are
// packed some rows as bytes.
int BlockScratchBytes(int tile_rows, int rows, int width, bool packed);

// Takes no more than 4 KiB of stack.
void ComputeBlock(const Block& block);

}  // namespace embbert::kernels

#endif  // EMBBERT_KERNELS_BLOCK_H_
