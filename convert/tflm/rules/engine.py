"""Asks a model all rules."""

from functools import cache
from itertools import groupby

import convert.tflm.rules  # noqa: F401 (fills the lists of rules)
from convert.tflite import schema
from convert.tflite.model import operator_name, text
from convert.tflite.view import Model, Operator, vector
from convert.tflm.libraries import library_of
from convert.tflm.rules.operators import CUSTOM_OPERATORS, OPERATORS
from convert.tflm.rules.registry import CMSIS_NN, RULES, Asked, Detail, Rule, StructureRule
from convert.tflm.rules.remedies import remedy_for
from convert.tflm.rules.structure import STRUCTURE, SUBJECTS, subjects

ORDERED = sorted(STRUCTURE, key=lambda rule: SUBJECTS.index(rule.subject))


def asked_of(kernels: str, core: str | None = None) -> Asked:
    """Whose rules hold for kernels, or for a library, on a core; ours leave to CMSIS-NN's what they do not compute."""
    library, ours = library_of(kernels), kernels == "fast"
    return Asked("cmsis_nn" if ours else kernels, core, library.holds if library else (), ours)


def ask_rules(unpacked: schema.ModelT, asked: Asked = CMSIS_NN) -> tuple[list[dict], list[dict]]:
    """Refusals and warnings of a model.

    Args:
        unpacked: the model as `read_model` gives it, whatever is in it.
        asked: the kernels and the core that it is to run on.

    Returns:
        Two lists of {op, index, tensor, tensor_name, rule, reason, requires, kernel, remedy}: the operator and its
        place in the graph; the tensor; the rule's name; what is wrong; what the rule asks for; the file that asks for
        it (from tensorflow/lite/micro/); what to do. None stands for what has no operator or tensor.
    """
    broken = _ask_structure(unpacked)
    if broken:
        return broken, []
    refusals: list[dict] = []
    warnings: list[dict] = []
    for op in Model(unpacked).operators:
        for rule, detail in _ask_operator(op, asked):
            (warnings if rule.warning else refusals).append(_entry(rule, op, detail))
    return refusals, warnings


def _ask_structure(unpacked: schema.ModelT) -> list[dict]:
    """What is wrong with a model's parts. Kinds of subjects build on each other: only the first that fails is told."""
    for kind, rules in groupby(ORDERED, key=lambda rule: rule.subject):
        checks = list(rules)
        broken = [
            _structure_entry(unpacked, rule, words, place)
            for parts, *place in subjects(unpacked, kind)
            for rule in checks
            for ok, words in [rule.check(*parts)]
            if not ok
        ]
        if broken:
            return broken
    return []


@cache
def _stages(operator: str, asked: Asked) -> list[list[Rule]]:
    """The rules that concern an operator, stage by stage."""
    rules = sorted((rule for rule in RULES if rule.concerns(operator, asked)), key=lambda rule: rule.stage)
    return [list(alike) for _, alike in groupby(rules, key=lambda rule: rule.stage)]


def _ask_operator(op: Operator, asked: Asked) -> list[tuple[Rule, Detail]]:
    """The rules that an operator breaks, of the first stage at which it breaks one that refuses it; and warnings."""
    found = []
    for rules in _stages(op.name, asked):
        verdicts = [(rule, *rule.check(op)) for rule in rules]
        found += [(rule, detail) for rule, ok, detail in verdicts if not ok and detail is not None]
        if any(not rule.warning for rule, _ in found):
            break
    return found


def _entry(rule: Rule, op: Operator, detail: Detail) -> dict:
    tensor, words = detail
    index, name = (None, None) if tensor is None else (tensor.index, tensor.name)
    source = OPERATORS[op.name].path if op.name in OPERATORS else CUSTOM_OPERATORS.get(op.name)
    return {
        "op": op.name,
        "index": op.index,
        **({"graph": op.graph.index} if len(op.model.graphs) > 1 else {}),
        "tensor": index,
        "tensor_name": name,
        "rule": rule.name,
        "reason": _reason(index, name, words),
        "requires": rule.message,
        "kernel": rule.kernel or source,
        "remedy": remedy_for(rule, op, tensor),
    }


def _structure_entry(unpacked: schema.ModelT, rule: StructureRule, words: str, place: list) -> dict:
    g, op, index = place
    graph = unpacked.subgraphs[g]
    name = None if index is None else text(graph.tensors[index].name)
    knows_code = op is not None and graph.operators[op].opcodeIndex < len(vector(unpacked.operatorCodes))
    return {
        "op": operator_name(unpacked, graph.operators[op]) if knows_code else None,
        "index": op,
        **({"graph": g} if len(unpacked.subgraphs) > 1 else {}),
        "tensor": index,
        "tensor_name": name,
        "rule": rule.name,
        "reason": _reason(index, name, words),
        "requires": rule.message,
        "kernel": rule.kernel,
        "remedy": rule.remedy,
    }


def _reason(tensor: int | None, name: str | None, words: str) -> str:
    place = "" if tensor is None else f"tensor {tensor}{f' ({name})' if name else ''} "
    return place + words
