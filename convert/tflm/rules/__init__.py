"""The rules by which TFLM runs a model or refuses it, read from its kernels; importing this fills `registry.RULES`."""

from convert.tflm.rules import (
    activations,
    ages,
    cautions,
    cmsis_nn,
    constants,
    customs,
    dense,
    elementwise,
    origins,
    recurrent,
    reductions,
    shapes,
    signatures,
    state,
    structure,
    variables,
)
