// Text and whole numbers over the board's serial line, without printf.

#ifndef TFLM_APP_APP_CONSOLE_H_
#define TFLM_APP_APP_CONSOLE_H_

#include <cstdint>
#include <string_view>

namespace app {

void Print(std::string_view text);
void Print(std::int64_t number);

// Prints its arguments one after the other and ends the line.
template <typename... Values>
void PrintLine(Values... values) {
  (Print(values), ...);
  Print("\r\n");
}

}  // namespace app

#endif  // TFLM_APP_APP_CONSOLE_H_
