"""Remedies that rewrite a graph, applied to it: reshape before the operator, in pieces, as two operators."""

from collections.abc import Callable
from copy import copy
from typing import Any

import pytest

from convert.tflite.model import schema
from convert.tflm.support import check_bytes
from tests.support.agreement_bases import BASES, f32, i8, i32
from tests.support.agreement_cases import CASES
from tests.support.agreement_models import Spec, Tensor, operator, operator_code
from tests.support.agreement_truth import measure

RELU6 = schema.ActivationFunctionType.RELU6


def within(op: str, edits: dict[str, Any], before: list[tuple[int, ...]], after: tuple[int, ...]) -> bytes:
    """A model of fewer dimensions between reshapes: its inputs and its output have the shapes that they had."""

    def change(model: schema.ModelT) -> None:
        graph = model.subgraphs[0]
        model.operatorCodes.append(operator_code("RESHAPE"))
        given, made = [int(i) for i in graph.inputs], int(graph.outputs[0])
        count = len(graph.tensors)
        graph.tensors += [reshaped(graph.tensors[i], shape) for i, shape in zip((*given, made), (*before, after))]
        graph.inputs, graph.outputs = list(range(count, count + len(given))), [count + len(given)]
        first = [operator(1, [outer], [inner]) for outer, inner in zip(graph.inputs, given)]
        graph.operators = [*first, *graph.operators, operator(1, [made], list(graph.outputs))]

    return BASES[op].edited(edits | {"change": change}).build()


def reshaped(tensor: schema.TensorT, shape: tuple[int, ...]) -> schema.TensorT:
    twin = copy(tensor)
    twin.shape = list(shape)
    return twin


def then(op: str, follower: str, edits: dict[str, Any]) -> bytes:
    """A model, and an operator after it."""

    def change(model: schema.ModelT) -> None:
        graph = model.subgraphs[0]
        model.operatorCodes.append(operator_code(follower))
        graph.tensors.append(copy(graph.tensors[graph.outputs[0]]))
        graph.operators.append(operator(1, [int(graph.outputs[0])], [len(graph.tensors) - 1]))
        graph.outputs = [len(graph.tensors) - 1]

    return BASES[op].edited(edits | {"change": change}).build()


def joined_twice() -> bytes:
    """Eleven tensors: ten, and what comes of them with the last."""

    def change(model: schema.ModelT) -> None:
        graph = model.subgraphs[0]
        (join,) = graph.operators
        twin, graph.tensors = copy(graph.tensors[int(graph.outputs[0])]), list(graph.tensors)
        twin.shape, count = [2, 10], len(graph.tensors)
        graph.tensors.append(twin)
        ends = list(join.inputs)
        again = operator(0, [count, int(ends[10])], [int(graph.outputs[0])], "ConcatenationOptions", {"axis": 1})
        join.inputs, join.outputs = [int(i) for i in ends[:10]], [count]
        graph.operators = [join, again]

    return BASES["CONCATENATION"].edited(CASES["concatenation_count"][0][1] | {"change": change}).build()


# rule: (which of its models, the model after the rewrite)
REWRITES: dict[str, tuple[int, Callable[[], bytes]]] = {
    "l2_normalization_rank": (0, lambda: within("L2_NORMALIZATION", {}, [(1, 1, 1, 2, 3)], (1, 1, 1, 2, 3))),
    "transpose_rank": (0, lambda: within("TRANSPOSE", {}, [(1, 1, 1, 1, 2, 3)], (1, 1, 1, 1, 3, 2))),
    "pad_rank": (
        0,
        lambda: within(
            "PAD",
            {"i1": Tensor("int32", (2, 2), data=0), "o0": {"shape": (2, 3)}},
            [(1,) * 4 + (2, 3)],
            (1,) * 4 + (2, 3),
        ),
    ),
    "slice_rank": (
        0,
        lambda: within(
            "SLICE",
            {"i0": {"shape": (1,)}, "i1": i32(0), "i2": i32(1), "o0": {"shape": (1,)}},
            [(1, 1, 1, 1, 1, 1)],
            (1,),
        ),
    ),
    "concatenation_rank": (
        0,
        lambda: within("CONCATENATION", {}, [(1, 1, 1, 1, 2, 3), (1, 1, 1, 1, 2, 1)], (1, 1, 1, 1, 2, 4)),
    ),
    "strided_slice_rank": (0, lambda: within("STRIDED_SLICE", {}, [(1, 1, 1, 4, 6)], (1, 1, 1, 2, 3))),
    "matmul_rank": (
        1,
        lambda: within("BATCH_MATMUL", {}, [(1, 1, 1, 2, 3, 4), (1, 1, 1, 2, 4, 5)], (1, 1, 1, 2, 3, 5)),
    ),
    "prelu_rank": (
        0,
        lambda: within(
            "PRELU", {"i0": f32(2, 3), "i1": f32(1, 3, data=1), "o0": f32(2, 3)}, [(1, 1, 1, 2, 3)], (1, 1, 1, 2, 3)
        ),
    ),
    "kernel_rank": (0, lambda: BASES["RELU"].edited({role: {"shape": (1,) * 6} for role in ("i0", "o0")}).build()),
    "softmax_rank": (0, lambda: within("SOFTMAX", {"i0": {"shape": (1,)}, "o0": {"shape": (1,)}}, [()], ())),
    "image_rank": (0, lambda: within("DEPTH_TO_SPACE", {}, [(1, 1, 4)], (2, 2, 1))),
    "l2_pool_rank": (0, lambda: within("L2_POOL_2D", {}, [(4, 4, 2)], (3, 3, 2))),
    "batch_space_rank": (0, lambda: within("BATCH_TO_SPACE_ND", {}, [(4, 2)], (1, 2, 2, 2))),
    "no_fused_activation": (0, lambda: then("CONCATENATION", "RELU6", {})),
    "concatenation_count": (0, joined_twice),
    "no_custom_options": (0, lambda: BASES["RELU"].build()),
    "weights_type": (0, lambda: BASES["FULLY_CONNECTED"].build()),
    "dense_scale_count": (0, lambda: BASES["FULLY_CONNECTED"].build()),
    "select_shapes": (
        0,
        lambda: Spec("SELECT_V2", [Tensor("bool", (2, 1)), f32(2, 3), f32(1, 3)], [f32(2, 3)]).build(),
    ),
    "divisor_not_zero": (0, lambda: BASES["FLOOR_DIV"].build()),
    "extreme_grid": (0, lambda: BASES["REDUCE_MAX"].build()),
    "pool_grid": (0, lambda: BASES["MAX_POOL_2D"].build()),
    "concatenation_grids": (0, lambda: BASES["CONCATENATION"].edited({"i1": i8(2, 1), "o0": i8(2, 4)}).build()),
    "prelu_alpha_type": (0, lambda: BASES["PRELU"].build()),
    "bias_type": (0, lambda: BASES["FULLY_CONNECTED"].build()),
    "variable_in_memory": (0, lambda: BASES["READ_VARIABLE"].build()),
    "resize_centers": (0, lambda: BASES["RESIZE_BILINEAR"].build()),
    "constant_input": (0, lambda: BASES["PAD"].build()),
}


@pytest.mark.parametrize("rule", REWRITES)
def test_the_remedy_is_given_and_the_rewrite_runs(rule: str) -> None:
    number, after = REWRITES[rule]
    op, edits = CASES[rule][number]
    refusals = check_bytes(BASES[op].edited(edits).build(), rule, "reference")["refusals"]
    assert rule in [entry["rule"] for entry in refusals] and all(entry["remedy"] for entry in refusals)
    model = after()
    assert check_bytes(model, rule, "reference")["refusals"] == []
    assert measure([model])[0]["runs"], rule
