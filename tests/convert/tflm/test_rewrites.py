"""Remedies that rewrite a graph, applied to it: reshape before the operator, in pieces, as two operators."""

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any

import pytest

from convert.tflite.model import schema
from convert.tflm.support import check_bytes
from tests.support.agreement_bases import BASES, f32, i8, i32
from tests.support.agreement_cases import CASES, WARNED
from tests.support.agreement_edits import DETECTS, detection
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


def before_it(op: str, role: str, first: str, edits: dict[str, Any], given: dict[str, Any]) -> bytes:
    """A model with another operator before one of its inputs, which that one takes of another kind."""
    spec = BASES[op].edited(edits)
    inner = spec.inputs[int(role[1:])]
    number = [tensor for tensor in spec.inputs if tensor is not None and tensor.data is None].index(inner)
    before = spec.change

    def change(model: schema.ModelT) -> None:
        if before:
            before(model)
        graph = model.subgraphs[0]
        model.operatorCodes.append(operator_code(first))
        graph.tensors.append(replace(inner, **given).pack(model.buffers))
        made, graph.inputs = int(graph.inputs[number]), [int(i) for i in graph.inputs]
        graph.inputs[number] = len(graph.tensors) - 1
        graph.operators = [operator(1, [graph.inputs[number]], [made]), *graph.operators]

    return spec.edited({"change": change}).build()


def compared_smaller(op: str) -> bytes:
    """A comparison of int8 in a scale below 1, to which one input is brought."""
    int8 = {"type": "int8", "scale": 0.5}
    return before_it(op, "i0", "QUANTIZE", {"i0": int8, "i1": int8}, {"scale": 2.0})


def dequantised(op: str, edits: dict[str, Any]) -> bytes:
    """A model whose first input is int8, and becomes float32 before it."""
    return before_it(op, "i0", "DEQUANTIZE", edits, {"type": "int8"})


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
    "broadcast_to_shape": (2, lambda: within("BROADCAST_TO", {}, [(1, 1, 1, 1, 1, 3)], (1, 1, 1, 1, 2, 3))),
    "pool_shape": (0, lambda: within("MAX_POOL_2D", {}, [(4, 4, 2)], (18,))),
    "convolution_rank": (0, lambda: within("CONV_2D", {}, [(4, 4, 2)], (27,))),
    "broadcast_to_output": (
        0,
        lambda: within(
            "ADD", {"i0": {"shape": (3, 2)}, "i1": {"shape": (3, 2)}, "o0": {"shape": (3, 2)}}, [(2, 3)] * 2, (6,)
        ),
    ),
    "comparison_scales": (0, lambda: compared_smaller("LESS")),
    "inputs_not_empty": (1, lambda: BASES["BATCH_TO_SPACE_ND"].build()),
    "add_n_grids": (0, lambda: BASES["ADD_N"].build()),
    "int32_unquantized": (0, lambda: BASES["ADD"].edited({r: {"type": "int32"} for r in ("i0", "i1", "o0")}).build()),
    "detection_types": (0, lambda: dequantised("RELU", detection(**DETECTS))),
    "offline_plan_complete": (0, lambda: BASES["RELU"].build()),
    "scratch_in_a_run": (0, lambda: BASES["SVDF"].build()),
    "no_intermediates": (0, lambda: BASES["RELU"].build()),
    "dense_int4_per_tensor": (0, lambda: BASES["FULLY_CONNECTED"].edited({"i1": {"type": "int4"}}).build()),
}
# warning: (which of its models, the model after the rewrite, which is not warned of)
UNWARNED: dict[str, tuple[int, Callable[[], bytes]]] = {
    "slow_broadcast": (0, lambda: BASES["ADD"].edited({r: {"shape": (64, 32)} for r in ("i0", "i1", "o0")}).build()),
    "transposed_copy": (
        0,
        lambda: BASES["BATCH_MATMUL"].edited({"fields": {"adjY": True}, "i1": {"shape": (2, 5, 4)}}).build(),
    ),
    "root_of_negative": (
        0,
        lambda: BASES["RSQRT"].edited({"i0": {"type": "int8", "zero": -128}, "o0": {"type": "int8"}}).build(),
    ),
    "computed_divisor": (0, lambda: BASES["DIV"].edited({"i1": {"data": 1}}).build()),
    "output_writable": (0, lambda: BASES["RELU"].build()),
    "inputs_computed": (0, lambda: BASES["RELU"].build()),
    "writes_what_it_reads": (0, lambda: BASES["ADD"].build()),
    "shape_fixed": (0, lambda: BASES["RELU"].build()),
    "state_unplanned": (0, lambda: BASES["SVDF"].build()),
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


@pytest.mark.parametrize("rule", UNWARNED)
def test_the_warning_goes_with_the_rewrite(rule: str) -> None:
    number, after = UNWARNED[rule]
    op, edits = WARNED[rule][number]

    def warned(model: bytes) -> list[str]:
        report = check_bytes(model, rule, "reference")
        assert report["supported"]
        return [entry["rule"] for entry in report["warnings"]]

    model = after()
    assert rule in warned(BASES[op].edited(edits).build()) and rule not in warned(model)
    assert measure([model])[0]["runs"], rule
