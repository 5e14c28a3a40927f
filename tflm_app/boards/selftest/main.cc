// Tries a board port: constructors, .data and .bss, the FPU, ticks, stack paint, the serial line both ways, exit.
//
// Answers each line of input with its length and the line; an empty line ends the program with status 0, `e` with 3,
// `f` with a fault, `s` with a stack overflow and `m` with a call of malloc.

#include <cstdio>
#include <cstdlib>

#include "boards/board.h"

namespace {

struct Constructed {
  Constructed() : value(42) {}
  volatile int value;  // NOLINT(modernize-use-default-member-init): the constructor has to run
} constructed;

volatile int initialised = 7;
volatile int cleared;
volatile float third = 1.0f / 3.0f;

template <typename... Values>
void Print(const char* format, Values... values) {
  char text[128];
  const int length = std::snprintf(text, sizeof(text), format, values...);
  board::Write(text, static_cast<std::size_t>(length));
}

// Uses the stack, 64 bytes and more a level.
[[gnu::noinline]] int Dig(int depth) {  // NOLINT(misc-no-recursion)
  volatile char hole[64];
  hole[0] = static_cast<char>(depth);
  return depth == 0 ? 0 : Dig(depth - 1) + hole[0] - static_cast<char>(depth) + 1;
}

// Waits until a thousand ticks have gone by.
void PrintTicks() {
  const std::uint64_t start = board::Ticks();
  std::uint64_t previous = start;
  bool forward = true;
  while (previous < start + 1000) {
    const std::uint64_t now = board::Ticks();
    forward = forward && now >= previous;
    previous = now;
  }
  Print("ticks forward %d elapsed %ld per second %lu\n", static_cast<int>(forward), static_cast<long>(previous - start),
        static_cast<unsigned long>(board::TicksPerSecond()));
}

// Reads up to a line's end; its length.
int ReadLine(char* line, int capacity) {
  int length = 0;
  for (int byte = board::ReadByte(); byte >= 0 && byte != '\n'; byte = board::ReadByte()) {
    if (length < capacity) line[length++] = static_cast<char>(byte);
  }
  return length;
}

}  // namespace

int main() {
  board::Initialise();
  Print("constructed %d initialised %d cleared %d float %d\n", constructed.value, initialised, cleared,
        static_cast<int>(third * 300.0f));
  PrintTicks();
  const std::size_t shallow = board::StackUsed();
  const int depth = Dig(20);
  Print("dug %d stack %d\n", depth, static_cast<int>(board::StackUsed() - shallow));
  char line[64];
  for (int length = ReadLine(line, sizeof(line)); length > 0; length = ReadLine(line, sizeof(line))) {
    if (length == 1 && line[0] == 'e') board::Exit(3);
    if (length == 1 && line[0] == 'f') __builtin_trap();
    if (length == 1 && line[0] == 's') Print("%d\n", Dig(1000000));
    if (length == 1 && line[0] == 'm') Print("%p\n", std::malloc(64));  // NOLINT(cppcoreguidelines-*)
    Print("%d:%.*s\n", length, length, line);
  }
  board::Exit(0);
}
