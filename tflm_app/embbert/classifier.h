// Text to a class, or to a value, with the model and the tokenizer of a bundle.
//
//   embbert::Classifier classifier;                       // static: it is larger than a stack likes
//   classifier.Init(arena, sizeof(arena));
//   classifier.Classify(text, length, &verdict);
//
// Nothing is taken from the heap. A classifier does one text at a time; several of them, each with an arena, share
// nothing. Its stack is that of the tokenizer, then that of TFLM's kernels.
//
// A bundle may serve several lengths with the same weights; the shortest that holds a text answers it. They take turns
// in the arena: TFLM allocates anew when a text needs another length than the text before it.
//
// Where bundle::kWindows is more than one, a text longer than the longest of them is read in as many windows as it needs,
// and the verdict is on the mean of their logits: time grows with the text, the arena does not.

#ifndef EMBBERT_CLASSIFIER_H_
#define EMBBERT_CLASSIFIER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "bundle.h"
#include "op_resolver.h"
#include "tensorflow/lite/micro/micro_interpreter.h"

// An Arduino library is compiled with the sketch: what it leaves out is left out in both.
#if !defined(TF_LITE_STATIC_MEMORY) && !defined(ARDUINO)
#error "compile with -DTF_LITE_STATIC_MEMORY, as TFLM's library was: without it TFLM's structs are laid out otherwise"
#endif

namespace embbert {

enum class Status {
  kOk,
  kModelVersion,    // the model is of another version of the schema
  kOperators,       // an operator was not registered
  kArena,           // TFLM could not allocate: the arena is too small
  kModelTensors,    // the inputs or the output of a length are not those of bundle.h
  kNotInitialised,  // Init has not succeeded
  kWrongTask,       // a pair for a model of single texts, or the other way round
  kIdOutOfTable,    // the tokenizer's ids are not the model's
  kInvoke,          // a kernel failed
};

// One line that says what went wrong.
const char* StatusText(Status status);

struct Verdict {
  size_t label;          // index of the largest logit, the first of equal ones; see bundle::kLabels
  const int8_t* logits;  // [bundle::kClasses], good until the next call
  size_t tokens;         // ids that the text took, of at most bundle::kSequenceLength a window
  size_t length;         // ids that the model takes which answered, one of bundle::kLengths; of windows the last one's
  size_t windows;        // in which the text was read, at most bundle::kWindows
  uint32_t confidence;   // softmax of the logits at `label`, in thousandths, without float; of a regression 1000
  bool rejected;         // whether it is below bundle::kReject: better no answer than this one

  // The answer of a regression: the real value of the logit.
  float Value() const { return bundle::kOutputScale * static_cast<float>(logits[0] - bundle::kOutputZeroPoint); }
};

class Classifier {
 public:
  Classifier() = default;
  Classifier(const Classifier&) = delete;
  Classifier& operator=(const Classifier&) = delete;

  // Takes an arena, aligned to 16 bytes, that stays the classifier's, and tries every length in it; once.
  Status Init(uint8_t* arena, size_t arena_bytes);

  // Classifies UTF-8 bytes, any bytes; a text that is too long, for all windows, loses its middle, as in Python.
  Status Classify(const char* text, size_t length, Verdict* verdict);
  Status ClassifyPair(const char* first, size_t first_length, const char* second, size_t second_length,
                      Verdict* verdict);

  // Bytes of the arena that are taken by the length that takes most, after Init.
  size_t arena_used() const { return arena_used_; }

 private:
  template <typename Encode>
  Status Answer(size_t count, Encode encode);
  Status AverageWindows(size_t count, Verdict* verdict);
  Status Prepare(const ModelLength& length);
  Status FindTensors();
  Status Invoke(size_t count);
  void Judge(const int8_t* logits, size_t tokens, size_t windows, Verdict* verdict) const;
  void FillSegments(size_t count);

  bundle::OpResolver resolver_;
  uint8_t* arena_ = nullptr;
  size_t arena_bytes_ = 0, arena_used_ = 0;
  std::optional<tflite::MicroInterpreter> interpreter_;  // of the length that the arena is prepared for
  size_t length_ = 0;            // ids that it takes
  int32_t* tokens_ = nullptr;    // [length_]; null before Init
  int32_t* segments_ = nullptr;  // [length_] of a model of pairs
  const int8_t* logits_ = nullptr;

  // What a text of several windows needs; of a single one, nothing.
  static constexpr size_t kRoom = bundle::kWindows * (bundle::kSequenceLength - 1);  // ids beside [CLS]
  std::array<int32_t, bundle::kWindows == 1 ? 1 : 1 + kRoom> ids_ = {};
  std::array<int8_t, bundle::kWindows == 1 ? 1 : bundle::kClasses> means_ = {};  // of the windows' logits
};

}  // namespace embbert

#endif  // EMBBERT_CLASSIFIER_H_
