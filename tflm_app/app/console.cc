#include "app/console.h"

#include <iterator>

#include "boards/board.h"

namespace app {

void Print(const char* text) { Print(std::string_view(text)); }

void Print(std::string_view text) { board::Write(text.data(), text.size()); }

void Print(std::int64_t number) {
  char digits[20];
  char* first = std::end(digits);
  std::uint64_t rest = number < 0 ? 0 - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number);
  do {
    *--first = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  if (number < 0) board::Write("-", 1);
  board::Write(first, static_cast<std::size_t>(std::end(digits) - first));
}

}  // namespace app
