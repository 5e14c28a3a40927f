#include "boards/common/semihosting.h"

#include <cstdint>
#include <cstring>

#include "boards/board.h"

namespace {

enum Operation : std::uint32_t {
  kOpen = 0x01,
  kClose = 0x02,
  kWrite = 0x05,
  kRead = 0x06,
  kLength = 0x0C,
  kGetCommandLine = 0x15,
  kExitExtended = 0x20,
};

enum OpenMode : std::uintptr_t { kReadBinary = 1, kWriteBinary = 5 };

constexpr std::uintptr_t kApplicationExit = 0x20026;

std::intptr_t Call(Operation operation, std::uintptr_t* arguments) {
  register auto r0 asm("r0") = static_cast<std::intptr_t>(operation);
  register std::uintptr_t* r1 asm("r1") = arguments;
  asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

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

namespace semihosting {

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

namespace board {

void Exit(int status) {
  std::uintptr_t arguments[] = {kApplicationExit, static_cast<std::uintptr_t>(status)};
  Call(kExitExtended, arguments);
  for (;;) {  // nobody listens
  }
}

}  // namespace board
