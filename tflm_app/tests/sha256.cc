// SHA-256 of standard input, for the test that compares it with Python's.

#include "app/sha256.h"

#include <cstdio>
#include <vector>

int main() {
  std::vector<unsigned char> bytes;
  for (int byte = std::getchar(); byte != EOF; byte = std::getchar()) bytes.push_back(static_cast<unsigned char>(byte));
  const auto digits = app::Sha256(bytes.data(), bytes.size());
  std::fwrite(digits.data(), 1, digits.size(), stdout);
}
