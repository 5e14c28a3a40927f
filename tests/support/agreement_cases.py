"""For every rule at least one model that breaks it: an operator and edits of its tiny model.

A rule that TFLM does not check in release builds is broken so badly that the interpreter must crash: reading or writing
far beyond a tensor of some bytes. What keeps a rule are the tiny models themselves, and `KEPT`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from flatbuffers import flexbuffers

from convert.tflite.model import schema
from tests.support.agreement_bases import bias, boolean, branch_variables, f32, i8, i32, lstm, scalar, svdf, variables
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


# rule: [(operator, edits)]
CASES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    # the file
    "graph_complete": [
        ("RELU", on_graph(lambda graph: setattr(graph, "inputs", None))),
        ("RELU", on_graph(lambda graph: setattr(graph, "outputs", None))),
    ],
    "graph_tensors_exist": [
        ("RELU", on_graph(lambda graph: setattr(graph, "inputs", [10**8]))),
        ("RELU", on_graph(lambda graph: setattr(graph, "outputs", [10**8]))),
    ],
    "operator_code_exists": [("RELU", on_graph(lambda graph: setattr(graph.operators[0], "opcodeIndex", 5)))],
    "operator_tensors_exist": [("RELU", on_graph(lambda graph: setattr(graph.operators[0], "inputs", [10**8])))],
    "no_tensor_lists": [("RELU", {"op": "CUSTOM:FlexTensorListReserve"}), ("RESHAPE", {"i1": {"type": "variant"}})],
    "no_flex_operators": [("RELU", {"op": "CUSTOM:FlexErf"}), ("ADD", {"op": "CUSTOM:FlexAddV2"})],
    "not_quantized_in_uint8": [
        ("SOFTMAX", {"i0": {"type": "uint8"}, "o0": {"type": "uint8"}}),
        ("FULLY_CONNECTED", {"i0": {"type": "uint8"}, "i1": {"type": "uint8"}, "o0": {"type": "uint8"}}),
    ],
    "weights_dense": [
        (
            "ADD",
            {"i0": {"shape": (FAR,)}, "i1": {"shape": (FAR,), "data": 0}, "o0": {"shape": (FAR,)}, "change": sparse},
        )
    ],
    "buffers_inside": [("STRIDED_SLICE", {"change": outside})],
    "not_compiled_by_vela": [("ADD", {"op": "CUSTOM:ethos-u"})],
    "detection_tensors": [("RELU", {"op": DETECTION})],
    "detection_types": [("RELU", detection(**DETECTS) | {"i0": {"type": "int8"}})],
    "detection_shapes": [
        ("RELU", detection(**DETECTS) | {"i0": {"shape": (2, 4, 4)}}),
        ("RELU", detection(**DETECTS) | {"i1": {"shape": (1, 3, 3)}}),
    ],
    "detection_options": [
        ("RELU", detection()),
        ("RELU", detection(**DETECTS | {"num_classes": 5})),
        ("RELU", detection(**DETECTS | {"nms_iou_threshold": 0.0})),
        ("RELU", detection(**DETECTS | {"max_classes_per_detection": 0})),
    ],
    "buffer_exists": [("RELU", on_graph(lambda graph: setattr(graph.tensors[0], "buffer", 0x3FFFFFFF)))],
    "type_has_size": [
        ("RELU", {"i0": {"type": "string"}}),
        ("RELU", {"i0": {"type": "string"}, "o0": {"type": "string"}}),
    ],
    "dimensions_not_negative": [("RELU", {"o0": {"shape": (-1, 3)}})],
    "tensor_below_2_gib": [("RELU", {"i0": {"shape": (1 << 20, 1 << 11)}, "o0": {"shape": (1 << 20, 1 << 11)}})],
    "buffer_holds_tensor": [
        ("ADD", {"i0": {"shape": (FAR,)}, "i1": {"shape": (FAR,), "data": 0, "cut": 4}, "o0": {"shape": (FAR,)}})
    ],
    "called_graphs_exist": [
        ("IF", {"fields": {"thenSubgraphIndex": 9}}),
        ("WHILE", {"fields": {"bodySubgraphIndex": -1}}),
        ("IF", {"options": None}),
    ],
    "no_recursion": [("IF", {"fields": {"thenSubgraphIndex": 0, "elseSubgraphIndex": 0}})],
    "offline_plan_held": [
        ("RELU", offline_plan(count=10**9)),
        ("RELU", {"change": lambda model: setattr(plan_entry(model), "buffer", 0x3FFFFFFF)}),
    ],
    "offline_plan_complete": [("RELU", offline_plan(0)), ("RELU", offline_plan(0, 16, 32))],
    "variable_in_memory": [("BROADCAST_ARGS", {"i1": {"variable": True}})],
    "offline_offsets_sensible": [("RELU", offline_plan(-(2**30), -(2**30))), ("RELU", offline_plan(2**31 - 16, 0))],
    # every operator; those of the table have more cases in `table_cases`
    "operator_registered": [
        ("RELU", {"op": "GELU"}),
        ("RELU", {"op": "POW"}),
        ("RELU", {"op": "CUSTOM:Mine"}),
        ("RELU", {"op": "TILE"}),
    ],
    "no_custom_options": [("RELU", {"change": custom_options})],
    "input_count": [("BATCH_MATMUL", {"inputs": 3})],
    "output_count": [("BATCH_MATMUL", {"outputs": 2})],
    "inputs_given": [("ADD", {"i1": None}), ("CONV_2D", {"i1": None}), ("FULLY_CONNECTED", {"i0": None})],
    "outputs_given": [("LOGICAL_AND", {"o0": None}), ("MAXIMUM", {"o0": None})],
    "types_assumed": [
        ("ADD", {"i1": {"type": "float32"}}),
        (
            "SLICE",
            {"i0": {"shape": (1,)}, "i1": i32(0), "i2": Tensor("int64", (1,), data=FAR * 40), "o0": {"shape": (1,)}},
        ),
    ],
    "kernel_rank": [("RELU", {"i0": {"shape": (1,) * 60}, "o0": {"shape": (1,) * 60}})],
    "inputs_not_empty": [
        ("ARG_MAX", {"i1": Tensor("int32", (0,))}),
        ("BATCH_TO_SPACE_ND", {"i1": Tensor("int32", (0,))}),
    ],
    "outputs_not_empty": [("RELU", {"i0": {"shape": (0, 3)}, "o0": {"shape": (0, 3)}})],
    "no_intermediates": [("RELU", on_graph(lambda graph: setattr(graph.operators[0], "intermediates", [0])))],
    "constant_input": [
        ("PAD", {"i1": {"data": None}}),
        ("TRANSPOSE", {"i1": {"data": None}}),
        ("STRIDED_SLICE", {"i2": {"data": None}}),
        ("SPLIT", {"i0": {"data": None}}),
        ("SPLIT_V", {"i2": {"data": None}}),
        ("FILL", {"i0": {"data": None}}),
        ("BROADCAST_TO", {"i1": {"data": None}}),
        ("EXPAND_DIMS", {"i1": {"data": None}}),
        ("RESIZE_BILINEAR", {"i1": {"data": None}}),
        ("RESIZE_NEAREST_NEIGHBOR", {"i1": {"data": None}}),
        ("PADV2", {"i1": {"data": None}}),
    ],
    "bias_type": [
        (
            "FULLY_CONNECTED",
            {
                "i0": {"shape": (1, 1)},
                "i1": {"shape": (50_000, 1), "data": None},
                "i2": i8(50_000, data=0, scale=0.25),
                "o0": {"shape": (1, 50_000)},
            },
        )
    ],
    # element by element
    "broadcast_to_output": [
        ("ADD", {"o0": {"shape": (2, 4)}}),
        ("MUL", {"o0": {"shape": (2, 4)}}),
        ("SUB", {"o0": {"shape": (2, 4)}}),
        ("ADD", {"i0": {"shape": (FAR,)}, "i1": {"shape": (2,), "data": 0}, "o0": {"shape": (FAR,)}}),
    ],
    "elements_kept": [
        ("RELU", {"i0": {"shape": (FAR * 4,)}}),
        ("LOGISTIC", {"i0": {"shape": (FAR * 4,)}}),
        ("TANH", {"i0": {"shape": (FAR * 4,)}}),
        ("NEG", {"i0": {"shape": (FAR,)}}),
    ],
    "shape_kept": [(op, {"o0": {"shape": (3, 2)}}) for op in ("CEIL", "EXP", "ROUND", "CUMSUM", "LOG_SOFTMAX")],
    "add_n_shapes": [("ADD_N", {"i1": {"shape": (3, 2)}})],
    "add_n_grids": [("ADD_N", {"i1": {"scale": 0.25}}), ("ADD_N", {"i1": {"zero": 3}})],
    "add_output_quantized": [("ADD", {"o0": {"quantized": False}})],
    "int32_unquantized": [
        (op, {"i0": {"type": "int32", "quantized": True}, "i1": {"type": "int32"} | more, "o0": {"type": "int32"}})
        for op, more in (("ADD", {}), ("SUB", {}), ("DIV", {"data": 1}))
    ]
    + [("SUB", {"i0": {"type": "int32"}, "i1": {"type": "int32"}, "o0": {"type": "int32", "quantized": True}})],
    "sum_scales": [
        ("ADD", {"o0": {"scale": 1e-7}}),
        ("ADD", {"i0": {"quantized": False}}),
        ("SUB", {"o0": {"scale": 1e-7}}),
        ("SUB", {"i1": {"scale": 0.0}}),
        ("ADD", int16("i0", "i1", "o0", o0={"scale": 1e-5})),
    ],
    "running_sum_scales": [
        ("ADD_N", {"o0": {"scale": 1e-7}}),
        ("CUMSUM", {"o0": {"scale": 1e-7}}),
        ("CUMSUM", {"i0": {"scale": 0.0}}),
    ],
    "comparison_scales": [
        ("LESS", {"i0": {"type": "int8", "scale": 2.0}, "i1": {"type": "int8"}}),
        ("EQUAL", {"i0": {"type": "int8"}, "i1": {"type": "int8", "quantized": False}}),
    ],
    "difference_scales": [("SQUARED_DIFFERENCE", {"i0": {"scale": 0.0}})],
    "difference_zero_points": [
        ("SQUARED_DIFFERENCE", {"i0": {"zero": 200}}),
        ("SQUARED_DIFFERENCE", int16("i0", "i1", "o0", o0={"zero": 1})),
    ],
    "product_zero_points": [
        ("MUL", int16("i0", "i1", "o0", i1={"zero": 1})),
        ("BATCH_MATMUL", int16("i0", "i1", "o0", o0={"zero": 1})),
    ],
    "activation_zero_points": [
        ("RELU", int16("i0", "o0", i0={"zero": 1})),
        ("TANH", int16("i0", "o0", i0={"zero": 1}, o0={"scale": 1 / 32768})),
        ("LOGISTIC", int16("i0", "o0", i0={"zero": 1}, o0={"scale": 1 / 32768, "zero": 0})),
    ],
    "root_quantized": [
        ("ABS", {"i0": {"type": "int8", "quantized": False}, "o0": {"type": "int8"}}),
        ("RSQRT", {"i0": {"type": "int8"}, "o0": {"type": "int8", "quantized": False}}),
        ("ABS", int16("i0", "o0", o0={"quantized": False})),
    ],
    "root_zero_point": [("RSQRT", {"i0": {"type": "int8", "zero": 200}, "o0": {"type": "int8"}})],
    "abs_zero_points": [("ABS", int16("i0", "o0", o0={"zero": 1}))],
    "divisor_not_zero": [
        ("FLOOR_DIV", {"i1": {"data": 0}}),
        ("DIV", {"i0": {"type": "int32"}, "i1": {"type": "int32", "data": 0}, "o0": {"type": "int32"}}),
    ],
    # activations
    "fused_activation_fits": [
        (
            "ADD",
            {
                "fields": {"fusedActivationFunction": RELU6},
                "i0": {"scale": 1e-10},
                "i1": {"scale": 1e-10},
                "o0": {"scale": 1e-10},
            },
        ),
        ("FULLY_CONNECTED", {"fields": {"fusedActivationFunction": RELU6}, "i2": None, "o0": {"scale": 1e-10}}),
    ],
    "no_fused_activation": [
        ("CONCATENATION", {"fields": {"fusedActivationFunction": RELU6}}),
        ("L2_NORMALIZATION", {"fields": {"fusedActivationFunction": RELU6}}),
    ],
    "l2_normalization_rank": [
        ("L2_NORMALIZATION", {"i0": {"shape": (1, 1, 1, 2, 3)}, "o0": {"shape": (1, 1, 1, 2, 3)}})
    ],
    "logistic_int8_grid": [("LOGISTIC", {"o0": {"zero": 0}})],
    "sigmoid_int16_grid": [("LOGISTIC", int16("i0", "o0", o0={"zero": 0})), ("TANH", int16("i0", "o0"))],
    "softmax_types": [("SOFTMAX", {"o0": {"type": "float32", "quantized": False}})],
    "softmax_rank": [("SOFTMAX", {"i0": {"shape": ()}, "o0": {"shape": ()}})],
    "softmax_grid": [
        ("SOFTMAX", {"o0": {"zero": 0}}),
        ("SOFTMAX", {"o0": {"scale": 1 / 128}}),
        ("SOFTMAX", {"o0": {"type": "int16"}}),
        ("SOFTMAX", int16("i0", "o0", o0={"zero": 0})),
    ],
    "softmax_int16_input": [("SOFTMAX", int16("i0", "o0", i0={"zero": 1}, o0={"zero": 0, "scale": 1 / 32768}))],
    "softmax_input_scale": [
        ("SOFTMAX", {"i0": {"scale": 1e-9}}),
        ("LOG_SOFTMAX", {"i0": {"scale": 1e-9}}),
        ("SOFTMAX", {"fields": {"beta": 0.0}}),
    ],
    "log_softmax_grid": [("LOG_SOFTMAX", {"o0": {"scale": 0.5}}), ("LOG_SOFTMAX", {"o0": {"zero": 0}})],
    "hard_swish_scales": [("HARD_SWISH", {"i0": {"scale": 128.0}})],
    "prelu_alpha_type": [("PRELU", int16("i0", "i1", "o0"))],
    "prelu_alpha_assumed": [
        (
            "PRELU",
            {
                "i0": {"type": "float32", "shape": (), "data": -1},
                "o0": {"type": "float32", "shape": (50_000,)},
                "i1": {"shape": (50_000,)},
            },
        )
    ],
    "prelu_rank": [
        (
            "PRELU",
            {
                "i0": {"type": "float32", "shape": (1, 1, 1, 2, 3)},
                "i1": {"type": "float32"},
                "o0": {"type": "float32", "shape": (1, 1, 1, 2, 3)},
            },
        )
    ],
    # dense and convolutions
    "weights_type": [
        ("FULLY_CONNECTED", {"i0": {"type": "float32"}, "o0": {"type": "float32"}, "i2": None}),
        ("CONV_2D", {"i0": {"type": "float32"}, "o0": {"type": "float32"}, "i2": f32(3, data=0)}),
        ("DEPTHWISE_CONV_2D", {"i0": {"type": "float32"}, "o0": {"type": "float32"}, "i2": f32(2, data=0)}),
        ("TRANSPOSE_CONV", {"i2": {"type": "float32"}, "o0": {"type": "float32"}, "i3": f32(3, data=0)}),
        ("FULLY_CONNECTED", {"i1": {"type": "float32"}}),
    ],
    "dense_bias_scale": [
        ("FULLY_CONNECTED", {"i2": {"scale": 1.0}}),
        ("FULLY_CONNECTED", {"i2": {"quantized": False}}),
    ],
    "dense_int4_per_tensor": [("FULLY_CONNECTED", {"i1": {"type": "int4", "scale": [0.5] * 4}})],
    "dense_weights_format": [("FULLY_CONNECTED", {"fields": {"weightsFormat": 2}})],
    "dense_scale_count": [
        ("FULLY_CONNECTED", {"i1": {"scale": [0.5] * 3}}),
        ("FULLY_CONNECTED", {"i1": {"scale": [0.5] * 4, "axis": 1}}),
    ],
    "dense_shapes": [
        (
            "FULLY_CONNECTED",
            {
                "i0": {"shape": (1, 3), "data": 0},
                "i1": {"shape": (1, 30_000), "data": None},
                "i2": None,
                "o0": {"shape": (50, 1)},
            },
        )
    ],
    "dense_bias_length": [
        (
            "FULLY_CONNECTED",
            {
                "i0": {"shape": (1, 1)},
                "i1": {"shape": (100_000, 1), "data": None},
                "i2": bias(2),
                "o0": {"shape": (1, 100_000)},
            },
        )
    ],
    "convolution_rank": [("CONV_2D", {"o0": {"shape": (FAR,)}}), ("DEPTHWISE_CONV_2D", {"o0": {"shape": (FAR,)}})],
    "convolution_quantized": [
        ("CONV_2D", {"i1": {"quantized": False}}),
        ("CONV_2D", {"i0": {"quantized": False}}),
        ("DEPTHWISE_CONV_2D", {"i1": {"quantized": False}}),
        ("TRANSPOSE_CONV", {"i1": {"quantized": False}}),
    ],
    "convolution_scale_count": [
        ("CONV_2D", {"i1": {"scale": [0.5] * 2}}),
        ("DEPTHWISE_CONV_2D", {"i1": {"scale": [0.5] * 3, "axis": 3}}),
        ("TRANSPOSE_CONV", {"i1": {"scale": [0.5] * 2}}),
    ],
    "convolution_channels": [
        ("CONV_2D", {"i1": {"shape": (3, 2, 2, 4)}}),
        (
            "CONV_2D",
            {
                "i0": {"shape": (1, 4, 4, 4)},
                "i1": {"shape": (1, 2, 2, 1)},
                "i2": bias(1),
                "o0": {"shape": (1, 3, 3, 1)},
            },
        ),
    ],
    "depthwise_channels": [("DEPTHWISE_CONV_2D", {"i0": {"shape": (1, 1, 1, 200_000)}})],
    "transposed_bias": [
        ("TRANSPOSE_CONV", {"i1": {"shape": (50_000, 2, 2, 2)}, "i3": bias(1), "o0": {"shape": (1, 1, 1, 50_000)}})
    ],
    "matmul_rank": [
        ("BATCH_MATMUL", {"i0": {"shape": (4,)}}),
        ("BATCH_MATMUL", {"i0": {"shape": (1, 1, 1, 2, 3, 4)}, "o0": {"shape": (1, 1, 1, 2, 3, 5)}}),
    ],
    "matmul_shapes": [
        ("BATCH_MATMUL", {"i1": {"shape": (2, 5, 5)}}),
        ("BATCH_MATMUL", {"i1": {"shape": (3, 4, 5)}}),
        ("BATCH_MATMUL", {"o0": {"shape": (2, 3, 4)}}),
    ],
    "product_scale": [
        ("BATCH_MATMUL", {"i0": {"scale": -0.5}}),
        ("FULLY_CONNECTED", {"i0": {"scale": -0.5}, "i2": None}),
    ],
    # shapes
    "reshape_elements": [("RESHAPE", {"o0": {"shape": (3, 3)}})],
    "expand_dims_shape": [("EXPAND_DIMS", {"o0": {"shape": (1, 2, 3)}}), ("EXPAND_DIMS", {"i1": i32(9)})],
    "squeeze_shape": [("SQUEEZE", {"fields": {"squeezeDims": [0]}}), ("SQUEEZE", {"fields": {"squeezeDims": [7]}})],
    "squeeze_bytes": [("SQUEEZE", {"o0": {"type": "int8"}}), ("SQUEEZE", {"o0": {"shape": (2, 4)}})],
    "transpose_rank": [
        (
            "TRANSPOSE",
            {"i0": {"shape": (1, 1, 1, 1, 2, 3)}, "i1": i32(0, 1, 2, 3, 5, 4), "o0": {"shape": (1, 1, 1, 1, 3, 2)}},
        )
    ],
    "transpose_permutation": [
        ("TRANSPOSE", {"i1": i32(1, 2)}),
        ("TRANSPOSE", {"i1": i32(0, 1, 2)}),
        ("TRANSPOSE", {"i1": Tensor("int32", (1, 2), data=[[1, 0]])}),
    ],
    "transpose_shape": [("TRANSPOSE", {"o0": {"shape": (FAR * 3, 1)}, "i0": {"data": 0}})],
    "pad_rank": [
        (
            "PAD",
            {
                "i0": {"shape": (1, 1, 1, 1, 2, 3)},
                "i1": Tensor("int32", (6, 2), data=0),
                "o0": {"shape": (1, 1, 1, 1, 2, 3)},
            },
        )
    ],
    "pad_output_rank": [("PAD", {"i0": {"shape": ()}})],
    "pad_shape": [("PAD", {"o0": {"shape": (4, 6)}}), ("PAD", {"i1": Tensor("int32", (3, 2), data=1)})],
    "pad_value": [
        ("PADV2", {"i2": {"scale": 0.25}}),
        ("PADV2", {"i2": {"zero": 1}}),
        ("PADV2", {"i2": f32(1, data=0)}),
        ("PADV2", {"i2": i8(2, data=0)}),
    ],
    "pad_zero_point": [("PAD", {"o0": {"zero": 200}})],
    "mirror_pad_paddings": [
        ("MIRROR_PAD", {"i1": i32(1, 1, 1, 1)}),
        ("MIRROR_PAD", {"i1": Tensor("int32", (3, 2), data=1)}),
    ],
    "mirror_pad_shape": [("MIRROR_PAD", {"i1": {"data": [[FAR, -FAR + 2], [1, 1]]}})],
    "concatenation_count": [("CONCATENATION", {"inputs": [i8(2, 1) for _ in range(11)], "o0": {"shape": (2, 11)}})],
    "concatenation_rank": [
        (
            "CONCATENATION",
            {
                "i0": {"shape": (1,) * 5 + (2, 3)},
                "i1": {"shape": (1,) * 5 + (2, 1)},
                "o0": {"shape": (1,) * 5 + (2, 4)},
                "fields": {"axis": 6},
            },
        )
    ],
    "concatenation_grids": [
        ("CONCATENATION", {"i1": {"scale": 0.25}}),
        ("CONCATENATION", {"i0": {"zero": 1}}),
        ("CONCATENATION", int16("i0", "i1", "o0", o0={"zero": 1})),
    ],
    "concatenation_shapes": [("CONCATENATION", {"i0": {"shape": (2, FAR * 2)}})],
    "split_axis": [("SPLIT", {"i0": {"data": 5}}), ("SPLIT_V", {"i2": {"data": -5}})],
    "split_shapes": [("SPLIT", {"i1": {"data": 0}, "o0": {"shape": (2, 20_000)}, "o1": {"shape": (2, 1)}})],
    "pack_shapes": [
        ("PACK", {"i0": {"shape": (1,), "data": 0}, "i1": {"shape": (1,), "data": 0}, "o0": {"shape": (2, 2, FAR)}})
    ],
    "unpack_shapes": [("UNPACK", {"i0": {"shape": (2, 2, FAR)}, "o0": {"shape": (1,)}, "o1": {"shape": (1,)}})],
    "slice_rank": [
        ("SLICE", {"i0": {"shape": (1,) * 40}, "i1": i32(*[0] * 40), "i2": i32(*[1] * 40), "o0": {"shape": (1,)}})
    ],
    "slice_within": [("SLICE", {"i1": i32(0, 0), "i2": i32(FAR, FAR)})],
    "strided_slice_rank": [
        (
            "STRIDED_SLICE",
            {
                "i0": {"shape": (1, 1, 1, 4, 6)},
                "i1": i32(0, 0, 0, 1, 0),
                "i2": i32(1, 1, 1, 3, 6),
                "i3": i32(1, 1, 1, 1, 2),
                "o0": {"shape": (1, 1, 1, 2, 3)},
            },
        )
    ],
    "strided_slice_numbers": [("STRIDED_SLICE", {"i2": i32(3)})],
    "strided_slice_shape": [("STRIDED_SLICE", {"o0": {"shape": (2, 4)}}), ("STRIDED_SLICE", {"i3": i32(1, 0)})],
    "broadcast_to_shape": [
        ("BROADCAST_TO", {"o0": {"shape": (2, 4)}}),
        ("BROADCAST_TO", {"i0": {"shape": (2, 2)}}),
        ("BROADCAST_TO", {"i1": i32(1, 1, 1, 1, 2, 3), "o0": {"shape": (1, 1, 1, 1, 2, 3)}}),
    ],
    "fill_shape": [("FILL", {"o0": {"shape": (2, 4)}}), ("FILL", {"i1": f32(1, data=1)})],
    "select_shapes": [
        ("SELECT_V2", {"i0": {"shape": (2, 2)}}),
        ("SELECT_V2", {"i0": {"shape": (2, 1)}, "o0": {"shape": (2, 1)}}),
    ],
    "select_elements": [("SELECT_V2", {f"i{i}": {"shape": (FAR,), "data": 0} for i in range(3)})],
    # reductions and indices
    "reduction_axes": [
        ("REDUCE_MAX", {"i1": i32(5)}),
        ("MEAN", {"i0": {"type": "float32"}, "o0": {"type": "float32"}, "i1": i32(-4)}),
        ("REDUCE_ALL", {"i1": i32(3)}),
    ],
    "reduction_elements": [
        ("MEAN", {"i0": {"shape": (2, 3, FAR), "data": 0}}),
        ("REDUCE_MAX", {"i0": {"shape": (1, 3, FAR), "data": 0}}),
    ],
    "extreme_grid": [("REDUCE_MAX", {"o0": {"scale": 0.25}}), ("REDUCE_MIN", {"o0": {"zero": 1}})],
    "arg_shape": [("ARG_MAX", {"i0": {"shape": (FAR * 2, 1), "data": 0}})],
    "cumsum_axis": [("CUMSUM", {"i1": scalar(5)}), ("CUMSUM", {"i1": i32(0, 1)})],
    "reverse_axes": [
        ("REVERSE_V2", {"i1": i32(5)}),
        ("REVERSE_V2", {"i0": {"shape": (2, 2, 2)}, "o0": {"shape": (2, 2, 2)}, "i1": i32(0, 2)}),
        ("REVERSE_V2", {"i1": scalar(1)}),
    ],
    "reverse_elements": [("REVERSE_V2", {"i0": {"shape": (1, FAR), "data": 0}, "o0": {"shape": (1,)}})],
    "gather_axis": [("GATHER", {"fields": {"axis": 2}}), ("GATHER", {"fields": {"batchDims": 1}})],
    "gather_shape": [("GATHER", {"i0": {"shape": (1, FAR * 5)}, "i1": {"shape": (FAR // 300,)}})],
    "gather_positions": [("GATHER", {"i1": i32(1, 7)}), ("GATHER", {"i1": i32(-1, 0)})],
    "row_indices": [
        ("GATHER_ND", {"i1": Tensor("int32", (2, 1), data=[[0], [5]])}),
        ("EMBEDDING_LOOKUP", {"i0": i32(0, 5)}),
        ("EMBEDDING_LOOKUP", {"i0": i32(-1, 0)}),
    ],
    "gather_nd_indices": [("GATHER_ND", {"i1": {"shape": (2, 3)}}), ("GATHER_ND", {"i1": {"shape": ()}})],
    "gather_nd_shape": [("GATHER_ND", {"i0": {"shape": (1, FAR // 2)}, "i1": {"shape": (1000, 1)}})],
    "lookup_shapes": [
        ("EMBEDDING_LOOKUP", {"i0": {"shape": (1, 2)}}),
        ("EMBEDDING_LOOKUP", {"i1": i8(5, data=0)}),
        ("EMBEDDING_LOOKUP", {"o0": {"shape": (1, 3)}}),
    ],
    "lookup_types": [
        ("EMBEDDING_LOOKUP", {"o0": {"type": "int32"}}),
        ("EMBEDDING_LOOKUP", {"o0": {"type": "float32"}, "i1": {"zero": 1}}),
    ],
    "update_shapes": [("DYNAMIC_UPDATE_SLICE", {"i1": {"shape": (4, 4)}}), ("DYNAMIC_UPDATE_SLICE", {"i2": i32(1)})],
    "update_elements": [
        ("DYNAMIC_UPDATE_SLICE", {"i0": {"shape": (1, FAR), "data": 0}, "i1": {"shape": (1, 1)}, "o0": {"shape": (1,)}})
    ],
    "shape_length": [("SHAPE", {"i0": {"shape": (1,) * FAR}})],
    "broadcast_args_computed": [
        ("BROADCAST_ARGS", {"i0": {"data": None}} | on_graph(lambda graph: setattr(graph, "inputs", [])))
    ],
    "broadcast_args_rank": [("BROADCAST_ARGS", {"i0": Tensor("int32", (1, 2), data=1)})],
    "broadcast_args_fit": [("BROADCAST_ARGS", {"i0": i32(2, 4)})],
    "option_types": [
        ("SHAPE", {"fields": {"outType": -1}}),
        *((op, {"fields": {"quantizedBiasType": 127}}) for op in ("CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")),
    ],
    # images
    "l2_pool_windows": [("L2_POOL_2D", {"fields": {"filterHeight": 9}}), ("L2_POOL_2D", {"fields": {"strideW": 0}})],
    "l2_pool_elements": [("L2_POOL_2D", {"i0": {"shape": (1, 300, 300, 2), "data": 0}})],
    "pool_grid": [("MAX_POOL_2D", {"o0": {"scale": 0.25}}), ("AVERAGE_POOL_2D", {"o0": {"zero": 1}})],
    "pool_shape": [("MAX_POOL_2D", {"o0": {"shape": (1, FAR)}})],
    "l2_pool_rank": [("L2_POOL_2D", {"i0": {"shape": (4, 4, 2)}})],
    "image_rank": [("DEPTH_TO_SPACE", {"i0": {"shape": (1, 1, 4)}}), ("RESIZE_BILINEAR", {"i0": {"shape": (2, 2, 1)}})],
    "resize_vector": [
        ("RESIZE_BILINEAR", {"i1": Tensor("int32", (1, 2), data=4)}),
        ("RESIZE_NEAREST_NEIGHBOR", {"i1": i32(4)}),
    ],
    "resize_shape": [
        ("RESIZE_NEAREST_NEIGHBOR", {"i1": i32(1, 500_000)}),
        ("RESIZE_BILINEAR", {"i1": i32(1, 500_000)}),
    ],
    "resize_centers": [("RESIZE_BILINEAR", {"fields": {"halfPixelCenters": True, "alignCorners": True}})],
    "block_divides": [
        ("DEPTH_TO_SPACE", {"fields": {"blockSize": 3}}),
        ("SPACE_TO_DEPTH", {"fields": {"blockSize": 3}}),
        ("DEPTH_TO_SPACE", {"fields": {"blockSize": 0}}),
        ("SPACE_TO_DEPTH", {"fields": {"blockSize": 0}}),
    ],
    "block_elements": [("DEPTH_TO_SPACE", {"i0": {"shape": (1, 1, FAR, 4)}})],
    "batch_space_rank": [
        ("BATCH_TO_SPACE_ND", {"i0": {"shape": (4, 2)}}),
        ("SPACE_TO_BATCH_ND", {"o0": {"shape": (4, 2)}}),
    ],
    "batch_space_shape": [
        (
            "SPACE_TO_BATCH_ND",
            {"o0": {"shape": (4, 1200, 1200, 2)}, "i0": {"data": 0}, "i2": Tensor("int32", (2, 2), data=-(10**7))},
        )
    ],
    # recurrent, control flow, variables
    "lstm_inputs": [(LSTM, {"i9": i8(3, data=0)}), (LSTM, {"i1": None})],
    "lstm_types": [(LSTM, {"i1": {"type": "int16"}}), (LSTM, {"i19": {"type": "int8"}})],
    "lstm_types_assumed": [
        (
            LSTM,
            {
                "i0": {"type": "float32", "shape": (1, 1, 50_000)},
                "i18": {"type": "float32", "shape": (1, 1)},
                "i19": {"type": "float32", "shape": (1, 1)},
                "o0": {"type": "float32", "shape": (1, 1, 1)},
                **{f"i{i}": {"shape": (1, 50_000 if i < 5 else 1)} for i in range(1, 9)},
                **{f"i{i}": {"type": "float32", "shape": (1,)} for i in range(12, 16)},
            },
        )
    ],
    "lstm_scales": [
        (LSTM, {"i1": {"scale": -0.5}}),
        (LSTM, {"i0": {"scale": -0.5}}),
        (LSTM, {"i6": {"scale": [0.5] * 2}}),
    ],
    "scratch_in_a_run": [(op, {"change": twice}) for op in ("SVDF", "MEAN", "TRANSPOSE_CONV")],
    "variable_bytes": [("READ_VARIABLE", {"change": variables(read_shape=(0,)).change})],
    "state_variable": [(LSTM, {"i18": {"variable": False}}), ("SVDF", {"i4": {"variable": False}})],
    "lstm_shapes": [(LSTM, {"i5": {"shape": (3, 4)}}), (LSTM, {"o0": {"shape": (1, 2, 4)}})],
    "svdf_types": [("SVDF", {"i1": {"type": "int16"}}), ("SVDF", {"i3": {"type": "int16"}})],
    "svdf_state_type": [
        (
            "SVDF",
            {
                "i0": {"shape": (1, 1)},
                "i1": {"shape": (1, 1)},
                "fields": {"rank": 1},
                "i2": {"shape": (1, 9 * FAR // 2), "type": "int16"},
                "i3": bias(1),
                "i4": {"shape": (1, 9 * FAR // 2), "type": "int8"},
                "o0": {"shape": (1, 1)},
            },
        )
    ],
    "svdf_shapes": [
        ("SVDF", {"fields": {"rank": 3}}),
        ("SVDF", {"i4": {"shape": (1, 19)}}),
        ("SVDF", {"o0": {"shape": (1, 3)}}),
    ],
    "svdf_bias_scale": [("SVDF", {"i3": {"scale": 0.5}})],
    "quantize_types": [
        ("QUANTIZE", {"o0": {"type": "int32", "quantized": True}}),
        ("QUANTIZE", {"i0": {"type": "int64"}}),
        ("QUANTIZE", {"i0": {"type": "uint8"}, "o0": {"type": "uint8"}}),
    ],
    "quantize_one_scale": [("QUANTIZE", {"o0": {"quantized": False}}), ("QUANTIZE", {"o0": {"scale": [0.5, 0.5]}})],
    "if_condition": [("IF", {"i0": {"shape": (2,)}})],
    "called_counts": [("IF", {"inputs": [boolean(1), f32(2), f32(2)]}), ("WHILE", {"inputs": [f32(2), f32(2)]})],
    "loop_ends": [("WHILE", {"change": always_true}), ("WHILE", {"change": never_computed})],
    "called_sizes": [("IF", {"i1": {"shape": (3,)}}), ("WHILE", {"o0": {"shape": (3,)}})],
    "variable_handle": [
        ("READ_VARIABLE", {"change": lambda model: (variables().change(model), model.subgraphs[0].operators.pop(0))})
    ],
    "variable_assigned": [("READ_VARIABLE", {"change": branch_variables(assigned=False).change})],
    "variable_named": [("READ_VARIABLE", {"change": variables(named=False, handles=2).change})],
}

# More models that keep the rules: other types, ranks and options of the tiny models.
KEPT: list[tuple[str, dict[str, Any]]] = [
    ("ADD", {"i1": {"shape": (3,)}}),
    ("WHILE", {"change": never_loops}),
    ("ADD", {"i0": {"type": "int32"}, "i1": {"type": "int32"}, "o0": {"type": "int32"}}),
    ("FULLY_CONNECTED", {"i2": None}),
    ("FULLY_CONNECTED", {"i1": {"type": "int4"}}),
    ("FULLY_CONNECTED", {"i1": {"scale": [0.5] * 4}, "i2": bias(4, scale=[0.25] * 4)}),
    ("CONV_2D", {"i1": {"scale": [0.5] * 3}, "i2": bias(3, scale=[0.25] * 3)}),
    ("CONV_2D", {"i1": {"type": "int4"}}),
    ("SOFTMAX", {"o0": {"type": "int16", "scale": 1 / 65536, "zero": -32768}}),
    ("RESHAPE", {"inputs": 1}),
    ("SLICE", {"i0": {"shape": ()}, "i1": NONE, "i2": NONE, "o0": {"shape": ()}}),
    *(
        (op, {"i1": NONE, "o0": {"shape": (2, 3, 4)}})
        for op in ("SUM", "MEAN", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_ALL")
    ),
    ("SUM", {"i0": {"shape": ()}, "i1": NONE, "o0": {"shape": ()}}),
    ("MIRROR_PAD", {"i0": {"shape": ()}, "i1": Tensor("int32", (0, 2), data=0), "o0": {"shape": ()}}),
    ("GATHER_ND", {"i1": Tensor("int32", (2, 0), data=0), "o0": {"shape": (2, 5, 3)}}),
    ("BROADCAST_ARGS", {"i0": NONE}),
    ("BROADCAST_ARGS", {"i0": i32(2, 1), "i1": i32(2, -2)}),
    ("STRIDED_SLICE", {"fields": {"shrinkAxisMask": 1}, "o0": {"shape": (3,)}}),
    (LSTM, {"inputs": lstm("float32").inputs, "outputs": lstm("float32").outputs}),
    (LSTM, {"inputs": lstm("int16").inputs, "outputs": lstm("int16").outputs}),
    ("SVDF", {"inputs": svdf().inputs, "outputs": svdf().outputs}),
    ("RELU", offline_plan(0, 16)),
    ("READ_VARIABLE", {"change": branch_variables().change}),
    ("RELU", detection(**DETECTS)),
    ("RELU", detection(**DETECTS | {"num_classes": 2, "use_regular_nms": True})),
    ("RELU", {"change": lambda model: setattr(model.operatorCodes[0], "version", 99)}),
    ("RELU", {"change": lambda model: setattr(model, "version", 9)}),
]

# warning: [(operator, edits)] of models that run all the same.
WARNED: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "ids_unchecked": [("GATHER", {}), ("EMBEDDING_LOOKUP", {})],
    "slow_broadcast": [
        ("ADD", {"i0": {"shape": (64, 32)}, "i1": {"shape": (32,)}, "o0": {"shape": (64, 32)}}),
        ("MUL", {"i0": {"shape": (64, 32)}, "i1": {"shape": ()}, "o0": {"shape": (64, 32)}}),
    ],
    "transposed_copy": [
        ("BATCH_MATMUL", {}),
        (
            "BATCH_MATMUL",
            {"fields": {"adjX": True, "adjY": True}, "i0": {"shape": (2, 4, 3)}, "i1": {"shape": (2, 5, 4)}},
        ),
    ],
    "root_of_negative": [("RSQRT", {"i0": {"type": "int8", "zero": -100}, "o0": {"type": "int8"}})],
    "integer_reduction_axes": [("MEAN", {"i1": i32(5), "o0": {"shape": (2, 3, 4)}})],
    "computed_divisor": [("DIV", {"i1": {"data": None}}), ("FLOOR_DIV", {"i1": {"data": None}})],
    "float_island": [("DEQUANTIZE", {})],
    "known_by_name": [("RELU", CIRCULAR_BUFFER)],
    "variables_brought": [("VAR_HANDLE", {})],
    "output_writable": [("RELU", {"o0": {"data": 0}})],
    "inputs_computed": [("RELU", on_graph(lambda graph: setattr(graph, "inputs", [])))],
    "writes_what_it_reads": [
        ("ADD", on_graph(lambda graph: setattr(graph.operators[0], "outputs", graph.operators[0].inputs[:1])))
    ],
    "scales_positive": [("RELU", {"i0": {"scale": 0.0}})],
    "svdf_state_kept": [("SVDF", {})],
    "lstm_state_kept": [(LSTM, {})],
    "state_unplanned": [("SVDF", offline_plan(0, -1, -1, -1, 64, 128))],
    "shape_fixed": [("RELU", {"i0": {"signature": (-1, 3)}})],
}


def table_cases() -> list[tuple[str, str, dict]]:
    """(rule, operator, edits) from the table of operators: a type that no kernel has, and an input too few."""
    from convert.tflm.rules.operators import OPERATORS, count_range
    from tests.support.agreement_bases import BASES

    cases: list[tuple[str, str, dict]] = []
    for op, kernel in OPERATORS.items():
        if op not in BASES or BASES[op].op != op or BASES[op].change:
            continue
        for roles, kind, _ in kernel.clauses:
            name = {":": "type_has_kernel", "=": "types_equal"}.get(kind)
            cases += [
                (name, op, {role: {"type": "uint64", "quantized": None, "data": None}})
                for role in roles
                if name and role[1] != "*"
            ]
        least = count_range(kernel.inputs)[0]
        cases += [("input_count", op, {"inputs": BASES[op].inputs[: least - 1]})] if least else []
    return cases
