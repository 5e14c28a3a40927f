// Armv7-M Architecture Reference Manual, B2.2.7 and B3.2; the number of sets and ways is read from the core.

#include "boards/common/caches.h"

#include <cstdint>

#include "boards/common/registers.h"

namespace board {
namespace {

constexpr std::uintptr_t kConfiguration = 0xE000ED14;      // CCR
constexpr std::uintptr_t kCacheSize = 0xE000ED80;          // CCSIDR, of the cache that CSSELR selects
constexpr std::uintptr_t kCacheSelection = 0xE000ED84;     // CSSELR
constexpr std::uintptr_t kInvalidateInstructions = 0xE000EF50;  // ICIALLU
constexpr std::uintptr_t kInvalidateDataSet = 0xE000EF60;       // DCISW

constexpr std::uint32_t kDataCache = 1u << 16, kInstructionCache = 1u << 17;

// One set of one way after the other; a way's number stands in the highest bits, a set's behind those of a line's bytes.
void InvalidateData() {
  Register(kCacheSelection) = 0;
  Barrier();
  const std::uint32_t size = Register(kCacheSize);
  const std::uint32_t line_bits = (size & 7) + 4, ways = (size >> 3 & 0x3FF) + 1, sets = (size >> 13 & 0x7FFF) + 1;
  std::uint32_t way_bits = 0;
  while (1u << way_bits < ways) ++way_bits;
  for (std::uint32_t way = 0; way < ways; ++way) {
    for (std::uint32_t set = 0; set < sets; ++set) {
      Register(kInvalidateDataSet) = (way_bits == 0 ? 0 : way << (32 - way_bits)) | set << line_bits;
    }
  }
  Barrier();
}

}  // namespace

void StartCaches() {
  Register(kInvalidateInstructions) = 0;
  Barrier();
  InvalidateData();
  const std::uint32_t configuration = Register(kConfiguration);
  Register(kConfiguration) = configuration | kInstructionCache | kDataCache;
  Barrier();
}

}  // namespace board
