"""The rules by which TFLM runs a model or refuses it, read from its kernels; importing this fills `registry.RULES`."""

from convert.tflm.rules import (
    activations,
    ages,
    cautions,
    cmsis_nn,
    constants,
    control_flow,
    customs,
    dense,
    elementwise,
    libraries,
    origins,
    recurrent,
    reductions,
    shapes,
    signals,
    signatures,
    state,
    structure,
    variables,
)
