// HARD_SWISH, LOGISTIC and TANH by table: an int8 tensor has 256 values, so TFLM's own kernel answers these, once, and
// the tensor is looked up. The bytes are TFLM's by construction, whatever kernels it was built with.

#include <cstddef>
#include <cstdint>

#include "kernels/delegate.h"
#include "kernels/kernels.h"
#include "tensorflow/lite/micro/kernels/kernel_util.h"
#include "tensorflow/lite/micro/kernels/micro_ops.h"

namespace embbert::kernels {
namespace {

constexpr size_t kValues = 256;
// Below this many elements TFLM's kernel is faster than the table that it would have to fill.
constexpr int kWorthATable = 2 * static_cast<int>(kValues);

// A context in which a node's one input and one output are tensors of ours.
struct TableContext {
  TfLiteContext context;  // first: what GetEvalTensor gets is this struct
  int input_index;
  TfLiteEvalTensor input, output;

  static TfLiteEvalTensor* GetEvalTensor(const TfLiteContext* context, int index) {
    auto* self = reinterpret_cast<TableContext*>(const_cast<TfLiteContext*>(context));
    return index == self->input_index ? &self->input : &self->output;
  }
};

// Fills table[v] with what `stock` answers for the byte v.
TfLiteStatus FillTable(const TFLMRegistration& stock, TfLiteContext* context, TfLiteNode* node, int8_t* table) {
  int shape[] = {1, kValues};  // a TfLiteIntArray: its size, then its values
  int8_t values[kValues];
  for (size_t value = 0; value < kValues; ++value) values[value] = static_cast<int8_t>(value);
  TableContext ours = {*context, node->inputs->data[0], {}, {}};
  ours.context.GetEvalTensor = TableContext::GetEvalTensor;
  ours.input.type = ours.output.type = kTfLiteInt8;
  ours.input.dims = ours.output.dims = reinterpret_cast<TfLiteIntArray*>(shape);
  ours.input.data.int8 = values;
  ours.output.data.int8 = table;
  return stock.invoke(&ours.context, node);
}

void LookUp(const int8_t* table, const int8_t* input, size_t count, int8_t* output) {
  const auto* indices = reinterpret_cast<const uint8_t*>(input);
  for (size_t i = 0; i < count; ++i) output[i] = table[indices[i]];
}

// TFLM's kernel has the node's data in either case.
[[gnu::cold]] TfLiteStatus PrepareTable(const TFLMRegistration& stock, TfLiteContext* context, TfLiteNode* node) {
  const TfLiteEvalTensor *input = EvalInput(context, node, 0), *output = EvalOutput(context, node);
  const bool ours = IsInt8(input) && IsInt8(output) && CountElements(*input->dims) >= kWorthATable;
  if (!ours) LeaveToStock(stock, node);
  return stock.prepare(context, node);
}

TfLiteStatus InvokeByTable(const TFLMRegistration& stock, TfLiteContext* context, TfLiteNode* node) {
  const TfLiteEvalTensor *input = EvalInput(context, node, 0), *output = EvalOutput(context, node);
  int8_t table[kValues];
  TF_LITE_ENSURE_STATUS(FillTable(stock, context, node, table));
  LookUp(table, input->data.int8, static_cast<size_t>(CountElements(*input->dims)), output->data.int8);
  return kTfLiteOk;
}

template <TFLMRegistration (*kStock)()>
TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  return PrepareTable(kStock(), context, node);
}

template <TFLMRegistration (*kStock)()>
TfLiteStatus Invoke(TfLiteContext* context, TfLiteNode* node) {
  if (const InvokeFunction invoke = StockInvoke(node)) return invoke(context, node);
  return InvokeByTable(kStock(), context, node);
}

template <TFLMRegistration (*kStock)()>
TFLMRegistration WithTable() {
  TFLMRegistration registration = kStock();
  registration.prepare = Prepare<kStock>;
  registration.invoke = Invoke<kStock>;
  return registration;
}

}  // namespace

TFLMRegistration HardSwish() { return WithTable<tflite::Register_HARD_SWISH>(); }
TFLMRegistration Logistic() { return WithTable<tflite::Register_LOGISTIC>(); }
TFLMRegistration Tanh() { return WithTable<tflite::Register_TANH>(); }

}  // namespace embbert::kernels
