#include <cstring>

#include "boards/common/semihosting.h"

namespace semihosting {
namespace {

enum OpenMode : std::uintptr_t { kReadBinary = 1, kWriteBinary = 5 };

std::intptr_t Open(const char* path, OpenMode mode) {
  std::uintptr_t arguments[] = {reinterpret_cast<std::uintptr_t>(path), mode, std::strlen(path)};
  return Call(kOpen, arguments);
}

// Read and Write return how many bytes are missing.
std::intptr_t Transfer(Operation operation, std::intptr_t file, const void* bytes, std::size_t length) {
  std::uintptr_t arguments[] = {static_cast<std::uintptr_t>(file), reinterpret_cast<std::uintptr_t>(bytes), length};
  return Call(operation, arguments);
}

std::intptr_t OfFile(Operation operation, std::intptr_t file) {
  std::uintptr_t arguments[] = {static_cast<std::uintptr_t>(file)};
  return Call(operation, arguments);
}

}  // namespace

bool CommandLine(char* text, std::size_t capacity) {
  std::uintptr_t arguments[] = {reinterpret_cast<std::uintptr_t>(text), capacity};
  return Call(kGetCommandLine, arguments) == 0;
}

long ReadFile(const char* path, void* bytes, std::size_t capacity) {
  const std::intptr_t file = Open(path, kReadBinary);
  if (file < 0) return -1;
  const std::intptr_t length = OfFile(kLength, file);
  const bool fits = length >= 0 && static_cast<std::size_t>(length) <= capacity;
  const bool complete = fits && Transfer(kRead, file, bytes, static_cast<std::size_t>(length)) == 0;
  OfFile(kClose, file);
  return complete ? static_cast<long>(length) : -1;
}

bool WriteFile(const char* path, const void* bytes, std::size_t length) {
  const std::intptr_t file = Open(path, kWriteBinary);
  if (file < 0) return false;
  const bool complete = Transfer(kWrite, file, bytes, length) == 0;
  return OfFile(kClose, file) == 0 && complete;
}

}  // namespace semihosting
