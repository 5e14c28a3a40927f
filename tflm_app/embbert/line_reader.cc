#include "embbert/line_reader.h"

namespace embbert {

LineReader::Event LineReader::Push(char byte) {
  const bool second_half = byte == '\n' && after_return_;
  after_return_ = byte == '\r';
  if (second_half) return Event::kNone;
  if (ended_) {
    ended_ = too_long_ = false;
    length_ = 0;
  }
  if (byte == '\r' || byte == '\n') return EndLine();
  if (byte == '\b' || byte == '\x7F') {
    TakeBack();
  } else if (length_ == capacity_) {
    too_long_ = true;
  } else {
    buffer_[length_++] = byte;
  }
  return Event::kNone;
}

LineReader::Event LineReader::EndLine() {
  ended_ = true;
  return too_long_ ? Event::kTooLong : Event::kLine;
}

void LineReader::TakeBack() {
  const auto is_continuation = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; };
  while (length_ > 0 && is_continuation(buffer_[length_ - 1])) --length_;
  if (length_ > 0) --length_;
}

}  // namespace embbert
