"""Quantisation-aware training of the deploy graph, with tensorflow-model-optimization's wrapper and quantizers.

Its registry knows no embedding, norm, attention or mask: each kind of deploy layer gets a QuantizeConfig of its own
here. Every range is set from calibration first (a MovingAverageQuantizer left alone starts at -6..6, and a tensor that
lives within 0.05 is then one grey level), trained along with the weights, and frozen for the last phase.
"""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tensorflow_model_optimization.quantization import keras as tfmot

from tf_embbert.common.console import Report
from tf_embbert.model.folded import Array, Ranges
from tf_embbert.model.program import Folded
from tf_embbert.quantization import deploy
from tf_embbert.quantization.calibrate import kernel_ranges
from tf_embbert.quantization.deploy import build_deploy_model
from tf_embbert.run import History
from tf_embbert.training.distribution import agree_on
from tf_embbert.training.fitting import EncodedRows, Recipe, train

BITS = 8
PHASES = ("ranges", "frozen")  # of QAT: the ranges' ends are trained along, then stay


class RangeQuantizer(tfmot.quantizers.MovingAverageQuantizer):
    """Fake quantisation to a range that is set, and then trained or kept; never averaged.

    Args:
        symmetric: zero point 0.
        trainable: whether the ends get the gradient of the clipped values.
    """

    def __init__(self, symmetric: bool, trainable: bool) -> None:
        super().__init__(BITS, per_axis=False, symmetric=symmetric, narrow_range=symmetric)
        self.trainable = trainable

    def build(self, tensor_shape: Any, name: str, layer: keras.layers.Layer) -> dict[str, Any]:

        def variable(end: str, value: float) -> tf.Variable:
            start = keras.initializers.Constant(value)
            return layer.add_weight(f"{name}_{end}", (), initializer=start, trainable=self.trainable)

        self.low: Any = None if self.symmetric else variable("min", -1.0)
        self.high = variable("max", 1.0)
        return {}

    def __call__(self, inputs: tf.Tensor, training: Any, weights: Any, **kwargs: Any) -> tf.Tensor:
        low = -self.high if self.symmetric else tf.minimum(self.low, 0.0)
        return super().__call__(inputs, False, {"min_var": low, "max_var": self.high})

    def set_range(self, limits: Any) -> None:
        """Sets the ends: (minimum, maximum)."""
        self.high.assign(limits[1])
        if not self.symmetric:
            self.low.assign(limits[0])

    def get_range(self) -> tuple[float, float]:
        """The ends as they are: (minimum, maximum), zero included."""
        high = float(self.high.numpy())
        return (-high, high) if self.symmetric else (min(float(self.low.numpy()), 0.0), high)


def fixed_quantizer(low: float, high: float) -> tfmot.quantizers.Quantizer:
    """Fake quantisation to a range that TFLM fixes."""
    return tfmot.quantizers.FixedQuantizer(BITS, low, high, narrow_range=False)


def kernel_quantizer(per_channel: bool) -> tfmot.quantizers.Quantizer:
    """Fake quantisation of a kernel to its own range at every step."""
    return tfmot.quantizers.LastValueQuantizer(BITS, per_axis=per_channel, symmetric=True, narrow_range=True)


class DeployQuantizeConfig(tfmot.QuantizeConfig):
    """How one deploy layer is quantised: its output, and its kernel if it has one.

    Args:
        output: quantizer of the layer's output.
        kernel: quantizer of the attribute `kernel`, or None.
    """

    def __init__(self, output: Any, kernel: Any = None) -> None:
        self.output, self.kernel = output, kernel

    def get_weights_and_quantizers(self, layer: deploy.DeployLayer) -> list[tuple[tf.Variable, Any]]:
        return [(layer.kernel, self.kernel)] if self.kernel else []

    def set_quantize_weights(self, layer: deploy.DeployLayer, quantize_weights: list[tf.Tensor]) -> None:
        for quantized in quantize_weights:
            layer.kernel = quantized

    def get_activations_and_quantizers(self, layer: deploy.DeployLayer) -> list[Any]:
        return []

    def set_quantize_activations(self, layer: deploy.DeployLayer, quantize_activations: list[Any]) -> None:
        pass

    def get_output_quantizers(self, layer: deploy.DeployLayer) -> list[Any]:
        return [self.output]

    def get_config(self) -> dict[str, Any]:
        return {"output": self.output, "kernel": self.kernel}


# TFLM fixes these: L2_NORMALIZATION 1/128 with zero point 0, SOFTMAX and LOGISTIC 1/256 with zero point -128
# (kernels/l2norm.cc, softmax_common.cc, logistic_common.cc).
FIXED = {deploy.UnitNorm: (-1.0, 127 / 128), deploy.Softmax: (0.0, 255 / 256), deploy.Gate: (0.0, 255 / 256)}


def quantize_config(layer: deploy.DeployLayer, symmetric: bool, train_ranges: bool) -> DeployQuantizeConfig:
    """The QuantizeConfig of a deploy layer, whose output may have to have zero point 0 (`folded.symmetric`)."""
    if type(layer) in FIXED:
        return DeployQuantizeConfig(fixed_quantizer(*FIXED[type(layer)]))
    kernel = kernel_quantizer(isinstance(layer, deploy.Conv)) if "kernel" in layer.initial else None
    return DeployQuantizeConfig(RangeQuantizer(symmetric, train_ranges), kernel)


def of_any_replica(create: Callable[..., tf.Variable], **given: Any) -> tf.Variable:
    """A variable; what a kernel's quantizer notes in a step is the same on all replicas, the first one's is taken."""
    if not given.get("trainable"):
        given["aggregation"] = tf.VariableAggregation.ONLY_FIRST_REPLICA
    return create(**given)


class QuantizedModel:
    """The deploy graph under fake quantisation.

    Args:
        folded: the folded model.
        ranges: by tensor and kernel name, as `calibrate` gives them.
        train_ranges: whether training moves the ranges of the tensors.
    """

    def __init__(self, folded: Folded, ranges: Ranges, train_ranges: bool = False) -> None:
        self.folded, self.ranges, self.train_ranges = folded, ranges, train_ranges
        self.quantizers: dict[str, RangeQuantizer] = {}
        with tf.variable_creator_scope(of_any_replica):
            self.model = build_deploy_model(folded, self.wrap)
        for name, quantizer in self.quantizers.items():
            quantizer.set_range(ranges[name])
        # A kernel's quantizer takes the range of the kernel whenever it runs in training mode: once is enough.
        self.model(np.zeros((1, 2), np.int32), training=True)
        agree_on(self.model)

    def wrap(self, layer: deploy.DeployLayer) -> keras.layers.Layer:
        """The layer under fake quantisation, its range noted."""
        config = quantize_config(layer, layer.name in self.folded.symmetric, self.train_ranges)
        if isinstance(config.output, RangeQuantizer):
            self.quantizers[layer.name] = config.output
        return tfmot.QuantizeWrapperV2(layer, config)

    def read(self) -> tuple[Folded, Ranges]:
        """The folded model and the ranges as they are now."""
        folded = self.folded.with_arrays(deploy.read_arrays(self.model))
        tensors = {name: quantizer.get_range() for name, quantizer in self.quantizers.items()}
        return folded, {**self.ranges, **kernel_ranges(folded), **tensors}


def train_quantized(
    folded: Folded,
    ranges: Ranges,
    teacher: Array,
    rows: EncodedRows,
    validation: EncodedRows,
    recipe: Recipe,
    folder: Path,
    seed: int,
    report: Report = print,
    phases: Sequence[str] = PHASES,
    may_stay: bool = True,
) -> tuple[Folded, Ranges, History]:
    """Quantisation-aware training from calibrated ranges: first with the ranges, then with the ranges frozen.

    The float model is the teacher, its answers to the training rows are the targets: labels would only make the int8
    model fit these rows a second time. A phase that makes the selection rows' metric worse leaves things as they were.

    Args:
        folded: the float model, folded.
        ranges: its ranges, calibrated.
        teacher: the float model's outputs on the training rows, float32 [rows, C]; C = 1 is a regression.
        rows: to train on.
        validation: whose metric decides whether a phase helps.
        recipe: of each of the two phases.
        folder: for checkpoints.
        seed: of the shuffles.
        report: called with one line an epoch.
        phases: of PHASES, in the order they are trained.
        may_stay: whether a phase that does not help is dropped.

    Returns:
        Folded model, ranges, and the history: the rows of `train` with their phase.
    """
    loss = keras.losses.MeanSquaredError() if teacher.shape[1] == 1 else distil
    history: History = []
    for number, phase in enumerate(phases):
        quantized = QuantizedModel(folded, ranges, train_ranges=phase == "ranges")
        told = functools.partial(report_phase, report, phase)
        part = folder / f"{number}-{phase}"
        rows_of_phase = train(
            quantized.model, loss, rows, validation, recipe, part, seed, teacher, told, may_stay=may_stay
        )
        history += [{"phase": f"qat {phase}", **row} for row in rows_of_phase]
        folded, ranges = quantized.read()
    return folded, ranges, history


def report_phase(report: Report, phase: str, line: str) -> None:
    """Reports a line of a phase."""
    report(f"QAT, {'ranges frozen' if phase == 'frozen' else 'with ranges'}: {line}")


def distil(teacher: tf.Tensor, student: tf.Tensor) -> tf.Tensor:
    """Cross-entropy of the student's distribution with the teacher's: logits [B, C] and [B, C]."""
    return keras.losses.categorical_crossentropy(tf.nn.softmax(teacher), student, from_logits=True)
