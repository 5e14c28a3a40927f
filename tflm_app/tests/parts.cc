// Says of each part of a bundle whether what is linked is what was converted, for the test of the hashes.

#include "app/parts.h"

#include <cstdio>

int main() {
  for (const app::Part& part : app::AllParts()) {
    std::printf("%s %d\n", part.name, part.IsAsConverted() ? 1 : 0);
  }
}
