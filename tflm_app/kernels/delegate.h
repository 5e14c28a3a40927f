// A node that TFLM's own kernel prepares and runs, for what a kernel of ours does not take.
//
// A kernel of ours has no init: Prepare sees the tensors, and gives the node either its own data or those of TFLM's
// kernel. A node that is TFLM's keeps TFLM's Invoke where a custom operator has its options, which is null for all
// others: to ask for it costs an inference six instructions, so a small operator loses nothing.

#ifndef EMBBERT_KERNELS_DELEGATE_H_
#define EMBBERT_KERNELS_DELEGATE_H_

#include "tensorflow/lite/c/common.h"
#include "tensorflow/lite/micro/kernels/kernel_util.h"
#include "tensorflow/lite/micro/micro_common.h"
#include "tensorflow/lite/micro/micro_log.h"

namespace embbert::kernels {

// Whether TFLM's kernels of the same operators stay away (KERNELS=alone): then ours take what they would leave to these
// as the faster ones, and Prepare refuses the rest.
#ifdef EMBBERT_KERNELS_ALONE
constexpr bool kAlone = true;
#else
constexpr bool kAlone = false;
#endif

// The tensors of a node, in Prepare as in Invoke; null where an optional input is absent. What is asked before TFLM's
// Prepare is asked of these: a TfLiteTensor would take arena beside those of TFLM's own.
inline TfLiteEvalTensor* EvalInput(TfLiteContext* context, const TfLiteNode* node, int index) {
  const TfLiteIntArray& inputs = *node->inputs;
  return index < inputs.size && inputs.data[index] >= 0 ? context->GetEvalTensor(context, inputs.data[index]) : nullptr;
}

inline TfLiteEvalTensor* EvalOutput(TfLiteContext* context, const TfLiteNode* node) {
  return context->GetEvalTensor(context, node->outputs->data[0]);
}

inline bool IsInt8(const TfLiteEvalTensor* tensor) { return tensor != nullptr && tensor->type == kTfLiteInt8; }

inline int CountElements(const TfLiteIntArray& dims) {
  int count = 1;
  for (int i = 0; i < dims.size; ++i) count *= dims.data[i];
  return count;
}

using InvokeFunction = TfLiteStatus (*)(TfLiteContext*, TfLiteNode*);

// TFLM's Invoke where the node is TFLM's, else null.
inline InvokeFunction StockInvoke(const TfLiteNode* node) {
  return reinterpret_cast<InvokeFunction>(const_cast<void*>(node->custom_initial_data));
}

inline void LeaveToStock(const TFLMRegistration& stock, TfLiteNode* node) {
  node->custom_initial_data = reinterpret_cast<const void*>(stock.invoke);
}

inline TfLiteStatus PrepareStock(const TFLMRegistration& stock, TfLiteContext* context, TfLiteNode* node) {
  LeaveToStock(stock, node);
  if (stock.init != nullptr) {
    node->user_data = stock.init(context, static_cast<const char*>(node->builtin_data), 0);
  }
  return stock.prepare(context, node);
}

// The same where TFLM's kernel is linked.
template <TFLMRegistration (*kStock)()>
TfLiteStatus PrepareIfLinked(TfLiteContext* context, TfLiteNode* node) {
  if constexpr (kAlone) {
    MicroPrintf("our kernels are linked alone, and the model has an operator that they do not take");
    return kTfLiteError;
  } else {
    return PrepareStock(kStock(), context, node);
  }
}

// A persistent T of the node's own.
template <typename T>
T* AllocateData(TfLiteContext* context, TfLiteNode* node) {
  node->user_data = context->AllocatePersistentBuffer(context, sizeof(T));
  return static_cast<T*>(node->user_data);
}

// The tensors of a node while it is prepared.
class PreparedTensors {
 public:
  PreparedTensors(TfLiteContext* context, TfLiteNode* node) : context_(tflite::GetMicroContext(context)), node_(node) {}
  ~PreparedTensors() {
    for (TfLiteTensor* tensor : tensors_) {
      if (tensor != nullptr) context_->DeallocateTempTfLiteTensor(tensor);
    }
  }
  PreparedTensors(const PreparedTensors&) = delete;
  PreparedTensors& operator=(const PreparedTensors&) = delete;

  // Null where an optional input is absent.
  TfLiteTensor* Input(int index) {
    return index < node_->inputs->size ? Keep(context_->AllocateTempInputTensor(node_, index)) : nullptr;
  }
  TfLiteTensor* Output() { return Keep(context_->AllocateTempOutputTensor(node_, 0)); }

 private:
  TfLiteTensor* Keep(TfLiteTensor* tensor) { return tensors_[count_++] = tensor; }

  tflite::MicroContext* context_;
  TfLiteNode* node_;
  TfLiteTensor* tensors_[4] = {};
  int count_ = 0;
};

}  // namespace embbert::kernels

#endif  // EMBBERT_KERNELS_DELEGATE_H_
