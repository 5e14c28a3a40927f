// Memory-mapped registers, and waiting for what they do.

#ifndef TFLM_APP_BOARDS_COMMON_REGISTERS_H_
#define TFLM_APP_BOARDS_COMMON_REGISTERS_H_

#include <cstdint>

namespace board {

inline volatile std::uint32_t& Register(std::uintptr_t address) {
  return *reinterpret_cast<volatile std::uint32_t*>(address);
}

// What was written has happened before what follows.
inline void Barrier() { asm volatile("dsb\n isb" ::: "memory"); }

}  // namespace board

#endif  // TFLM_APP_BOARDS_COMMON_REGISTERS_H_
