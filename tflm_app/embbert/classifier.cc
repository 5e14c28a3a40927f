#include "embbert/classifier.h"

#include <algorithm>
#include <iterator>

#include "embbert/tokenizer.h"
#include "model_data.h"
#include "tensorflow/lite/schema/schema_generated.h"
#include "tokenizer_data.h"

namespace embbert {
namespace {

// As `confidences` of convert/bundle/confidence.py; a regression has one logit, hence 1000.
uint32_t Confidence(const int8_t* logits, int largest) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bundle::kClasses; ++i) {
    const auto steps = static_cast<size_t>(largest - logits[i]);
    if (steps < bundle::kExponentialCount) sum += bundle::kExponentials[steps];
  }
  return (1000 * bundle::kExponentials[0] + sum / 2) / sum;
}

}  // namespace

const char* StatusText(Status status) {
  switch (status) {
    case Status::kOk: return "ok";
    case Status::kModelVersion: return "the model is of another schema version than TFLM";
    case Status::kOperators: return "an operator of the model could not be registered";
    case Status::kArena: return "the arena is too small for the model";
    case Status::kModelTensors: return "the model's inputs or output are not those of its bundle";
    case Status::kNotInitialised: return "the classifier was not initialised";
    case Status::kWrongTask: return bundle::kTakesPairs ? "the model takes two texts" : "the model takes one text";
    case Status::kIdOutOfTable: return "a token is not in the model's table";
    case Status::kInvoke: return "an operator failed";
  }
  return "unknown status";
}

Status Classifier::Init(uint8_t* arena, size_t arena_bytes) {
  if (bundle::AddOps(&resolver_) != kTfLiteOk) return Status::kOperators;
  arena_ = arena;
  arena_bytes_ = arena_bytes;
  for (const ModelLength& model : bundle::kLengths) {
    const Status status = Prepare(model);
    if (status != Status::kOk) return status;
    arena_used_ = std::max(arena_used_, interpreter_->arena_used_bytes());
  }
  return Status::kOk;
}

// Makes the arena that of a length.
Status Classifier::Prepare(const ModelLength& length) {
  if (length_ == length.tokens) return Status::kOk;
  length_ = 0;
  tokens_ = nullptr;
  const tflite::Model* model = tflite::GetModel(bundle::kModel + length.offset);
  if (model->version() != TFLITE_SCHEMA_VERSION) return Status::kModelVersion;
  interpreter_.emplace(model, resolver_, arena_, arena_bytes_);
  if (interpreter_->AllocateTensors() != kTfLiteOk) return Status::kArena;
  length_ = length.tokens;
  return FindTensors();
}

Status Classifier::FindTensors() {
  const size_t inputs = bundle::kTakesPairs ? 2 : 1;
  if (interpreter_->inputs_size() != inputs || interpreter_->outputs_size() != 1) return Status::kModelTensors;
  for (size_t i = 0; i < inputs; ++i) {
    const TfLiteTensor* input = interpreter_->input(i);
    if (input->type != kTfLiteInt32 || input->bytes != length_ * sizeof(int32_t)) return Status::kModelTensors;
  }
  const TfLiteTensor* output = interpreter_->output(0);
  if (output->type != kTfLiteInt8 || output->bytes != bundle::kClasses) return Status::kModelTensors;
  tokens_ = interpreter_->input(0)->data.i32;
  segments_ = bundle::kTakesPairs ? interpreter_->input(1)->data.i32 : nullptr;
  logits_ = output->data.int8;
  return Status::kOk;
}

Status Classifier::Classify(const char* text, size_t length, Verdict* verdict) {
  if (tokens_ == nullptr) return Status::kNotInitialised;
  if (bundle::kTakesPairs) return Status::kWrongTask;
  const auto encode = [&](int32_t* ids, size_t capacity) {
    return Tokenize(bundle::kTokenizer, text, length, ids, capacity);
  };
  const size_t count = encode(nullptr, 1 + kRoom);
  if constexpr (bundle::kWindows > 1) {
    if (count > bundle::kSequenceLength) return AverageWindows(encode(ids_.data(), 1 + kRoom), verdict);
  }
  const Status status = Answer(count, [&] { encode(tokens_, bundle::kSequenceLength); });
  if (status == Status::kOk) Judge(logits_, count, 1, verdict);
  return status;
}

Status Classifier::ClassifyPair(const char* first, size_t first_length, const char* second, size_t second_length,
                                Verdict* verdict) {
  if (tokens_ == nullptr) return Status::kNotInitialised;
  if (!bundle::kTakesPairs) return Status::kWrongTask;
  const auto encode = [&](int32_t* ids) {
    return TokenizePair(bundle::kTokenizer, first, first_length, second, second_length, ids, bundle::kSequenceLength);
  };
  const size_t count = encode(nullptr);
  const Status status = Answer(count, [&] { encode(tokens_); });
  if (status == Status::kOk) Judge(logits_, count, 1, verdict);
  return status;
}

// Reads the `count` ids of a text in windows as few and as equal as can be (`split` of tf_embbert/windows.py), and takes
// the mean of their logits, rounded, halves up.
Status Classifier::AverageWindows(size_t count, Verdict* verdict) {
  constexpr size_t kPart = bundle::kSequenceLength - 1;
  const size_t kept = count - 1, windows = (kept + kPart - 1) / kPart;
  std::array<int32_t, bundle::kClasses> sums = {};  // of logits + 128, which are not negative
  for (size_t window = 0; window < windows; ++window) {
    const size_t begin = kept * window / windows, end = kept * (window + 1) / windows;
    const Status status = Answer(1 + end - begin, [&] {
      tokens_[0] = kCls;
      std::copy(ids_.begin() + 1 + begin, ids_.begin() + 1 + end, tokens_ + 1);
    });
    if (status != Status::kOk) return status;
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += logits_[i] + 128;
  }
  const auto number = static_cast<int32_t>(windows);
  std::transform(sums.begin(), sums.begin() + means_.size(), means_.begin(),
                 [&](int32_t sum) { return static_cast<int8_t>((2 * sum + number) / (2 * number) - 128); });
  Judge(means_.data(), count, windows, verdict);
  return Status::kOk;
}

// Prepares the shortest length that holds `count` ids, and runs it on those that `encode` writes.
template <typename Encode>
Status Classifier::Answer(size_t count, Encode encode) {
  const ModelLength* length = std::find_if(std::begin(bundle::kLengths), std::end(bundle::kLengths) - 1,
                                           [&](const ModelLength& model) { return model.tokens >= count; });
  const Status status = Prepare(*length);
  if (status != Status::kOk) return status;
  encode();
  return Invoke(count);
}

// Runs the model on the `count` ids that lie in tokens_.
Status Classifier::Invoke(size_t count) {
  // GATHER does not look in a build with NDEBUG: an id beyond the table would read what lies behind it.
  const bool known = std::all_of(tokens_, tokens_ + count, [](int32_t id) {
    return id >= 0 && static_cast<size_t>(id) < bundle::kTokenRows;
  });
  if (!known) return Status::kIdOutOfTable;
  std::fill(tokens_ + count, tokens_ + length_, kPad);
  if (segments_ != nullptr) FillSegments(count);
  return interpreter_->Invoke() == kTfLiteOk ? Status::kOk : Status::kInvoke;
}

void Classifier::Judge(const int8_t* logits, size_t tokens, size_t windows, Verdict* verdict) const {
  const int8_t* largest = std::max_element(logits, logits + bundle::kClasses);
  const uint32_t confidence = Confidence(logits, *largest);
  *verdict = {static_cast<size_t>(largest - logits), logits, tokens, length_, windows, confidence,
              confidence < bundle::kReject};
}

// 1 before the first [SEP], 2 from it on, 0 on pads (`segments` of tf_embbert/tokenizer.py).
void Classifier::FillSegments(size_t count) {
  int32_t* separator = segments_ + (std::find(tokens_, tokens_ + count, kSep) - tokens_);
  std::fill(segments_, separator, 1);
  std::fill(separator, segments_ + count, 2);
  std::fill(segments_ + count, segments_ + length_, 0);
}

}  // namespace embbert
