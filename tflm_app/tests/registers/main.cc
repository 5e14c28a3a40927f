// Starts a board whose registers are not there; see boards/common/registers.h beside this file.

#include "boards/board.h"
#include "boards/common/ticks.h"

void board::StartTicks() {}

int main() { board::Initialise(); }
