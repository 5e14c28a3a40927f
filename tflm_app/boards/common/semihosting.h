// Arm semihosting (Arm IHI 0102): the debugger, or QEMU, opens files and ends the program for us. Who uses files links
// the library `board_files`.

#ifndef TFLM_APP_BOARDS_COMMON_SEMIHOSTING_H_
#define TFLM_APP_BOARDS_COMMON_SEMIHOSTING_H_

#include <cstddef>
#include <cstdint>

namespace semihosting {

enum Operation : std::uint32_t {
  kOpen = 0x01,
  kClose = 0x02,
  kWrite = 0x05,
  kRead = 0x06,
  kLength = 0x0C,
  kGetCommandLine = 0x15,
  kExitExtended = 0x20,
};

inline std::intptr_t Call(Operation operation, std::uintptr_t* arguments) {
  register auto r0 asm("r0") = static_cast<std::intptr_t>(operation);
  register std::uintptr_t* r1 asm("r1") = arguments;
  asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

// Copies the command line, words joined by spaces, with its ending zero; false when there is none or it is too long.
bool CommandLine(char* text, std::size_t capacity);

// Reads a file whole; its length, or -1 when it cannot be read or is longer than `capacity`.
long ReadFile(const char* path, void* bytes, std::size_t capacity);

// Writes a file whole; false when it could not.
bool WriteFile(const char* path, const void* bytes, std::size_t length);

}  // namespace semihosting

#endif  // TFLM_APP_BOARDS_COMMON_SEMIHOSTING_H_
