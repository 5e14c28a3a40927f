// The app where something can end: a process, or a program under QEMU. Ctrl-D or the end of the input ends it.

#include "app/app.h"
#include "boards/board.h"

int main() {
  constexpr int kEndOfTransmission = 4;  // Ctrl-D
  board::Initialise();
  app::Start();
  for (int byte = board::ReadByte(); byte >= 0 && byte != kEndOfTransmission; byte = board::ReadByte()) {
    app::Take(static_cast<char>(byte));
  }
  board::Exit(0);
}
