// SHA-256 of standard input, for the test that compares it with Python's.

#include "app/sha256.h"

#include <cstdio>
#include <vector>

int main() {
  std::vector<unsigned char> bytes;
  for (int byte = std::getchar(); byte != EOF; byte = std::getchar()) bytes.push_back(static_cast<unsigned char>(byte));
  app::Sha256 hash;
  const std::size_t first = bytes.size() / 3;  // in two pieces
  hash.Add(bytes.data(), first);
  hash.Add(bytes.data() + first, bytes.size() - first);
  const auto digits = hash.Digits();
  std::fwrite(digits.data(), 1, digits.size(), stdout);
}
