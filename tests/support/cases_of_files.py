"""Models that break the rules of the file and of every operator."""

from tests.support.agreement_bases import i8, i32
from tests.support.agreement_edits import (
    DETECTION,
    DETECTS,
    FAR,
    Cases,
    custom_options,
    detection,
    offline_plan,
    on_graph,
    outside,
    plan_entry,
    sparse,
)
from tests.support.agreement_models import Tensor

OF_FILES: Cases = {
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
}
