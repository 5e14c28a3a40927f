"""Edits of the tiny models with which cases are written: of the file, of its graphs, of options that are maps."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from flatbuffers import flexbuffers

from convert.tflite.model import schema
from tests.support.agreement_bases import f32, i8
from tests.support.agreement_models import Tensor, operator, operator_code

DETECTION = "CUSTOM:TFLite_Detection_PostProcess"
SCALES = {f"{axis}_scale": 10.0 for axis in "xyhw"}
DETECTS: dict[str, Any] = SCALES | {
    "num_classes": 3,
    "max_detections": 2,
    "max_classes_per_detection": 1,
    "nms_iou_threshold": 0.5,
}
CIRCULAR_BUFFER = {"op": "CUSTOM:CIRCULAR_BUFFER", "options": None} | {
    "inputs": [i8(1, 1, 2, 3)],
    "outputs": [i8(1, 4, 2, 3)],
}
NONE = Tensor("int32", (0,), data=0)  # no axes, no dimensions
FAR = 400_000  # elements; the arena has 256 KiB
RELU6 = schema.ActivationFunctionType.RELU6
LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
Cases: TypeAlias = dict[str, list[tuple[str, dict[str, Any]]]]  # rule: [(operator, edits)]


def on_graph(change: Callable[[schema.SubGraphT], None]) -> dict[str, Any]:
    return {"change": lambda model: change(model.subgraphs[0])}


def offline_plan(*offsets: int, count: int | None = None) -> dict[str, Any]:
    def change(model: schema.ModelT) -> None:
        plan = np.array([1, 0, len(offsets) if count is None else count, *offsets], "<i4")
        model.buffers.append(schema.BufferT())
        model.buffers[-1].data = plan.view(np.uint8)
        model.metadata = [schema.MetadataT()]
        model.metadata[0].name, model.metadata[0].buffer = "OfflineMemoryAllocation", len(model.buffers) - 1

    return {"change": change}


def plan_entry(model: schema.ModelT) -> Any:
    """The metadata entry of a plan."""
    offline_plan(0, 16)["change"](model)
    return model.metadata[0]


def twice(model: schema.ModelT) -> Any:
    """The graph once more, which nothing runs."""
    model.subgraphs = [model.subgraphs[0]] * 2


def sparse(model: schema.ModelT) -> None:
    """Weights that the converter stored sparse: an eighth of their bytes."""
    tensor = model.subgraphs[0].tensors[1]
    tensor.sparsity = schema.SparsityParametersT()
    tensor.sparsity.traversalOrder, tensor.sparsity.blockMap, tensor.sparsity.dimMetadata = [0, 1], [], []
    model.buffers[tensor.buffer].data = model.buffers[tensor.buffer].data[: FAR // 8]


def outside(model: schema.ModelT) -> None:
    """Constants that lie behind the flatbuffer."""
    buffer = model.buffers[model.subgraphs[0].tensors[1].buffer]
    buffer.data, buffer.offset, buffer.size = None, 4096, FAR


def always_true(model: schema.ModelT) -> None:
    """A loop of which the condition is a constant."""
    graph = model.subgraphs[1]
    graph.operators = []
    model.buffers.append(schema.BufferT())
    model.buffers[-1].data = np.ones(1, np.uint8)
    graph.tensors[graph.outputs[0]].buffer = len(model.buffers) - 1


def never_computed(model: schema.ModelT) -> None:
    """A loop of which the condition is that a constant is false."""
    always_true(model)
    graph = model.subgraphs[1]
    constant = graph.tensors[graph.outputs[0]]
    model.buffers[constant.buffer].data = np.zeros(1, np.uint8)
    model.operatorCodes.append(operator_code("LOGICAL_NOT"))
    graph.operators = [operator(len(model.operatorCodes) - 1, [graph.outputs[0]], [len(graph.tensors)])]
    graph.tensors.append(Tensor("bool", (1,)).pack(model.buffers))
    graph.outputs = [len(graph.tensors) - 1]


def never_loops(model: schema.ModelT) -> None:
    """A loop of which the condition is a constant, and false: its body may be of any size."""
    always_true(model)
    condition, body = model.subgraphs[1:]
    model.buffers[condition.tensors[condition.outputs[0]].buffer].data = np.zeros(1, np.uint8)
    for tensor in body.tensors:
        tensor.shape = [64, 2]


def detection(boxes: int = 4, classes: int = 3, **options: Any) -> dict[str, Any]:
    """TFLite_Detection_PostProcess with the options of a map of FlexBuffers; none without any."""
    inputs = [f32(1, boxes, 4), f32(1, boxes, classes), f32(boxes, 4, data=1)]
    outputs = [f32(1, 2, 4), f32(1, 2), f32(1, 2), f32(1)]

    def change(model: schema.ModelT) -> None:
        model.subgraphs[0].operators[0].customOptions = np.frombuffer(flexbuffers.Dumps(options), np.uint8)

    return {
        "op": DETECTION,
        "inputs": inputs,
        "outputs": outputs,
        "options": None,
        "change": change if options else None,
    }


def custom_options(model: schema.ModelT) -> None:
    model.subgraphs[0].operators[0].customOptions = np.zeros(2, np.uint8)


def int16(*roles: str, **edits: Any) -> dict[str, Any]:
    """Roles in int16, and more edits."""
    return {role: {"type": "int16", "quantized": True} | edits.pop(role, {}) for role in roles} | edits
