"""Graphs of single operators and random ones, and TFLM's own arena figures to hold ours to."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from convert.lowering.graph import Graph, Quantization
from convert.lowering.ops import GraphBuilder
from convert.tflite.builder import Builder
from convert.tflite.model import read_model, schema
from convert.tflite.verifier import FILE_IDENTIFIER
from convert.tflite.view import Model, view_model
from convert.tflm.allocator import allocate
from convert.tflm.builds import WHEEL_BUILD
from convert.tflm.lifetimes import list_buffers
from tests.support.arena_truth import measure

INT8 = Quantization((1 / 128,), 0)
STEP = 16


def assert_equal_to_tflm(models: dict[str, bytes]) -> None:
    """Head, tail and their sum as recorded; AllocateTensors succeeds in the total and fails 16 bytes below."""
    planned = {name: allocate(view_model(data), *WHEEL_BUILD) for name, data in models.items()}
    jobs = [(data, [planned[name].total, planned[name].total - STEP]) for name, data in models.items()]
    for (name, plan), (recorded, succeeds) in zip(planned.items(), measure(jobs)):
        ours = {"total": plan.used, "head": plan.planned, "tail": plan.persistent}
        assert recorded, f"TFLM refuses {name}"
        assert ours == recorded, f"{name}: {ours}, TFLM records {recorded}"
        assert succeeds == [True, False], f"{name}: {plan.total} succeeds, fails 16 below: {succeeds}"
        assert plan.unmodelled == [], name


def pack(model: schema.ModelT) -> bytes:
    builder = Builder()
    builder.Finish(model.Pack(builder), FILE_IDENTIFIER)
    return builder.Output()


def random_graph(rng: np.random.Generator, ops: int) -> Graph:
    """int8 operators of random kinds on random earlier tensors, all of them of rank 2: lives of any length."""
    build = GraphBuilder()
    tensors = [
        build._tensor(f"input{i}", tuple(rng.integers(1, 40, 2)), np.int8, INT8) for i in range(rng.integers(1, 3))
    ]
    build.graph.inputs += tensors
    for number in range(ops):
        x, name = tensors[rng.integers(len(tensors))], f"op{number}"
        same = [t for t in tensors if t.shape == x.shape]
        y = same[rng.integers(len(same))]
        weights = rng.integers(-127, 128, (rng.integers(1, 50), x.shape[1])).astype(np.int8)
        kernel = build.constant("weights", weights, INT8)
        make = (
            partial(build.add, name, x, y, INT8),
            partial(build.multiply, name, x, y, INT8),
            partial(build.dense, name, x, kernel, None, INT8),
            partial(build.transpose, name, x),
            partial(build.reshape, name, x, (1, x.size)),
            partial(build.softmax, name, x),
        )
        tensors.append(make[rng.integers(len(make))]())
    for index in {int(i) for i in rng.integers(len(tensors), size=2)} | {len(tensors) - 1}:
        build.output(tensors[index])
    return build.graph


def shuffled(rng: np.random.Generator, graph: Graph) -> Graph:
    """The same graph with its tensor indices permuted, which decides between buffers of equal size."""
    graph.tensors = [graph.tensors[i] for i in rng.permutation(len(graph.tensors))]
    return graph


def with_offline_plan(rng: np.random.Generator, data: bytes) -> bytes:
    """A model with an OfflineMemoryAllocation plan for some of its activations, overlaps and all."""
    model = read_model(data)
    tensors = model.subgraphs[0].tensors
    free = {buffer.owner[1] for buffer in list_buffers(Model(model), [], set())[0]}
    offsets = [16 * int(rng.integers(0, 40)) if i in free and rng.random() < 0.5 else -1 for i in range(len(tensors))]
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.array([1, 0, len(tensors), *offsets], "<i4").view(np.uint8)
    entry.name, entry.buffer = b"OfflineMemoryAllocation", len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [entry]
    return pack(model)


def one_op(
    kind: str, inputs: list[tuple], outputs: list[tuple], options: Any = None, variables: tuple[int, ...] = ()
) -> bytes:
    """A model of one operator. Tensors are (type, shape[, constant integers]); tensors of `variables` are variable."""
    model, graph, code, op = schema.ModelT(), schema.SubGraphT(), schema.OperatorCodeT(), schema.OperatorT()
    code.builtinCode = getattr(schema.BuiltinOperator, kind)
    code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), 1
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], [schema.BufferT()]
    graph.tensors = [new_tensor(model, *tensor) for tensor in [*inputs, *outputs]]
    for index in variables:
        graph.tensors[index].isVariable = True
    op.inputs, op.outputs = list(range(len(inputs))), list(range(len(inputs), len(graph.tensors)))
    graph.inputs = [i for i in op.inputs if not graph.tensors[i].buffer and i not in variables]
    graph.outputs, graph.operators = op.outputs, [op]
    if options is not None:
        op.builtinOptions = options
        op.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
    return pack(model)


def new_tensor(model: schema.ModelT, kind: str, shape: Sequence[int], constant: Any = None) -> schema.TensorT:
    tensor = schema.TensorT()
    tensor.type, tensor.shape = getattr(schema.TensorType, kind), list(shape)
    if kind in ("INT8", "INT16"):
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale, tensor.quantization.zeroPoint = [1 / 128], [0]
    if constant is not None:
        model.buffers.append(schema.BufferT())
        model.buffers[-1].data = np.array(constant, kind.lower()).reshape(-1).view(np.uint8)
        tensor.buffer = len(model.buffers) - 1
    return tensor
