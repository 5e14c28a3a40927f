// Cases of each operator, made at random from a seed.

#ifndef EMBBERT_KERNELS_TESTS_OPERATORS_H_
#define EMBBERT_KERNELS_TESTS_OPERATORS_H_

#include "case.h"
#include "random.h"

struct Operator {
  const char* name;
  Outcome (*run)(Random& random);
};

Outcome RunBlock(Random& random);  // block.cc

extern const Operator kOperators[];
extern const int kOperatorCount;

#endif  // EMBBERT_KERNELS_TESTS_OPERATORS_H_
