// The tokenizer on a board under QEMU: requests (requests.h) in the file `requests`, answers into the file `answers`,
// both in the folder that QEMU runs in; says how much stack the requests took.

#include <cstdint>
#include <cstdio>
#include <cstring>

#include "boards/board.h"
#include "boards/common/semihosting.h"
#include "requests.h"

namespace {

constexpr size_t kMaxBytes = 1 << 20, kMaxIds = 4096;
[[gnu::section(".bulk")]] char requests[kMaxBytes];
[[gnu::section(".bulk")]] char answers[kMaxBytes];
int32_t ids[kMaxIds];

// Answers all requests; the bytes of the answers, or -1 where something does not fit.
long AnswerAll(size_t length) {
  size_t read = 0, written = 0;
  while (read < length) {
    Request request = {};
    std::memcpy(&request, requests + read, sizeof(request));
    const char* texts = requests + read + sizeof(request);
    read += sizeof(request) + request.bytes();
    if (read > length || request.capacity > kMaxIds) return -1;
    const auto count = static_cast<uint32_t>(Answer(request, texts, ids));
    if (written + sizeof(count) + count * sizeof(ids[0]) > kMaxBytes) return -1;
    std::memcpy(answers + written, &count, sizeof(count));
    std::memcpy(answers + written + sizeof(count), ids, count * sizeof(ids[0]));
    written += sizeof(count) + count * sizeof(ids[0]);
  }
  return static_cast<long>(written);
}

}  // namespace

int main() {
  board::Initialise();
  const long length = semihosting::ReadFile("requests", requests, kMaxBytes);
  if (length < 0) board::Exit(1);
  const size_t before = board::StackUsed();
  const uint64_t start = board::Ticks();
  const long written = AnswerAll(static_cast<size_t>(length));
  const uint64_t ticks = board::Ticks() - start;
  const size_t stack = board::StackUsed();
  if (written < 0 || !semihosting::WriteFile("answers", answers, static_cast<size_t>(written))) board::Exit(1);
  char line[80];
  const int size = std::snprintf(line, sizeof(line), "{\"stack_before\": %lu, \"stack\": %lu, \"ticks\": %lu}\n",
                                 static_cast<unsigned long>(before), static_cast<unsigned long>(stack),
                                 static_cast<unsigned long>(ticks));
  board::Write(line, static_cast<size_t>(size));
  board::Exit(0);
}
