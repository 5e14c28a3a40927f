// Registers of an STM32H743 that is not there: they keep what is written, show what the hardware would answer, and print
// each change.

#ifndef TFLM_APP_BOARDS_COMMON_REGISTERS_H_
#define TFLM_APP_BOARDS_COMMON_REGISTERS_H_

#include <cstdint>
#include <cstdio>
#include <map>

namespace board {

class SimulatedRegister {
 public:
  explicit SimulatedRegister(std::uintptr_t address) : address_(address) {}
  operator std::uint32_t() const { return Answer(); }  // NOLINT: stands for a volatile reference
  void operator=(std::uint32_t value) const {
    std::printf("%08lx %08x\n", static_cast<unsigned long>(address_), value);
    Values()[address_] = value;
  }
  void operator|=(std::uint32_t bits) const { *this = *this | bits; }

 private:
  static std::map<std::uintptr_t, std::uint32_t>& Values() {
    static std::map<std::uintptr_t, std::uint32_t> values = {
        {0x58024400, 0x25},        // RCC_CR: the internal oscillator is on and ready
        {0x5802480C, 0x6},         // PWR_CR3: the LDO, not yet settled on
        {0xE000ED80, 0xF00FE019},  // CCSIDR: 128 sets of 4 ways of 32 bytes
    };
    return values;
  }

  // What was written, with the bits that say that it has happened.
  std::uint32_t Answer() const {
    const std::uint32_t value = Values()[address_];
    switch (address_) {
      case 0x58024400: return value | (value & 1u << 24) << 1;    // PLL1ON, PLL1RDY
      case 0x58024410: return (value & ~0x38u) | (value & 7) << 3;  // SW, SWS
      case 0x58024804: return value | 1u << 13;                   // ACTVOSRDY
      case 0x58024818: return value | 1u << 13;                   // VOSRDY
      default: return value;
    }
  }

  std::uintptr_t address_;
};

inline SimulatedRegister Register(std::uintptr_t address) { return SimulatedRegister(address); }
inline void Barrier() {}

}  // namespace board

#endif  // TFLM_APP_BOARDS_COMMON_REGISTERS_H_
