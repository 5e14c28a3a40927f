"""Models with EMBBERT_BLOCKs, and what may be wrong with one."""

import struct
from collections.abc import Callable

from benchmarks.firmware.fused import FOLDER
from benchmarks.firmware.models import read_models
from convert.tflite.block_options import BLOCK, DENSE_KERNELS, INPUTS
from convert.tflite.view import Model, Operator, view_model
from convert.tflite.writer import pack_model

FUSED = read_models(FOLDER)
SMALL = FUSED["fused-36-17-1-7"]


def block_of(model: Model) -> Operator:
    return next(op for op in model.operators if op.name == BLOCK)


def edited(change: Callable[[Operator], None]) -> bytes:
    """The small model after a change of its block."""
    model = view_model(SMALL)
    change(block_of(model))
    return pack_model(model)


def without_its_last_input(op: Operator) -> None:
    op.inputs = op.inputs[:-1]


def with_biases_for_a_kernel(op: Operator) -> None:
    inputs = dict(zip(INPUTS, op.inputs))
    inputs["query.kernel"] = inputs["query.bias"]
    op.inputs = tuple(inputs.values())


def with_half_an_activation(op: Operator) -> None:
    tensor = op.inputs[INPUTS.index("activation")]
    tensor.shape, tensor.data = (128,), tensor.data[:128]


def with_weights_of_four_bits(op: Operator) -> None:
    """Its rows are no multiple of eight."""
    for name in DENSE_KERNELS:
        tensor = op.inputs[INPUTS.index(name)]
        tensor.shape, tensor.data = (36, 18), tensor.data[: 36 * 18]


def with_some_of_four_bits(op: Operator) -> None:
    tensor = op.inputs[INPUTS.index("contract.kernel")]
    tensor.shape, tensor.data = (36, 18), tensor.data[: 36 * 18]


def with_options(change: Callable[[bytes], bytes]) -> Callable[[Operator], None]:
    def edit(op: Operator) -> None:
        op.packed.customOptions = change(bytes(op.packed.customOptions))

    return edit


def as_an_output(op: Operator) -> None:
    op.graph.outputs.append(op.inputs[0].index)


def as_it_is(op: Operator) -> None:
    pass


FUSED_BROKEN: dict[str, list[Callable[[Operator], None]]] = {
    "block_has_a_kernel": [as_it_is],
    "block_tensors": [without_its_last_input],
    "block_types": [with_biases_for_a_kernel],
    "block_shapes": [with_half_an_activation, with_weights_of_four_bits, with_some_of_four_bits],
    "block_options": [
        with_options(lambda data: data[:-4]),
        with_options(lambda data: struct.pack("<i", 0) + data[4:]),
        with_options(lambda data: struct.pack("<i", 33) + data[4:]),
        with_options(lambda data: data[:116] + struct.pack("<f", float("nan")) + data[120:]),
        with_options(lambda data: data[:-4] + struct.pack("<i", 2)),
        with_options(lambda data: b""),
    ],
    "block_owns_its_input": [as_an_output],
}
