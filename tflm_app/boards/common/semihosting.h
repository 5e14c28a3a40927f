// Arm semihosting (Arm IHI 0102): the debugger, or QEMU, opens files and ends the program for us.

#ifndef TFLM_APP_BOARDS_COMMON_SEMIHOSTING_H_
#define TFLM_APP_BOARDS_COMMON_SEMIHOSTING_H_

#include <cstddef>

namespace semihosting {

// Copies the command line, words joined by spaces, with its ending zero; false when there is none or it is too long.
bool CommandLine(char* text, std::size_t capacity);

// Reads a file whole; its length, or -1 when it cannot be read or is longer than `capacity`.
long ReadFile(const char* path, void* bytes, std::size_t capacity);

// Writes a file whole; false when it could not.
bool WriteFile(const char* path, const void* bytes, std::size_t length);

}  // namespace semihosting

#endif  // TFLM_APP_BOARDS_COMMON_SEMIHOSTING_H_
