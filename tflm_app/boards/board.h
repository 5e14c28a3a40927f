// What the app asks of a board; a port is the folder of its name beside this file.
//
// Nothing here is safe to call from an interrupt.

#ifndef TFLM_APP_BOARDS_BOARD_H_
#define TFLM_APP_BOARDS_BOARD_H_

#include <cstddef>
#include <cstdint>

namespace board {

// Starts clocks, the serial line and the tick counter; the first call in main.
void Initialise();

// Sends bytes over the serial line, as they are; returns when the last one is accepted.
void Write(const char* bytes, std::size_t length);

// Waits for the next byte of the serial line; -1 when there will be none (the host's input has ended).
int ReadByte();

// Ticks since Initialise; needs interrupts enabled.
std::uint64_t Ticks();
std::uint32_t TicksPerSecond();

// The deepest the stack has been since the start, in bytes; 0 on the host, where nobody counts.
std::size_t StackUsed();

// Ends the program: the status of the process on the host and under QEMU; a real board stops.
[[noreturn]] void Exit(int status);

}  // namespace board

#endif  // TFLM_APP_BOARDS_BOARD_H_
