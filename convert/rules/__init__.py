"""The rules by which TFLM runs a model or refuses it, read from its kernels; importing this fills `registry.RULES`."""

from convert.rules import (  # noqa: F401
    activations, cautions, constants, dense, elementwise, recurrent, reductions, shapes, signatures, structure,
)
