// What the drivers of the tokenizer are asked: requests one after another, little-endian.
//
// A request is three uint32: capacity, bytes of the first text, bytes of the second (kNoText for a single text), then
// both texts. Its answer is the number of ids as uint32 and the ids as int32.

#ifndef EMBBERT_TESTS_REQUESTS_H_
#define EMBBERT_TESTS_REQUESTS_H_

#include <cstddef>
#include <cstdint>

constexpr uint32_t kNoText = UINT32_MAX;

struct Request {
  uint32_t capacity;
  uint32_t length;
  uint32_t second_length;

  size_t bytes() const { return length + (second_length == kNoText ? 0 : second_length); }
};

// Tokenizes `texts`, the request's bytes; gives the number of ids.
size_t Answer(const Request& request, const char* texts, int32_t* ids);

#endif  // EMBBERT_TESTS_REQUESTS_H_
