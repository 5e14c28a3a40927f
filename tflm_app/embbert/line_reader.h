// Bytes from a serial line to lines of text, in a buffer of the caller.

#ifndef EMBBERT_LINE_READER_H_
#define EMBBERT_LINE_READER_H_

#include <cstddef>

namespace embbert {

class LineReader {
 public:
  enum class Event {
    kNone,     // the line goes on
    kLine,     // text() is a line
    kTooLong,  // the line that ended did not fit and is lost
  };

  LineReader(char* buffer, size_t capacity) : buffer_(buffer), capacity_(capacity) {}

  // Takes a byte. CR, LF and CR LF end a line; backspace or delete takes a UTF-8 character back; all else is text.
  Event Push(char byte);

  // The line, without its end; good until the next Push.
  const char* text() const { return buffer_; }
  size_t length() const { return length_; }

 private:
  Event EndLine();
  void TakeBack();

  char* buffer_;
  size_t capacity_;
  size_t length_ = 0;
  bool ended_ = false;         // length_ is of a line that was handed out
  bool too_long_ = false;
  bool after_return_ = false;  // a LF now belongs to the CR before it
};

}  // namespace embbert

#endif  // EMBBERT_LINE_READER_H_
