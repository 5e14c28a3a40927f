// Runs every operator's cases with TFLM's kernel and with ours, and says of each: its name, how many cases, and in how
// many of them something was not the same. Exit status 1 where there was any.

#include <cstdio>
#include <cstring>

#include "boards/board.h"
#include "operators.h"
#ifdef __arm__
#include "tensorflow/lite/micro/cortex_m_generic/debug_log_callback.h"
#endif

#ifndef CASES
#define CASES 1000
#endif

namespace {

void Say(const char* text) { board::Write(text, std::strlen(text)); }

// The number of cases in which the kernels did not agree.
int Compare(const Operator& tested) {
  int wrong = 0;
  for (uint32_t seed = 1; seed <= CASES; ++seed) {
    Random random(seed);
    const Outcome outcome = tested.run(random);
    if (outcome.ran && outcome.different == 0 && outcome.kept_within) continue;
    char line[120];
    std::snprintf(line, sizeof(line), "%s seed %lu: ran %d, %lu of %lu bytes different, kept within %d\n", tested.name,
                  static_cast<unsigned long>(seed), outcome.ran, static_cast<unsigned long>(outcome.different),
                  static_cast<unsigned long>(outcome.elements), outcome.kept_within);
    if (wrong++ < 5) Say(line);
  }
  return wrong;
}

}  // namespace

int main() {
  board::Initialise();
#ifdef __arm__
  RegisterDebugLogCallback(Say);
#endif
  int wrong = 0;
  for (int i = 0; i < kOperatorCount; ++i) {
    const int found = Compare(kOperators[i]);
    char line[80];
    std::snprintf(line, sizeof(line), "%s %d cases %d wrong\n", kOperators[i].name, CASES, found);
    Say(line);
    wrong += found;
  }
  board::Exit(wrong == 0 ? 0 : 1);
}
