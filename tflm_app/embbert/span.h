// A constant array and its size.

#ifndef EMBBERT_SPAN_H_
#define EMBBERT_SPAN_H_

#include <cstddef>

namespace embbert {

template <typename T>
struct Span {
  const T* data;
  size_t size;

  const T* begin() const { return data; }
  const T* end() const { return data + size; }
};

}  // namespace embbert

#endif  // EMBBERT_SPAN_H_
