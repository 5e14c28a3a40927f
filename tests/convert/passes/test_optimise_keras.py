"""`python -m convert.optimize` on models that TensorFlow's converter made: equal outputs, never larger."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.optimize import main
from convert.passes.optimizer import BEFORE, optimize_model
from convert.passes.pipeline import NO_PLAN
from convert.tflite.model import operator_name, read_model
from convert.tflm.builds import find_build
from tests.support.keras_models import (
    attention,
    autoencoder,
    branches,
    cnn,
    convert_function,
    convert_keras,
    dense,
    depthwise_cnn,
    keras,
    layers,
    loop,
    slices,
    tf,
)
from tests.support.running import invoke, planned

M7 = find_build("cortex-m7", "cmsis_nn")
MODELS = {build.__name__: build for build in (attention, autoencoder, branches, cnn, dense, depthwise_cnn, slices)}


@pytest.mark.parametrize("name", MODELS)
def test_equal_outputs_and_never_larger(name: str, tmp_path: Path) -> None:
    data = convert_keras(MODELS[name])
    before, after = tmp_path / "before.tflite", tmp_path / "after.tflite"
    before.write_bytes(data)
    assert main([str(before), "--out", str(after)]) == 0
    smaller = after.read_bytes()
    _, stages = optimize_model(data, M7)
    print(name, stages[0], stages[-1])
    assert len(smaller) == stages[-1].file and stages[-1].total <= stages[0].total
    rng = np.random.default_rng(0)
    shapes = [read_model(data).subgraphs[0].tensors[i].shape for i in read_model(data).subgraphs[0].inputs]
    for _ in range(5):
        inputs = [rng.integers(-128, 128, shape).astype(np.int8) for shape in shapes]
        for got, wanted in zip(invoke(smaller, inputs), invoke(data, inputs)):
            np.testing.assert_array_equal(got, wanted)


def halves() -> Any:
    """A SPLIT into rows, whose parts can stay where the whole is."""
    x = layers.Input((8, 32), batch_size=1)
    upper, lower = tf.split(layers.Dense(32)(x), 2, axis=1)
    return keras.Model(x, layers.Dense(16)(upper) * 0.5 + layers.Dense(16)(lower))


def test_the_parts_of_a_split_may_lie_in_the_whole() -> None:
    data = convert_keras(halves)
    model = read_model(data)
    split = next(op for op in model.subgraphs[0].operators if operator_name(model, op) == "SPLIT")
    moved, buffers, offsets = planned(data)
    at = {buffer.owner[1]: offset for buffer, offset in zip(buffers, offsets)}
    assert [at[i] - at[split.inputs[1]] for i in split.outputs] == [0, 4 * 32]
    for seed in range(5):
        x = np.random.default_rng(seed).integers(-128, 128, (1, 8, 32)).astype(np.int8)
        np.testing.assert_array_equal(invoke(moved, [x])[0], invoke(data, [x])[0])


def test_a_model_of_several_graphs_is_only_stripped(tmp_path: Path) -> None:
    data = convert_function(loop, 1, 8)
    smaller, stages = optimize_model(data, M7, most_bytes=len(data))
    assert [stage.step for stage in stages] == ["as it was", "strip"] and len(smaller) < len(data)
    x = np.random.default_rng(0).normal(size=(1, 8)).astype(np.float32)
    np.testing.assert_array_equal(invoke(smaller, [x])[0], invoke(data, [x])[0])


def test_json_and_no_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = tmp_path / "before.tflite", tmp_path / "after.tflite"
    before.write_bytes(convert_keras(branches))
    assert main([str(before), "--out", str(after), "--json", "--no-plan", "--core", "cortex-m55"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [stage["step"] for stage in document["stages"]] == [BEFORE, *(one.name for one in NO_PLAN)]
    assert not read_model(after.read_bytes()).metadata


@pytest.mark.parametrize("contents", [None, b"", b"no model at all"])
def test_bad_input_is_one_line_and_writes_nothing(contents: bytes | None, tmp_path: Path) -> None:
    model, out = tmp_path / "model.tflite", tmp_path / "out.tflite"
    if contents is not None:
        model.write_bytes(contents)
    command = [sys.executable, "-m", "convert.optimize", str(model), "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1 and not out.exists()
