"""Every remedy that names a rewrite, applied: the model is refused with it, and runs after it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from convert.tflm.rules.registry import RULES
from convert.tflm.rules.remedies import INSTEAD, TYPE_REMEDIES
from convert.tflm.support import check_bytes
from tests.support.agreement_bases import BASES, f32, i8, i32
from tests.support.agreement_cases import CASES
from tests.support.agreement_models import Spec, Tensor
from tests.support.agreement_truth import measure

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("tf_keras")
layers = keras.layers


def remedy_of(name: str) -> str:
    return next(remedy.text for remedy in TYPE_REMEDIES if remedy.name == name)


def converted(function: Callable, *shape: int, dtype: Any = tf.float32, flex: bool = False, **settings: Any) -> bytes:
    """A function of one tensor, as TensorFlow's converter writes it."""
    concrete = tf.function(function).get_concrete_function(tf.TensorSpec(shape, dtype))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    if flex:
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    for name, value in settings.items():
        setattr(converter, name, value)
    return converter.convert()


def dense(x: Any) -> Any:
    """A layer whose weights are large enough to be quantised, and sparse enough to be stored so."""
    weights = np.random.default_rng(0).uniform(-1, 1, (64, 64)).astype(np.float32)
    weights[np.random.default_rng(1).random((4, 64)).repeat(16, 0) > 0.2] = 0
    return tf.matmul(x, tf.constant(weights))


def pruned(sparse: bool) -> bytes:
    wanted = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY] if sparse else []
    return converted(dense, 1, 64, optimizations=wanted)


def offset(used: bool) -> bytes:
    return converted(dense, 1, 64, _experimental_use_buffer_offset=used)


def half_quantised() -> bytes:
    """Weights in int8, activations in float: no dataset showed their ranges."""
    return converted(dense, 1, 64, optimizations=[tf.lite.Optimize.DEFAULT])


def quantised(function: Callable, *shape: int) -> bytes:
    """The same in int8 throughout."""
    concrete = tf.function(function).get_concrete_function(tf.TensorSpec(shape, tf.float32))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    rng = np.random.default_rng(0)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([rng.uniform(-1, 1, shape).astype(np.float32)] for _ in range(8))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def of_keras(model: Any, flex: bool = False) -> bytes:
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if flex:
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
        converter._experimental_lower_tensor_list_ops = False
    return converter.convert()


def recurrent(unroll: bool) -> bytes:
    x = keras.Input((4, 3), batch_size=1)
    return of_keras(keras.Model(x, layers.SimpleRNN(5, unroll=unroll)(x)), flex=not unroll)


def gated(reset_after: bool) -> bytes:
    """A GRU, which splits off a part without elements where it resets before."""
    x = keras.Input((5, 3), batch_size=1)
    return of_keras(keras.Model(x, layers.GRU(4, reset_after=reset_after)(x)))


def dilated(batch: int | None) -> bytes:
    x = keras.Input((8, 1), batch_size=batch)
    return of_keras(keras.Model(x, layers.Conv1D(2, 3, dilation_rate=2, padding="same")(x)))


def many_rows(batch: int | None) -> bytes:
    """A dense layer over rows: where their number is open, it is computed with GATHER and REDUCE_PROD of a shape."""
    x = keras.Input((4, 4), batch_size=batch)
    return of_keras(keras.Model(x, layers.Dense(4)(x)))


def around_in_float(op: str) -> bytes:
    """DEQUANTIZE, the operator in float32, QUANTIZE: what the converter leaves of `tf.exp` among int8 layers."""
    return converted(lambda x: tf.exp(x), 2, 3) if op == "EXP" else converted(tf.math.log, 2, 3)


def int32(op: str) -> bytes:
    """An operator of the bases with int32 in place of its first type."""
    spec = BASES[op]
    edits = {
        f"i{i}": {"type": "int32", "quantized": None}
        for i, t in enumerate(spec.inputs)
        if t and t.type in ("int8", "float32")
    }
    return spec.edited(edits | {"o0": {"type": "int32", "quantized": None}}).build()


# remedy: (refused model, the same after the rewrite)
REWRITES: dict[str, tuple[Callable[[], bytes], Callable[[], bytes]]] = {
    "arg_output_int32": (
        lambda: converted(lambda x: tf.argmax(x, -1), 2, 3),
        lambda: converted(lambda x: tf.argmax(x, -1, output_type=tf.int32), 2, 3),
    ),
    "input_int32": (
        lambda: converted(lambda ids: tf.gather(tf.ones((5, 3)), ids), 2, dtype=tf.int64),
        lambda: converted(lambda ids: tf.gather(tf.ones((5, 3)), ids), 2, dtype=tf.int32),
    ),
    "compute_int32": (
        lambda: Spec("GATHER", [f32(5, 3), Tensor("int64", (2,), data=[0, 1])], [f32(2, 3)], "GatherOptions").build(),
        lambda: Spec("GATHER", [f32(5, 3), i32(0, 1)], [f32(2, 3)], "GatherOptions").build(),
    ),
    "indices_int32": (
        lambda: BASES["GATHER"].edited({"i1": Tensor("int16", (2,), data=[0, 1], quantized=False)}).build(),
        lambda: converted(lambda ids: tf.gather(tf.ones((5, 3)), tf.cast(ids, tf.int32)), 2, dtype=tf.int16),
    ),
    "bool_by_comparison": (
        lambda: Spec("LOGICAL_NOT", [Tensor("int32", (2, 3))], [Tensor("bool", (2, 3))]).build(),
        lambda: converted(lambda x: tf.logical_not(x != 0), 2, 3, dtype=tf.int32),
    ),
    "bool_from_int16": (
        lambda: Spec("LOGICAL_NOT", [Tensor("int16", (2, 3), quantized=False)], [Tensor("bool", (2, 3))]).build(),
        lambda: converted(lambda x: tf.logical_not(tf.cast(x, tf.int32) != 0), 2, 3, dtype=tf.int16),
    ),
    "cast_to_float": (
        lambda: Spec("DEQUANTIZE", [Tensor("int32", (2, 3))], [f32(2, 3)]).build(),
        lambda: converted(lambda x: tf.cast(x, tf.float32), 2, 3, dtype=tf.int32),
    ),
    "input_int8": (
        lambda: Spec("CAST", [Tensor("uint8", (2,), quantized=False)], [f32(2)]).build(),
        lambda: Spec("CAST", [Tensor("int8", (2,), quantized=False)], [f32(2)]).build(),
    ),
    "no_float16": (
        lambda: Spec("DEQUANTIZE", [Tensor("float16", (2,))], [f32(2)]).build(),
        lambda: Spec("RELU", [f32(2)], [f32(2)]).build(),
    ),
    "product_for_square": (lambda: quantised_square(tf.square), lambda: quantised(lambda x: x * x, 1, 6)),
    "product_for_negation": (
        lambda: Spec("NEG", [i8(2, 3)], [i8(2, 3)]).build(),
        lambda: quantised(lambda x: -1.0 * x, 1, 6),
    ),
    "float_operator": (lambda: Spec("EXP", [i8(2, 3)], [i8(2, 3)]).build(), lambda: around_in_float("EXP")),
    "reshape_instead": (
        lambda: int32("EXPAND_DIMS"),
        lambda: converted(lambda x: tf.reshape(x, (2, 1, 3)), 2, 3, dtype=tf.int32),
    ),
    "cast_around": (
        lambda: int32("TRANSPOSE"),
        lambda: converted(lambda x: tf.cast(tf.transpose(tf.cast(x, tf.float32)), tf.int32), 2, 3, dtype=tf.int32),
    ),
    "int8_instead_of_int16": (
        lambda: Spec("HARD_SWISH", [Tensor("int16", (2, 3))], [Tensor("int16", (2, 3))]).build(),
        lambda: BASES["HARD_SWISH"].build(),
    ),
}


def quantised_square(function: Callable) -> bytes:
    """SQUARE in int8, which no converter writes any more."""
    return Spec("SQUARE", [i8(2, 3)], [i8(2, 3)]).build()


OPERATORS: dict[str, tuple[Callable[[], bytes], Callable[[], bytes]]] = {
    "GELU": (lambda: converted(tf.nn.gelu, 1, 6), lambda: converted(lambda x: x * tf.sigmoid(1.702 * x), 1, 6)),
    "POW": (lambda: converted(lambda x: tf.pow(x, 3.0), 1, 6), lambda: converted(lambda x: x * x * x, 1, 6)),
    "TILE": (
        lambda: converted(lambda x: tf.tile(x, (1, 3)), 1, 6),
        lambda: converted(lambda x: tf.concat([x] * 3, 1), 1, 6),
    ),
    "SELECT": (
        lambda: converted(lambda x: tf.where(x > 0, x, 0.1 * x), 1, 6),
        lambda: converted(lambda x: tf.cast(x > 0, x.dtype) * x + (1 - tf.cast(x > 0, x.dtype)) * 0.1 * x, 1, 6),
    ),
    "ONE_HOT": (
        lambda: converted(lambda ids: tf.one_hot(ids, 4), 3, dtype=tf.int32),
        lambda: converted(lambda ids: tf.gather(tf.eye(4), ids), 3, dtype=tf.int32),
    ),
}
LAYERS = {  # words of the remedy: (refused, after the rewrite)
    "1.67326 * tf.nn.elu": (
        lambda: quantised(tf.nn.selu, 1, 6),
        lambda: quantised(lambda x: 1.0507 * (tf.nn.relu(x) + 1.67326 * tf.nn.elu(tf.minimum(x, 0.0))), 1, 6),
    ),
    "strip_pruning": (lambda: pruned(True), lambda: pruned(False)),
    "no `_experimental_use_buffer_offset`": (lambda: offset(True), lambda: offset(False)),
    "set representative_dataset": (lambda: half_quantised(), lambda: quantised(dense, 1, 64)),
    "names the layers": (lambda: converted(tf.math.erf, 1, 6, flex=True), lambda: converted(tf.tanh, 1, 6)),
    "reset_after=True": (lambda: gated(False), lambda: gated(True)),
    "unroll=True": (lambda: recurrent(False), lambda: recurrent(True)),
    "Input(batch_size=1)": (lambda: dilated(None), lambda: dilated(1)),
    "no `None` in a shape": (lambda: many_rows(None), lambda: many_rows(1)),
}
# Rules of scales that no calibration gives: what is calibrated in the place of their first model.
CALIBRATED: dict[str, Callable] = {
    "fused_activation_fits": lambda x: tf.nn.relu6(x + 0.5 * x),
    "sum_scales": lambda x: x + 0.5 * x,
    "running_sum_scales": lambda x: tf.add_n([x, 0.5 * x, -x]),
    "difference_scales": lambda x: tf.math.squared_difference(x, 0.5 * x),
    "softmax_input_scale": tf.nn.softmax,
    "hard_swish_scales": lambda x: x * tf.nn.relu6(x + 3) / 6,
    "product_scale": lambda x: tf.matmul(tf.reshape(x, (2, 2, 3)), tf.reshape(x, (2, 3, 2))),
}


def test_all_remedies_by_type_are_tried() -> None:
    assert set(REWRITES) == {remedy.name for remedy in TYPE_REMEDIES}
    assert set(OPERATORS) == {name for name, text in INSTEAD.items() if "unroll=True" not in text}


@pytest.mark.parametrize("name", [*REWRITES, *OPERATORS, *LAYERS])
def test_the_remedy_is_given_and_the_rewrite_runs(name: str) -> None:
    before, after = {**REWRITES, **OPERATORS, **LAYERS}[name]
    refusals = check_bytes(before(), name, "reference")["refusals"]
    words = remedy_of(name).split("{")[0] if name in REWRITES else INSTEAD.get(name, name)
    assert refusals and any(words in entry["remedy"] for entry in refusals), refusals
    model = after()
    assert check_bytes(model, name, "reference")["refusals"] == []
    assert measure([model], 1 << 20)[0]["runs"]


def test_all_rules_that_ask_for_calibration_are_tried() -> None:
    assert set(CALIBRATED) == {rule.name for rule in RULES if rule.remedy.startswith("calibrate again")}


@pytest.mark.parametrize("name", CALIBRATED)
def test_calibration_gives_scales_that_run(name: str) -> None:
    op, edits = CASES[name][0]
    refusals = check_bytes(BASES[op].edited(edits).build(), name, "reference")["refusals"]
    assert "calibrate again" in next(entry["remedy"] for entry in refusals if entry["rule"] == name)
    model = quantised(CALIBRATED[name], 2, 6)
    report = check_bytes(model, name, "reference")
    assert report["refusals"] == [] and op in [entry["name"] for entry in report["ops"]]
    assert measure([model], 1 << 20)[0]["runs"]
