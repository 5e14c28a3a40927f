// The custom operator EMBBERT_BLOCK. Its first input is overwritten: nothing else may read it (a rule of convert.check).

#include <cstring>

#include "kernels/block.h"
#include "kernels/delegate.h"
#include "kernels/depthwise.h"
#include "kernels/kernels.h"
#include "kernels/mixture.h"
#include "kernels/unpack.h"

namespace embbert::kernels {
namespace {

enum Input {
  kX,
  kMask,
  kQueryKernel,
  kQueryBias,
  kValueKernel,
  kContextBias,
  kConvKernel,
  kConvBias,
  kConvRescale,  // [2, d]: multipliers, shifts
  kContractKernel,
  kActivation,
  kInputs
};

struct Data {
  int scratch;
};

bool ReadOptions(const TfLiteNode* node, BlockOptions* options) {
  if (node->custom_initial_data == nullptr) return false;
  if (static_cast<size_t>(node->custom_initial_data_size) < sizeof(*options)) return false;
  std::memcpy(options, node->custom_initial_data, sizeof(*options));
  return true;
}

int Dim(const TfLiteEvalTensor* tensor, int from_last) {
  const TfLiteIntArray& dims = *tensor->dims;
  return dims.size > from_last ? dims.data[dims.size - 1 - from_last] : 0;
}

// What the tensors of a node say; their data is there in Invoke only.
Block BlockOf(TfLiteContext* context, const TfLiteNode* node) {
  const TfLiteEvalTensor* inputs[kInputs];
  for (int i = 0; i < kInputs; ++i) inputs[i] = EvalInput(context, node, i);
  Block block = {};
  ReadOptions(node, &block.options);
  block.width = Dim(inputs[kX], 0);
  block.rows = CountElements(*inputs[kX]->dims) / block.width;
  block.taps = Dim(inputs[kConvKernel], 1);
  block.x = inputs[kX]->data.int8;
  block.mask = inputs[kMask]->data.i32;
  block.query_kernel = inputs[kQueryKernel]->data.int8;
  block.query_bias = inputs[kQueryBias]->data.i32;
  block.packed = CountElements(*inputs[kQueryKernel]->dims) < block.width * block.width;
  block.value_kernel = inputs[kValueKernel]->data.int8;
  block.context_bias = inputs[kContextBias]->data.i32;
  block.conv_kernel = inputs[kConvKernel]->data.int8;
  block.conv_bias = inputs[kConvBias]->data.i32;
  block.conv_multipliers = inputs[kConvRescale]->data.i32;
  block.conv_shifts = block.conv_multipliers + block.width;
  block.contract_kernel = inputs[kContractKernel]->data.int8;
  block.activation = inputs[kActivation]->data.int8;
  block.output = EvalOutput(context, node)->data.int8;
  return block;
}

bool Has(TfLiteContext* context, const TfLiteNode* node, Input input, TfLiteType type, int elements) {
  const TfLiteEvalTensor* tensor = EvalInput(context, node, input);
  return tensor->type == type && CountElements(*tensor->dims) == elements;
}

// Whether the tensors are those of a block.
bool IsWhole(TfLiteContext* context, const TfLiteNode* node, const Block& block) {
  const int width = block.width, square = width * width / (block.packed ? 2 : 1);
  return (!block.packed || width % kPackedStep == 0) && Has(context, node, kX, kTfLiteInt8, block.rows * width) &&
         Has(context, node, kMask, kTfLiteInt32, block.rows) &&
         Has(context, node, kQueryKernel, kTfLiteInt8, square) && Has(context, node, kQueryBias, kTfLiteInt32, width) &&
         Has(context, node, kValueKernel, kTfLiteInt8, square) &&
         Has(context, node, kContextBias, kTfLiteInt32, width) &&
         Has(context, node, kConvKernel, kTfLiteInt8, block.taps * width) &&
         Has(context, node, kConvBias, kTfLiteInt32, width) && Has(context, node, kConvRescale, kTfLiteInt32, 2 * width) &&
         Has(context, node, kContractKernel, kTfLiteInt8, square) && Has(context, node, kActivation, kTfLiteInt8, 256) &&
         CountElements(*EvalOutput(context, node)->dims) == block.rows * width;
}

[[gnu::cold]] TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  BlockOptions options = {};
  TF_LITE_ENSURE(context, node->inputs->size == kInputs && node->outputs->size == 1);
  for (int i = 0; i < kInputs; ++i) TF_LITE_ENSURE(context, EvalInput(context, node, i) != nullptr);
  TF_LITE_ENSURE(context, ReadOptions(node, &options));
  TF_LITE_ENSURE(context, options.tile_rows > 0 && options.tile_rows <= kMostMixed);
  TF_LITE_ENSURE(context, Dim(EvalInput(context, node, kX), 0) > 0 && Dim(EvalInput(context, node, kX), 0) % 4 == 0);
  const Block block = BlockOf(context, node);
  TF_LITE_ENSURE(context, IsWhole(context, node, block) && block.taps > 0 && block.taps <= kMaxTaps);
  auto* data = AllocateData<Data>(context, node);
  TF_LITE_ENSURE(context, data != nullptr);
  const int bytes = BlockScratchBytes(options.tile_rows, block.rows, block.width, block.packed);
  return context->RequestScratchBufferInArena(context, static_cast<size_t>(bytes), &data->scratch);
}

TfLiteStatus Invoke(TfLiteContext* context, TfLiteNode* node) {
  Block block = BlockOf(context, node);
  const int scratch = static_cast<const Data*>(node->user_data)->scratch;
  block.scratch = static_cast<int8_t*>(context->GetScratchBuffer(context, scratch));
  ComputeBlock(block);
  return kTfLiteOk;
}

}  // namespace

const TFLMRegistration* EmbbertBlock() {
  static const TFLMRegistration registration = tflite::micro::RegisterOp(nullptr, Prepare, Invoke);
  return &registration;
}

}  // namespace embbert::kernels
