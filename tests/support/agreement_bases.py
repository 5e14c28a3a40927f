"""For every operator that TFLM registers a tiny model that it runs: what the rules' broken models are edits of."""

from collections.abc import Callable
from typing import Any, TypeAlias

from convert.tflite.model import schema
from tests.support.agreement_models import Spec, Tensor, operator, operator_code

Make: TypeAlias = Callable[..., Tensor]
Change: TypeAlias = Callable[[schema.ModelT], None]


def f32(*shape: int, **more: Any) -> Tensor:
    return Tensor("float32", shape, **more)


def i8(*shape: int, **more: Any) -> Tensor:
    return Tensor("int8", shape, **more)


def i32(*values: int, **more: Any) -> Tensor:
    """A constant vector of int32."""
    return Tensor("int32", (len(values),), data=list(values), **more)


def scalar(value: int) -> Tensor:
    return Tensor("int32", (), data=value)


def boolean(*shape: int, **more: Any) -> Tensor:
    return Tensor("bool", shape, **more)


def binary(op: str, options: str | None = None, make: Make = i8, **fields: Any) -> Spec:
    return Spec(op, [make(2, 3), make(2, 3)], [make(2, 3)], options, fields)


def unary(op: str, make: Make = f32, options: str | None = None, out: Tensor | None = None, **fields: Any) -> Spec:
    return Spec(op, [make(2, 3)], [out or make(2, 3)], options, fields)


def compare(op: str) -> Spec:
    return Spec(op, [f32(2, 3), f32(2, 3)], [boolean(2, 3)])


def reduce(op: str, make: Make = f32, **more: Any) -> Spec:
    return Spec(op, [make(2, 3, 4)], [make(2, 4)], "ReducerOptions", {"keepDims": False}).edited({"i1": i32(1)} | more)


def pool(op: str, make: Make = i8) -> Spec:
    fields = {"strideH": 1, "strideW": 1, "filterHeight": 2, "filterWidth": 2, "padding": schema.Padding.VALID}
    return Spec(op, [make(1, 4, 4, 2)], [make(1, 3, 3, 2)], "Pool2DOptions", fields)


CONV = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1, "padding": schema.Padding.VALID}


def bias(*shape: int, scale: Any = 0.25, **more: Any) -> Tensor:
    return Tensor("int32", shape, data=0, scale=scale, quantized=True, **more)


def lstm(kind: str = "float32", units: int = 3, depth: int = 2, batch: int = 1, steps: int = 2) -> Spec:
    weights, biases, cell = {
        "float32": ("float32",) * 3,
        "int8": ("int8", "int32", "int16"),
        "int16": ("int8", "int64", "int16"),
    }[kind]
    inputs: list[Tensor | None] = [None] * 24
    inputs[0] = Tensor(kind, (batch, steps, depth), scale=1 / 128)
    for i in range(1, 9):
        inputs[i] = Tensor(weights, (units, depth if i < 5 else units), data=0, scale=1 / 128)
    for i in range(12, 16):
        inputs[i] = Tensor(biases, (units,), data=0)
    inputs[18] = Tensor(kind, (batch, units), variable=True, scale=1 / 128)
    inputs[19] = Tensor(cell, (batch, units), variable=True, scale=1 / 2048)
    return Spec(
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        inputs,
        [Tensor(kind, (batch, steps, units), scale=1 / 128)],
        "UnidirectionalSequenceLSTMOptions",
        {"fusedActivationFunction": schema.ActivationFunctionType.TANH},
    )


def svdf(kind: str = "float32") -> Spec:
    other, bias_type = {"float32": ("float32", "float32"), "int8": ("int16", "int32")}[kind]
    return Spec(
        "SVDF",
        [
            Tensor(kind, (1, 3)),
            Tensor(kind, (4, 3), data=0),
            Tensor(other, (4, 5), data=0),
            Tensor(bias_type, (2,), data=0, scale=0.25, quantized=kind == "int8"),
            Tensor(other, (1, 20), variable=True),
        ],
        [Tensor(kind, (1, 2))],
        "SVDFOptions",
        {"rank": 2},
    )


def called_graph(inputs: int, outputs: int, condition: bool = False) -> Change:
    """Adds a graph that adds its inputs, or for a condition gives a constant bool."""

    def add(model: schema.ModelT) -> None:
        graph = schema.SubGraphT()
        tensors = [f32(2) for _ in range(inputs)]
        tensors += [boolean(1, data=0) if condition else f32(2) for _ in range(outputs)]
        graph.tensors = [tensor.pack(model.buffers) for tensor in tensors]
        graph.inputs, graph.outputs = list(range(inputs)), list(range(inputs, inputs + outputs))
        graph.operators = []
        if not condition and outputs and inputs:
            model.operatorCodes.append(operator_code("RELU"))
            graph.operators = [operator(len(model.operatorCodes) - 1, [0], [inputs + i]) for i in range(outputs)]
        model.subgraphs.append(graph)

    return add


def variables(
    named: bool = True, handles: int = 1, value_shape: tuple[int, ...] = (2,), read_shape: tuple[int, ...] = (2,)
) -> Spec:
    """A handle, an assignment of the input and a read."""

    def change(model: schema.ModelT) -> None:
        graph = model.subgraphs[0]
        tensors = [f32(*value_shape), Tensor("resource", ()), f32(*read_shape), Tensor("resource", ())]
        graph.tensors = [tensor.pack(model.buffers) for tensor in tensors]
        graph.inputs, graph.outputs = [0], [2]
        model.operatorCodes = [operator_code(op) for op in ("VAR_HANDLE", "ASSIGN_VARIABLE", "READ_VARIABLE")]
        fields = {"container": ""} | ({"sharedName": "v"} if named else {})
        graph.operators = [operator(0, [], [1], "VarHandleOptions", fields) for _ in range(handles)]
        graph.operators += [operator(1, [1, 0], []), operator(2, [1], [2])]

    return Spec("READ_VARIABLE", [f32(2)], [f32(2)], change=change)


def branch_variables(assigned: bool = True) -> Spec:
    """A variable that the branches of an IF assign, through a handle that they are given; `assigned`: here too."""

    def change(model: schema.ModelT) -> None:
        graph = model.subgraphs[0]
        tensors = [boolean(1), f32(2), Tensor("resource", ()), f32(2)]
        graph.tensors = [tensor.pack(model.buffers) for tensor in tensors]
        graph.inputs, graph.outputs = [0, 1], [3]
        codes = ("VAR_HANDLE", "ASSIGN_VARIABLE", "IF", "RELU")
        model.operatorCodes = [operator_code(op) for op in codes]
        graph.operators = [operator(0, [], [2], "VarHandleOptions", {"container": "", "sharedName": "v"})]
        graph.operators += [operator(1, [2, 1], [])] if assigned else []
        fields = {"thenSubgraphIndex": 1, "elseSubgraphIndex": 1}
        graph.operators.append(operator(2, [0, 2, 1], [3], "IfOptions", fields))
        branch = schema.SubGraphT()
        branch.tensors = [t.pack(model.buffers) for t in (Tensor("resource", ()), f32(2), f32(2))]
        branch.inputs, branch.outputs = [0, 1], [2]
        branch.operators = [operator(1, [0, 1], []), operator(3, [1], [2])]
        model.subgraphs.append(branch)

    return Spec("READ_VARIABLE", [f32(2)], [f32(2)], change=change)


def call_once() -> Spec:
    """CALL_ONCE of a graph without tensors in or out, beside a RELU."""

    def change(model: schema.ModelT) -> None:
        graph = model.subgraphs[0]
        model.operatorCodes.append(operator_code("CALL_ONCE"))
        graph.operators.append(
            operator(len(model.operatorCodes) - 1, [], [], "CallOnceOptions", {"initSubgraphIndex": 1})
        )

    return Spec("RELU", [f32(2)], [f32(2)], change=change, graphs=(called_graph(1, 1),))


BASES = {
    "ABS": unary("ABS"),
    "ADD": binary("ADD", "AddOptions"),
    "ADD_N": binary("ADD_N"),
    "ARG_MAX": Spec("ARG_MAX", [f32(2, 3), i32(1)], [Tensor("int32", (2,))]),
    "ARG_MIN": Spec("ARG_MIN", [f32(2, 3), i32(1)], [Tensor("int32", (2,))]),
    "ASSIGN_VARIABLE": variables(),
    "READ_VARIABLE": variables(),
    "VAR_HANDLE": variables(),
    "AVERAGE_POOL_2D": pool("AVERAGE_POOL_2D"),
    "MAX_POOL_2D": pool("MAX_POOL_2D"),
    "L2_POOL_2D": pool("L2_POOL_2D", f32),
    "BATCH_MATMUL": Spec("BATCH_MATMUL", [i8(2, 3, 4), i8(2, 4, 5)], [i8(2, 3, 5)], "BatchMatMulOptions"),
    "BATCH_TO_SPACE_ND": Spec(
        "BATCH_TO_SPACE_ND", [f32(4, 1, 1, 2), i32(2, 2), Tensor("int32", (2, 2), data=0)], [f32(1, 2, 2, 2)]
    ),
    "SPACE_TO_BATCH_ND": Spec(
        "SPACE_TO_BATCH_ND", [f32(1, 2, 2, 2), i32(2, 2), Tensor("int32", (2, 2), data=0)], [f32(4, 1, 1, 2)]
    ),
    "BROADCAST_ARGS": Spec("BROADCAST_ARGS", [i32(2, 1), i32(2, 3)], [Tensor("int32", (2,))]),
    "BROADCAST_TO": Spec("BROADCAST_TO", [f32(1, 3), i32(2, 3)], [f32(2, 3)]),
    "CALL_ONCE": call_once(),
    "CAST": unary("CAST", out=Tensor("int32", (2, 3))),
    "CEIL": unary("CEIL"),
    "EXP": unary("EXP"),
    "ROUND": unary("ROUND"),
    "FLOOR": unary("FLOOR"),
    "NEG": unary("NEG"),
    "COS": unary("COS"),
    "SIN": unary("SIN"),
    "LOG": unary("LOG"),
    "SQRT": unary("SQRT"),
    "SQUARE": unary("SQUARE"),
    "RSQRT": unary("RSQRT"),
    "LOGICAL_NOT": unary("LOGICAL_NOT", boolean),
    "CONCATENATION": Spec("CONCATENATION", [i8(2, 3), i8(2, 1)], [i8(2, 4)], "ConcatenationOptions", {"axis": 1}),
    "CONV_2D": Spec(
        "CONV_2D", [i8(1, 4, 4, 2), i8(3, 2, 2, 2, data=0), bias(3)], [i8(1, 3, 3, 3)], "Conv2DOptions", dict(CONV)
    ),
    "DEPTHWISE_CONV_2D": Spec(
        "DEPTHWISE_CONV_2D",
        [i8(1, 4, 4, 2), i8(1, 2, 2, 2, data=0), bias(2)],
        [i8(1, 3, 3, 2)],
        "DepthwiseConv2DOptions",
        {**CONV, "depthMultiplier": 1},
    ),
    "TRANSPOSE_CONV": Spec(
        "TRANSPOSE_CONV",
        [i32(1, 4, 4, 3), i8(3, 2, 2, 2, data=0), i8(1, 2, 2, 2), bias(3)],
        [i8(1, 4, 4, 3)],
        "TransposeConvOptions",
        {"strideH": 2, "strideW": 2, "padding": schema.Padding.VALID},
    ),
    "CUMSUM": Spec("CUMSUM", [i8(2, 3), scalar(1)], [i8(2, 3)], "CumsumOptions"),
    "DEPTH_TO_SPACE": Spec(
        "DEPTH_TO_SPACE", [i8(1, 1, 1, 4)], [i8(1, 2, 2, 1)], "DepthToSpaceOptions", {"blockSize": 2}
    ),
    "SPACE_TO_DEPTH": Spec(
        "SPACE_TO_DEPTH", [i8(1, 2, 2, 1)], [i8(1, 1, 1, 4)], "SpaceToDepthOptions", {"blockSize": 2}
    ),
    "DEQUANTIZE": unary("DEQUANTIZE", i8, out=f32(2, 3)),
    "QUANTIZE": unary("QUANTIZE", out=i8(2, 3)),
    "DIV": Spec("DIV", [i8(2, 3), i8(2, 3, data=1)], [i8(2, 3)], "DivOptions"),
    "DYNAMIC_UPDATE_SLICE": Spec("DYNAMIC_UPDATE_SLICE", [f32(3, 4), f32(2, 2), i32(1, 1)], [f32(3, 4)]),
    "ELU": unary("ELU"),
    "HARD_SWISH": unary("HARD_SWISH", i8),
    "RELU": unary("RELU", i8),
    "RELU6": unary("RELU6", i8),
    "LEAKY_RELU": unary("LEAKY_RELU", i8, "LeakyReluOptions", alpha=0.1),
    "TANH": unary("TANH", i8),
    "LOGISTIC": unary("LOGISTIC", i8, out=i8(2, 3, scale=1 / 256, zero=-128)),
    "SOFTMAX": unary("SOFTMAX", i8, "SoftmaxOptions", out=i8(2, 3, scale=1 / 256, zero=-128), beta=1.0),
    "LOG_SOFTMAX": unary("LOG_SOFTMAX", i8, out=i8(2, 3, scale=16 / 256, zero=127)),
    "L2_NORMALIZATION": unary("L2_NORMALIZATION", i8, "L2NormOptions"),
    "PRELU": Spec("PRELU", [i8(2, 3), i8(1, 3, data=1)], [i8(2, 3)]),
    "EMBEDDING_LOOKUP": Spec("EMBEDDING_LOOKUP", [Tensor("int32", (2,)), i8(5, 3, data=1)], [i8(2, 3)]),
    **{op: compare(op) for op in ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")},
    "LOGICAL_AND": binary("LOGICAL_AND", make=boolean),
    "LOGICAL_OR": binary("LOGICAL_OR", make=boolean),
    "EXPAND_DIMS": Spec("EXPAND_DIMS", [f32(2, 3), i32(1)], [f32(2, 1, 3)]),
    "FILL": Spec("FILL", [i32(2, 3), f32(data=1)], [f32(2, 3)]),
    "FLOOR_DIV": Spec("FLOOR_DIV", [f32(2, 3), f32(2, 3, data=1)], [f32(2, 3)]),
    "FLOOR_MOD": Spec("FLOOR_MOD", [f32(2, 3), f32(2, 3, data=1)], [f32(2, 3)]),
    "FULLY_CONNECTED": Spec(
        "FULLY_CONNECTED", [i8(2, 3), i8(4, 3, data=0), bias(4)], [i8(2, 4)], "FullyConnectedOptions"
    ),
    "GATHER": Spec("GATHER", [i8(5, 3, data=0), Tensor("int32", (2,))], [i8(2, 3)], "GatherOptions"),
    "GATHER_ND": Spec("GATHER_ND", [f32(5, 3), Tensor("int32", (2, 1))], [f32(2, 3)]),
    "IF": Spec(
        "IF",
        [boolean(1), f32(2)],
        [f32(2)],
        "IfOptions",
        {"thenSubgraphIndex": 1, "elseSubgraphIndex": 2},
        graphs=(called_graph(1, 1), called_graph(1, 1)),
    ),
    "WHILE": Spec(
        "WHILE",
        [f32(2)],
        [f32(2)],
        "WhileOptions",
        {"condSubgraphIndex": 1, "bodySubgraphIndex": 2},
        graphs=(called_graph(1, 1, True), called_graph(1, 1)),
    ),
    "MAXIMUM": binary("MAXIMUM"),
    "MINIMUM": binary("MINIMUM"),
    "MUL": binary("MUL", "MulOptions"),
    "SUB": binary("SUB", "SubOptions"),
    "SQUARED_DIFFERENCE": binary("SQUARED_DIFFERENCE"),
    "MEAN": reduce("MEAN", i8),
    "SUM": reduce("SUM", i8),
    "REDUCE_MAX": reduce("REDUCE_MAX", i8),
    "REDUCE_MIN": reduce("REDUCE_MIN", i8),
    "REDUCE_ALL": reduce("REDUCE_ALL", boolean),
    "MIRROR_PAD": Spec("MIRROR_PAD", [f32(2, 3), Tensor("int32", (2, 2), data=1)], [f32(4, 5)], "MirrorPadOptions"),
    "PACK": Spec("PACK", [i8(2, 3), i8(2, 3)], [i8(2, 2, 3)], "PackOptions", {"axis": 1, "valuesCount": 2}),
    "UNPACK": Spec("UNPACK", [i8(2, 2, 3)], [i8(2, 3), i8(2, 3)], "UnpackOptions", {"axis": 1, "num": 2}),
    "PAD": Spec("PAD", [i8(2, 3), Tensor("int32", (2, 2), data=1)], [i8(4, 5)]),
    "PADV2": Spec("PADV2", [i8(2, 3), Tensor("int32", (2, 2), data=1), i8(1, data=0)], [i8(4, 5)]),
    "RESHAPE": Spec("RESHAPE", [f32(2, 3), i32(3, 2)], [f32(3, 2)], "ReshapeOptions", {"newShape": [3, 2]}),
    "RESIZE_BILINEAR": Spec(
        "RESIZE_BILINEAR", [f32(1, 2, 2, 1), i32(4, 4)], [f32(1, 4, 4, 1)], "ResizeBilinearOptions"
    ),
    "RESIZE_NEAREST_NEIGHBOR": Spec(
        "RESIZE_NEAREST_NEIGHBOR", [f32(1, 2, 2, 1), i32(4, 4)], [f32(1, 4, 4, 1)], "ResizeNearestNeighborOptions"
    ),
    "REVERSE_V2": Spec("REVERSE_V2", [f32(2, 3), i32(1)], [f32(2, 3)]),
    "SELECT_V2": Spec("SELECT_V2", [boolean(2, 3), f32(2, 3), f32(2, 3)], [f32(2, 3)]),
    "SHAPE": Spec("SHAPE", [f32(2, 3)], [Tensor("int32", (2,))], "ShapeOptions"),
    "SLICE": Spec("SLICE", [f32(3, 4), i32(1, 1), i32(2, 2)], [f32(2, 2)]),
    "STRIDED_SLICE": Spec(
        "STRIDED_SLICE", [f32(4, 6), i32(1, 0), i32(3, 6), i32(1, 2)], [f32(2, 3)], "StridedSliceOptions"
    ),
    "SPLIT": Spec("SPLIT", [scalar(1), f32(2, 4)], [f32(2, 2), f32(2, 2)], "SplitOptions", {"numSplits": 2}),
    "SPLIT_V": Spec(
        "SPLIT_V", [f32(2, 4), i32(1, 3), scalar(1)], [f32(2, 1), f32(2, 3)], "SplitVOptions", {"numSplits": 2}
    ),
    "SQUEEZE": Spec("SQUEEZE", [f32(2, 1, 3)], [f32(2, 3)], "SqueezeOptions", {"squeezeDims": [1]}),
    "SVDF": svdf("int8"),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": lstm("int8"),
    "TRANSPOSE": Spec("TRANSPOSE", [i8(2, 3), i32(1, 0)], [i8(3, 2)]),
    "ZEROS_LIKE": unary("ZEROS_LIKE"),
}
