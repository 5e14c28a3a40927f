"""For every rule at least one model that breaks it (`cases_of_*.py`): an operator and edits of its tiny model.

A rule that TFLM does not check in release builds is broken so badly that the interpreter must crash: reading or writing
far beyond a tensor of some bytes. What keeps a rule are the tiny models themselves, and `KEPT`.
"""

from typing import Any

from tests.support.agreement_bases import bias, branch_variables, i32, lstm, svdf
from tests.support.agreement_edits import (
    CIRCULAR_BUFFER,
    DETECTS,
    LSTM,
    NONE,
    Cases,
    detection,
    never_loops,
    offline_plan,
    on_graph,
)
from tests.support.agreement_models import Tensor
from tests.support.cases_of_files import OF_FILES
from tests.support.cases_of_flow import OF_FLOW
from tests.support.cases_of_numbers import OF_NUMBERS
from tests.support.cases_of_shapes import OF_SHAPES

CASES: Cases = OF_FILES | OF_NUMBERS | OF_SHAPES | OF_FLOW

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
    "softmax_sum": [  # of one large value and small ones: of like ones the interpreter aborts
        ("SOFTMAX", {"i0": {"shape": (1, 512), "data": [127] + 511 * [-128]}, "o0": {"shape": (1, 512)}})
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
