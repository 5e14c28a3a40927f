"""The int8 graph against the formulas in float64, and TFLM against TensorFlow Lite's reference kernels."""

import itertools

import flatbuffers
import numpy as np
import pytest

from convert.export.build import build_model, build_stages
from convert.lowering.lower import lower_model
from convert.lowering.masks import share_scales
from convert.lowering.to_tflite import write_model
from convert.tflite.model import float_tensors, list_ops, output_quantization, read_model
from convert.tflm.arena import plan_arena
from convert.tflm.instructions import estimate_instructions
from convert.tflm.interpreters import TFLiteReferenceRunner, TFLMRunner
from tests.support.running import run
from tests.support.transcription import RandomModel, float_logits, int8_rounding, random_model, random_rows, segments_of

SHAPES = list(itertools.product((16, 32), (1, 2, 3), (1, 2), (False, True), (1, 2, 7)))
LENGTH = 12


def real(data: bytes, logits: np.ndarray) -> tuple[np.ndarray, float]:
    scale, zero_point = output_quantization(read_model(data))
    return (logits.astype(np.float64) - zero_point) * scale, scale


@pytest.mark.parametrize("hidden_size, blocks, multiplier, pair, classes", SHAPES)
def test_equal_bytes_and_close_to_the_formulas(
    hidden_size: int, blocks: int, multiplier: int, pair: bool, classes: int
) -> None:
    seed = SHAPES.index((hidden_size, blocks, multiplier, pair, classes))
    print("seed", seed)
    rng = np.random.default_rng(seed)
    assert_equal_and_close(rng, random_model(rng, hidden_size, blocks, multiplier, classes, pair))


@pytest.mark.parametrize("blocks, multiplier, pair", itertools.product((1, 3), (1, 2), (False, True)))
def test_hard_swish_too(blocks: int, multiplier: int, pair: bool) -> None:
    seed = 4 * blocks + 2 * multiplier + pair
    print("seed", seed)
    rng = np.random.default_rng(seed)
    model = random_model(rng, 32, blocks, multiplier, 3, pair, activation="hard_swish")
    data = assert_equal_and_close(rng, model)
    assert {op["name"] for op in list_ops(read_model(data))}.isdisjoint({"LOGISTIC"})


def assert_equal_and_close(rng: np.random.Generator, model: RandomModel) -> bytes:
    """TFLM's bytes are TensorFlow Lite's, and as near to the formulas as the grids; gives the model's file."""
    classes = len(model.weights.head.bias)
    data = build_model(model.weights, model.ranges, LENGTH)
    rows = random_rows(rng, model, 12, LENGTH)

    logits = run(TFLMRunner(data), model, rows)
    assert logits.shape == (12, classes) and logits.dtype == np.int8
    np.testing.assert_array_equal(logits, run(TFLiteReferenceRunner(data), model, rows))

    # The formulas with every weight and tensor rounded to its int8 grid: what is left is the kernels' own arithmetic
    # (fixed-point softmax, logistic and requantisation). It flips a rounding here and there, and must not add as much
    # as the grids themselves do; in the median of these models it is a fifteenth of that.
    rounding = int8_rounding(model.ranges)
    exact, rounded = (
        np.array([float_logits(model.weights, row, segments_of(row), rounding=way) for row in rows])
        for way in (None, rounding)
    )
    values, _ = real(data, logits)

    def rms(difference: np.ndarray) -> float:
        return float(np.sqrt((difference**2).mean()))

    assert rms(values - rounded) < rms(rounded - exact)
    return data


def test_as_close_to_float_as_the_grids_allow() -> None:
    """Against exact float over many models: the error is that of rounding every weight and tensor to its int8 grid,
    simulated in float64, and little more for the kernels' own arithmetic; and it has no bias.
    """
    seed = 5
    print("seed", seed)
    rng = np.random.default_rng(seed)
    errors, grid_errors = [], []
    for _ in range(12):
        model = random_model(rng, hidden_size=32, classes=7)
        data = build_model(model.weights, model.ranges, LENGTH)
        rows = random_rows(rng, model, 12, LENGTH, LENGTH)
        values, _ = real(data, run(TFLMRunner(data), model, rows))
        exact = np.array([float_logits(model.weights, row) for row in rows])
        rounded = np.array([float_logits(model.weights, row, rounding=int8_rounding(model.ranges)) for row in rows])
        errors.append((values - exact) / exact.std())
        grid_errors.append((rounded - exact) / exact.std())
    rms, grid_rms = (np.sqrt(np.square(e).mean()) for e in (errors, grid_errors))
    print(f"rms error {rms:.3f} of the logits' spread, of the grids alone {grid_rms:.3f}, bias {np.mean(errors):.4f}")
    assert rms <= 1.15 * grid_rms
    assert abs(np.mean(errors)) <= 0.02


def test_length_two() -> None:
    rng = np.random.default_rng(3)
    for pair in (False, True):
        model = random_model(rng, pair=pair)
        data = build_model(model.weights, model.ranges, 2)
        rows = random_rows(rng, model, 6, 2)
        np.testing.assert_array_equal(run(TFLMRunner(data), model, rows), run(TFLiteReferenceRunner(data), model, rows))


@pytest.mark.parametrize("length", [1, 33])
def test_length_must_fit_the_position_table(length: int) -> None:
    model = random_model(np.random.default_rng(0), max_length=32)
    with pytest.raises(ValueError, match=f"sequence length {length} is not within 2..32"):
        lower_model(model.weights, model.ranges, length)


def test_integers_only() -> None:
    model = random_model(np.random.default_rng(0), blocks=3)
    contents = read_model(build_model(model.weights, model.ranges, LENGTH))
    assert float_tensors(contents) == []
    assert "DEQUANTIZE" not in {op["name"] for op in list_ops(contents)}


def test_pads_leak_little() -> None:
    """With the bottom of the scores 10 below the smallest, a pad has at most e^-10 of a token's weight: 20 pads move a
    weight by 0.1 %, under half a step of the softmax, so only roundings at the edge may flip.
    """
    seed = 7
    print("seed", seed)
    rng = np.random.default_rng(seed)
    leaks = []
    for _ in range(5):
        model = random_model(rng, classes=7, mask_margin=10.0)
        short = build_model(model.weights, model.ranges, LENGTH)
        padded = build_model(model.weights, model.ranges, 32)
        rows = random_rows(rng, model, 10, LENGTH, LENGTH)
        longer = np.pad(rows, ((0, 0), (0, 20)))
        leaks.append(run(TFLMRunner(padded), model, longer).astype(int) - run(TFLMRunner(short), model, rows))
    print("leak of 20 pads in steps of the logits: rms", np.sqrt(np.square(leaks).mean()), "max", np.abs(leaks).max())
    assert np.abs(leaks).max() <= 3


def test_a_masked_key_gets_the_bottom_of_the_scores() -> None:
    """Whatever is at the pads: their scores are -128 in every block, which the attention weights show."""
    from tflite_micro import runtime

    rng = np.random.default_rng(1)
    model = random_model(rng, blocks=3)
    graph = lower_model(model.weights, model.ranges, LENGTH)
    interpreter = runtime.Interpreter.from_bytes(
        write_model(graph), arena_size=1 << 22, intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors
    )
    interpreter.set_input(random_rows(rng, model, 1, LENGTH, 5), 0)
    interpreter.invoke()
    scores = [
        interpreter.GetTensor(index, 0)["tensor_data"]
        for index, tensor in enumerate(graph.tensors)
        if tensor.name.endswith(".scores")
    ]
    assert len(scores) == 3
    for values in scores:
        assert (values[:, 5:] == -128).all() and (values[:, :5] > -128).any()


def test_blocks_of_unlike_scales_get_masks_of_their_own() -> None:
    """A bias's scale may differ from the product's by 0.02 output steps only: tight scores need a second mask."""
    rng = np.random.default_rng(2)
    model = random_model(rng, blocks=2)
    masks = [
        op["count"]
        for op in list_ops(read_model(build_model(model.weights, model.ranges, LENGTH)))
        if op["types"] == ["int32,int32>int32"] and op["name"] == "MUL"
    ]
    for name in ("block0.scores", "block1.scores"):
        low, high = model.ranges[name]
        model.ranges[name] = (low / 40, high / 40)
    data = build_model(model.weights, model.ranges, LENGTH)
    tight = [
        op["count"] for op in list_ops(read_model(data)) if op["types"] == ["int32,int32>int32"] and op["name"] == "MUL"
    ]
    assert masks == [1] and tight == [2]
    rows = random_rows(rng, model, 6, LENGTH)
    np.testing.assert_array_equal(run(TFLMRunner(data), model, rows), run(TFLiteReferenceRunner(data), model, rows))


def test_spans_share_a_scale_where_they_overlap() -> None:
    scales = share_scales([(1.0, 3.0), (2.0, 4.0), (3.5, 5.0), (-1.0, 2.5)])
    assert scales == [2.25, 2.25, 4.25, 2.25]


def test_convolution_per_channel() -> None:
    rng = np.random.default_rng(4)
    model = random_model(rng, multiplier=2)
    for index in range(model.blocks):
        name = f"block{index}.conv.kernel"
        model.ranges[name] = np.abs(model.weights.arrays()[name]).max(axis=0)
    data = build_model(model.weights, model.ranges, LENGTH)
    kernels = [t for t in read_model(data).subgraphs[0].tensors if len(t.shape) == 4 and t.shape[3] == 32 and t.buffer]
    assert [len(t.quantization.scale) for t in kernels] == [32, 32]
    rows = random_rows(rng, model, 12, LENGTH)
    logits = run(TFLMRunner(data), model, rows)
    np.testing.assert_array_equal(logits, run(TFLiteReferenceRunner(data), model, rows))
    rounding = int8_rounding(model.ranges)
    rounded = np.array([float_logits(model.weights, row, rounding=rounding) for row in rows])
    values, step = real(data, logits)
    assert np.sqrt(((values - rounded) ** 2).mean()) <= 4 * step


def test_the_file_is_lean() -> None:
    """Names of inputs and outputs only, no empty buffer but the first, equal constants once, 16-byte alignment."""
    model = random_model(np.random.default_rng(0), blocks=3)
    graph = lower_model(model.weights, model.ranges, LENGTH)
    data = write_model(graph)
    contents = read_model(data)
    assert [t.name for t in contents.subgraphs[0].tensors if t.name] == [b"tokens", b"logits"]
    constants = [b.data.tobytes() for b in contents.buffers[1:]]
    assert contents.buffers[0].data is None and all(constants) and len(set(constants)) == len(constants)
    assert all(t.name for t in read_model(write_model(graph, keep_names=True)).subgraphs[0].tensors)
    assert data == write_model(lower_model(model.weights, model.ranges, LENGTH))
    assert all(_position(data, index) % 16 == 0 for index in range(1, len(contents.buffers)))


def _position(data: bytes, index: int) -> int:
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    table = schema.Model.GetRootAs(data).Buffers(index)._tab
    return table.Vector(flatbuffers.number_types.UOffsetTFlags.py_type(table.Offset(4)))


def model_of_base() -> RandomModel:
    """A random model of the base preset's sizes: V 8192, d 128, r 16, 4 blocks, 32 taps."""
    return random_model(
        np.random.default_rng(0),
        hidden_size=128,
        blocks=4,
        classes=2,
        kernel=32,
        reduced=16,
        vocab_size=8192,
        max_length=256,
        calibration_rows=1,
    )


def test_size_and_arena_of_base() -> None:
    """What the base preset takes at 64 and at 256 tokens."""
    model = model_of_base()
    for length, flash, m4, m55 in ((64, 340_000, 40_960, 49_152), (256, 365_000, 114_688, 131_072)):
        data = build_model(model.weights, model.ranges, length)
        arenas = {
            core: plan_arena(data, core, "cmsis_nn")["total"] for core in ("cortex-m4", "cortex-m7", "cortex-m55")
        }
        print(f"L = {length}: {len(data):,} B, arena {arenas}")
        assert len(data) <= flash
        assert arenas["cortex-m4"] == arenas["cortex-m7"] <= m4 and arenas["cortex-m55"] <= m55


@pytest.mark.slow
def test_base_in_a_given_arena() -> None:
    """At 256 tokens: faster in 114,688 B than in the smallest arena, and a plan with nothing between its pieces; a
    Cortex-M55's own build needs no more.
    """
    model = model_of_base()
    parts = (model.weights, model.ranges, 256)
    small, fast = build_stages(*parts), build_stages(*parts, arena=114_688)
    taken = [estimate_instructions(built.model, "cortex-m7", "cmsis_nn")["total"] for built in (small, fast)]
    print(f"{small.stages[-1]}, {fast.stages[-1]}, {taken} instructions")
    assert taken[1] < taken[0]
    for built in (small, fast, build_stages(*parts, core="cortex-m55")):
        assert built.stages[-1].total <= 114_688 and built.stages[-1].total - built.stages[-1].least < 16
