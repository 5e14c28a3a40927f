"""How long check and arena take on models of public sizes, and how much memory; and how soon --help answers.

    python -m benchmarks.tool_speed

The ten models are made here, with the shapes of well-known networks and weights of zeros. Seconds are those of a
processor (user and system), so that other work on the machine counts little. Writes results/tool_speed.json.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from convert.tflite import schema
from tests.support.agreement_models import Tensor, operator, operator_code, pack

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks/results/tool_speed.json"
COMMANDS = ("check", "arena", "boards", "optimize")
SAME, VALID = schema.Padding.SAME, schema.Padding.VALID
# (side, channels of the image, [(operator, channels, kernel, stride, times)], classes)
MODELS: dict[str, tuple[int, int, list[tuple[str, int, int, int, int]], int]] = {
    "keyword spotting, DS-CNN": (40, 1, [("conv", 64, 3, 2, 1), ("separable", 64, 3, 1, 4)], 12),
    "visual wake words, MobileNet 0.25": (
        96,
        3,
        [("conv", 8, 3, 2, 1), ("separable", 64, 3, 1, 6), ("separable", 256, 3, 2, 4)],
        2,
    ),
    "image classification, ResNet-8": (
        32,
        3,
        [("conv", 16, 3, 1, 3), ("conv", 32, 3, 2, 2), ("conv", 64, 3, 2, 2)],
        10,
    ),
    "MobileNet 1.0": (
        224,
        3,
        [("conv", 32, 3, 2, 1), ("separable", 256, 3, 2, 3), ("separable", 512, 3, 2, 6), ("separable", 1024, 3, 2, 2)],
        1000,
    ),
    "EfficientNet lite 0": (
        224,
        3,
        [("conv", 32, 3, 2, 1), ("separable", 112, 5, 2, 9), ("separable", 320, 5, 2, 9), ("separable", 1280, 3, 2, 1)],
        1000,
    ),
    "VGG-11, quarter": (64, 3, [("conv", 32, 3, 2, 2), ("conv", 128, 3, 2, 4), ("conv", 256, 3, 2, 6)], 100),
    "autoencoder": (8, 10, [("conv", 128, 1, 1, 10)], 640),
    "ResNet-50, half": (224, 3, [("conv", 64, 7, 4, 1), ("conv", 128, 3, 2, 8), ("conv", 256, 3, 2, 7)], 1000),
    "person detection": (96, 1, [("conv", 8, 3, 2, 1), ("separable", 128, 3, 2, 13)], 2),
    "a hundred separable layers": (64, 3, [("separable", 96, 3, 1, 100)], 10),
}


class _Stack:
    """A model that grows operator by operator."""

    def __init__(self, side: int, channels: int) -> None:
        self.model, self.graph = schema.ModelT(), schema.SubGraphT()
        self.model.version, self.model.buffers, self.model.operatorCodes = 3, [schema.BufferT()], []
        self.graph.tensors, self.graph.operators, self.graph.inputs = [], [], [0]
        self.codes: dict[str, int] = {}
        self.shape: tuple[int, ...] = (1, side, side, channels)
        self.last = self.tensor(Tensor("int8", self.shape))

    def tensor(self, tensor: Tensor) -> int:
        self.graph.tensors.append(tensor.pack(self.model.buffers))
        return len(self.graph.tensors) - 1

    def add(self, name: str, weights: tuple[int, ...], shape: tuple[int, ...], options: str, **fields: int) -> None:
        """An operator with weights and a bias, one scale for each of its channels."""
        if name not in self.codes:
            self.codes[name] = len(self.codes)
            self.model.operatorCodes.append(operator_code(name))
        axis = 3 if name == "DEPTHWISE_CONV_2D" else 0
        scales = [0.5] * weights[axis] if name != "FULLY_CONNECTED" else 0.5
        filters = self.tensor(Tensor("int8", weights, data=0, scale=scales, axis=axis))
        bias = self.tensor(Tensor("int32", (weights[axis],), data=0, scale=0.25, quantized=True))
        output = self.tensor(Tensor("int8", shape))
        self.graph.operators.append(operator(self.codes[name], [self.last, filters, bias], [output], options, fields))
        self.last, self.shape = output, shape

    def convolve(self, channels: int, kernel: int, stride: int, depthwise: bool = False) -> None:
        _, side, _, depth = self.shape
        shape = (1, -(-side // stride), -(-side // stride), channels)
        fields = {"strideH": stride, "strideW": stride, "dilationHFactor": 1, "dilationWFactor": 1, "padding": SAME}
        if depthwise:
            more = {"depthMultiplier": 1}
            self.add("DEPTHWISE_CONV_2D", (1, kernel, kernel, depth), shape, "DepthwiseConv2DOptions", **fields, **more)
        else:
            self.add("CONV_2D", (channels, kernel, kernel, depth), shape, "Conv2DOptions", **fields)

    def finish(self, classes: int) -> bytes:
        self.add("FULLY_CONNECTED", (classes, int(np.prod(self.shape[1:]))), (1, classes), "FullyConnectedOptions")
        self.graph.outputs, self.model.subgraphs = [self.last], [self.graph]
        return pack(self.model)


def build_model(name: str) -> bytes:
    """One of MODELS."""
    side, channels, layers, classes = MODELS[name]
    stack = _Stack(side, channels)
    for kind, width, kernel, stride, times in layers:
        for number in range(times):
            step = stride if number == 0 else 1
            if kind == "separable":
                stack.convolve(stack.shape[3], kernel, step, depthwise=True)
                stack.convolve(width, 1, 1)
            else:
                stack.convolve(width, kernel, step)
    while stack.shape[1] > 4:
        stack.convolve(stack.shape[3], 3, 2, depthwise=True)
    return stack.finish(classes)


def run_command(arguments: list[str]) -> tuple[float, int]:
    """Processor seconds and the most bytes of memory of a command that must succeed."""
    process = subprocess.Popen([sys.executable, "-m", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read().decode()
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{arguments}: {said}")
    return round(used.ru_utime + used.ru_stime, 2), used.ru_maxrss * 1024


def measure() -> dict:
    """{help: {command: seconds}, models: [{name, bytes, operators, check: {seconds, memory}, ..}]}."""
    helps = {command: run_command([f"convert.{command}", "--help"])[0] for command in COMMANDS}
    models = []
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.tflite")
        for name in MODELS:
            run_command(
                ["benchmarks.tool_speed", name, path]
            )  # a child begins with its parent's size: ours stays small
            entry: dict = {"name": name, "bytes": Path(path).stat().st_size}
            for command in COMMANDS:
                more = ["--out", path + ".smaller"] if command == "optimize" else []
                seconds, memory = run_command([f"convert.{command}", path, *more])
                entry[command] = {"seconds": seconds, "memory": memory}
            models.append(entry)
            print(json.dumps(entry), flush=True)
    return {"help": helps, "models": models}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[2]).write_bytes(build_model(sys.argv[1]))
    else:
        RESULT.write_text(json.dumps(measure(), indent=1) + "\n")
