// Text and whole numbers over the board's serial line, without printf.

#ifndef TFLM_APP_APP_CONSOLE_H_
#define TFLM_APP_APP_CONSOLE_H_

#include <cstdint>
#include <string_view>

namespace app {

void Print(const char* text);
void Print(std::string_view text);
void Print(std::int64_t number);

// Prints its arguments one after the other and ends the line; inlined, calls are smaller than as many functions.
template <typename... Values>
[[gnu::always_inline]] inline void PrintLine(Values... values) {
  (Print(values), ...);
  Print("\r\n");
}

}  // namespace app

#endif  // TFLM_APP_APP_CONSOLE_H_
