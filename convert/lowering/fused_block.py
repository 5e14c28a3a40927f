"""The integers that EMBBERT_BLOCK computes with, as TFLM's Prepare functions make them of scales.

All is made here, so that the firmware needs neither double arithmetic nor memory for it.
"""

import math
from collections.abc import Mapping

import numpy as np

from convert.lowering.graph import Quantization
from convert.lowering.quantization import NORM_SCALE, PROBABILITY_SCALE
from convert.lowering.requantization import multiplier_of
from convert.tflite.block_options import PACKED_STEP, STEPS, pack_options

NORM, PROBABILITY = NORM_SCALE.per_tensor_scale, PROBABILITY_SCALE.per_tensor_scale


def make_options(
    tile_rows: int,
    x: Quantization,
    output: Quantization,
    hidden: Mapping[str, Quantization],
    kernels: Mapping[str, float],
    activation: str,
) -> bytes:
    """The bytes of an operator's options.

    Args:
        tile_rows: rows that are computed at a time.
        x, output: of what comes in and goes out.
        hidden: of the tensors in `HIDDEN`.
        kernels: scales of the dense kernels, by "query", "value" and "contract".
        activation: one of `ACTIVATIONS`.
    """
    scale = {name: one.per_tensor_scale for name, one in hidden.items()}
    products = {
        "query": NORM * kernels["query"],
        "scores": scale["query"] * NORM,
        "mixed": PROBABILITY * NORM,
        "context": scale["mixed"] * kernels["value"],
        "contract": scale["active"] * kernels["contract"],
    }
    integers = [tile_rows, x.zero_point]
    for name in STEPS:
        integers += [*multiplier_of(products[name] / scale[name]), hidden[name].zero_point]
    integers += [hidden["conv"].zero_point, hidden["active"].zero_point, *exponential(scale["scores"])]
    integers += [*add_factors(scale["context"], scale["contract"], output.per_tensor_scale), output.zero_point]
    return pack_options(integers, scale, activation)


def conv_rescale(kernel: Quantization, conv: Quantization) -> np.ndarray:
    """Multipliers and shifts of the convolution's channels, int32 [2, d] (lite/kernels/kernel_util.cc,
    PopulateConvolutionQuantizationParams).
    """
    factors = [multiplier_of(NORM * scale / conv.per_tensor_scale) for scale in kernel.scale]
    return np.array(factors, np.int32).T.copy()


def exponential(scale: float) -> tuple[int, int, int]:
    """Multiplier, shift and least difference of a softmax with beta 1 (micro/kernels/softmax_common.cc)."""
    integer_bits, fraction_bits = 5, 26
    multiplier, shift = multiplier_of(min(scale * (1 << fraction_bits), (1 << 31) - 1.0))
    radius = ((1 << integer_bits) - 1) * (1 << fraction_bits) / (1 << shift)
    return multiplier, shift, -math.floor(radius)


def add_factors(first: float, second: float, output: float) -> list[int]:
    """Multiplier and shift of both terms and of the sum (micro/kernels/add_common.cc)."""
    twice = 2 * max(first, second)
    reals = first / twice, second / twice, twice / ((1 << 20) * output)
    return [number for real in reals for number in multiplier_of(real)]


def fits_four_bits(weights: np.ndarray) -> bool:
    """Whether the kernel takes them packed: int8 [.., d] of -8 .. 7, in groups of `PACKED_STEP`."""
    return weights.shape[-1] % PACKED_STEP == 0 and int(weights.min()) >= -8 and int(weights.max()) <= 7


def pack_weights(weights: np.ndarray) -> np.ndarray:
    """Weights that fit four bits, two to a byte: int8 [n, d] to [n, d / 2] (tflm_app/kernels/unpack.h)."""
    low, high = np.moveaxis(weights.reshape(len(weights), -1, 2, PACKED_STEP // 2), 2, 0) & 0xF
    return (low | high << 4).astype(np.uint8).view(np.int8).reshape(len(weights), -1)


def unpack_weights(packed: np.ndarray) -> np.ndarray:
    """The inverse of `pack_weights`: int8 [n, d / 2] to [n, d]."""
    groups = packed.reshape(len(packed), -1, PACKED_STEP // 2)
    return np.stack([(groups << 4).astype(np.int8) >> 4, groups >> 4], axis=2).reshape(len(packed), -1)
