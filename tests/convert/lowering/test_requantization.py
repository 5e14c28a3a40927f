"""The product of two int8 tensors as TFLM's and TFLite's kernels round it, held to both interpreters."""

from collections.abc import Iterator

import numpy as np
import pytest

from convert.lowering.graph import Quantization
from convert.lowering.ops import GraphBuilder
from convert.lowering.quantization import short_scale
from convert.lowering.requantization import STEPS, agreeing, in_double, in_float, requantize
from convert.lowering.to_tflite import write_model
from convert.tflm.interpreters import TFLiteReferenceRunner, TFLMRunner

GATE = Quantization((1 / 256,), -128)
# Of a trained model, block2.silu: 1 of 200 rows had other logits.
FOUND = Quantization((0.0337371826171875,), 5), GATE, Quantization((0.0174560546875,), -112)


def multiply_in_kernels(
    parameters: tuple[Quantization, Quantization, Quantization], left: np.ndarray, right: np.ndarray
) -> list[np.ndarray]:
    """What both interpreters make of int8 pairs: (TFLM's, TFLite's), int64 [pairs]."""
    first, second, output = parameters
    build = GraphBuilder()
    tokens = build.input("tokens", (1, len(left)))
    left_factor, right_factor = [
        build.gather(name, build.constant(f"{name}.table", values.astype(np.int8)[:, None], quantization), tokens)
        for name, values, quantization in (("left", left, first), ("right", right, second))
    ]
    build.output(build.multiply("product", left_factor, right_factor, output))
    model = write_model(build.graph)
    row = np.arange(len(left), dtype=np.int32)
    return [runner(model)(row).ravel().astype(int) for runner in (TFLMRunner, TFLiteReferenceRunner)]


def by_the_formula(
    parameters: tuple[Quantization, Quantization, Quantization], left: np.ndarray, right: np.ndarray
) -> list[np.ndarray]:
    """As `multiply_in_kernels`."""
    first, second, output = parameters
    products = (left - first.zero_point) * (right - second.zero_point)
    scales = [q.per_tensor_scale for q in parameters]
    return [requantize(products, real(*scales), output.zero_point) for real in (in_double, in_float)]


def all_pairs() -> Iterator[np.ndarray]:
    return (values.ravel().astype(np.int64) for values in np.meshgrid(STEPS, STEPS))


def random_parameters(rng: np.random.Generator) -> tuple[Quantization, Quantization, Quantization]:
    def scale() -> float:
        return short_scale(float(np.exp(rng.uniform(-6, -2))))

    return (
        Quantization((scale(),), int(rng.integers(-128, 128))),
        GATE,
        Quantization((scale(),), int(rng.integers(-128, 128))),
    )


def test_the_kernels_disagree_where_the_formula_says_so_and_nowhere_else() -> None:
    left, right = all_pairs()
    expected = by_the_formula(FOUND, left, right)
    for kernel, formula in zip(multiply_in_kernels(FOUND, left, right), expected):
        np.testing.assert_array_equal(kernel, formula)
    apart = (left - 5) * (right + 128) == -728
    assert apart.any() and (expected[0] != expected[1])[apart].all()


def test_they_agree_on_the_scale_that_is_taken_instead() -> None:
    first, second, wanted = FOUND
    taken = agreeing(*FOUND)
    assert taken != wanted and taken.zero_point == wanted.zero_point
    assert abs(taken.per_tensor_scale / wanted.per_tensor_scale - 1) < 2**-8
    tflm, tflite = multiply_in_kernels((first, second, taken), *all_pairs())
    np.testing.assert_array_equal(tflm, tflite)


def test_a_scale_on_which_they_agree_stays() -> None:
    same = Quantization((2**-6,), 3), GATE, Quantization((2**-7,), -10)
    assert agreeing(*same) == same[2]


@pytest.mark.parametrize("number", range(4))
def test_random_scales(number: int) -> None:
    seed = int(np.random.SeedSequence().generate_state(1)[0])
    print("seed", seed)
    parameters = random_parameters(np.random.default_rng(seed))
    pairs = list(all_pairs())
    for kernel, formula in zip(multiply_in_kernels(parameters, *pairs), by_the_formula(parameters, *pairs)):
        np.testing.assert_array_equal(kernel, formula)
    taken = agreeing(*parameters)
    tflm, tflite = multiply_in_kernels((*parameters[:2], taken), *pairs)
    np.testing.assert_array_equal(tflm, tflite)
