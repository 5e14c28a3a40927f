// The tokenizer as a process: requests (requests.h) on standard input, answers on standard output.

#include <cstdint>
#include <cstdio>
#include <vector>

#include "requests.h"

int main() {
  Request request = {};
  while (std::fread(&request, sizeof(request), 1, stdin) == 1) {
    // Of just these sizes, so that AddressSanitizer sees a byte read or an id written too far.
    std::vector<char> texts(request.bytes());
    std::vector<int32_t> ids(request.capacity);
    if (!texts.empty() && std::fread(texts.data(), texts.size(), 1, stdin) != 1) return 1;
    const auto count = static_cast<uint32_t>(Answer(request, texts.data(), ids.data()));
    if (Answer(request, texts.data(), nullptr) != count) return 1;
    std::fwrite(&count, sizeof(count), 1, stdout);
    if (count > 0) std::fwrite(ids.data(), sizeof(int32_t), count, stdout);
  }
  return 0;
}
