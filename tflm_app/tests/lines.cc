// The line reader as a process: bytes on standard input; for each line its event, length and text on standard output.

#include <cstdio>

#include "embbert/line_reader.h"

int main() {
  using embbert::LineReader;
  char buffer[8];
  LineReader reader(buffer, sizeof(buffer));
  for (int byte = std::getchar(); byte != EOF; byte = std::getchar()) {
    const LineReader::Event event = reader.Push(static_cast<char>(byte));
    if (event == LineReader::Event::kNone) continue;
    std::printf("%s", event == LineReader::Event::kLine ? "line " : "too long");
    if (event == LineReader::Event::kLine) std::fwrite(reader.text(), 1, reader.length(), stdout);
    std::putchar('\n');
  }
  return 0;
}
