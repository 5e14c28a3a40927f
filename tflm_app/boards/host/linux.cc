// The app as a process: standard input and output are the serial line.

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "boards/board.h"

namespace board {
namespace {

std::chrono::steady_clock::time_point start;

}  // namespace

void Initialise() { start = std::chrono::steady_clock::now(); }

void Write(const char* bytes, std::size_t length) {
  std::fwrite(bytes, 1, length, stdout);
  std::fflush(stdout);
}

int ReadByte() { return std::getchar(); }

std::uint64_t Ticks() {
  const std::chrono::nanoseconds elapsed = std::chrono::steady_clock::now() - start;
  return static_cast<std::uint64_t>(elapsed.count());
}

std::uint32_t TicksPerSecond() { return 1000000000; }

std::size_t StackUsed() { return 0; }

void Exit(int status) { std::exit(status); }

}  // namespace board
