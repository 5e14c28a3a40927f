"""The verdict of the rules against what TFLM's interpreter does, on models made to break or keep them."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from convert.tflm.rules.registry import RULES
from convert.tflm.rules.structure import STRUCTURE
from convert.tflm.support import check_bytes
from tests.support.agreement_bases import BASES
from tests.support.agreement_cases import CASES, KEPT, WARNED, table_cases
from tests.support.agreement_models import Spec
from tests.support.agreement_sweep import sweep
from tests.support.agreement_truth import ARENA_BYTES, measure
from tf_embbert.common.errors import UserError

UNCHECKED = {rule.name for rules in (RULES, STRUCTURE) for rule in rules if rule.unchecked}
KERAS_ARENA_BYTES = 1 << 22
Edited: TypeAlias = tuple[str | None, str, dict]  # a rule, an operator, and edits of its tiny model


@dataclass
class Case:
    """A model and what is expected of it: `broken` breaks `rule`, `kept` runs, `warned` runs and draws a warning; of
    `free` nothing is expected but that rules and interpreter agree.
    """

    kind: str
    rule: str | None
    what: str
    model: bytes


def rule_cases() -> list[Case]:
    """For every rule the models that break it, and models that keep all."""
    broken: list[Edited] = [
        (rule, op, edits) for rule, examples in CASES.items() for op, edits in examples
    ] + table_cases()
    warned: list[Edited] = [(rule, op, edits) for rule, examples in WARNED.items() for op, edits in examples]
    kept: list[Edited] = [(None, op, {}) for op in BASES] + [(None, op, edits) for op, edits in KEPT]
    return [
        Case(kind, rule, f"{rule or 'kept'}: {op} {_brief(edits)}", BASES[op].edited(edits).build())
        for kind, group in (("broken", broken), ("warned", warned), ("kept", kept))
        for rule, op, edits in group
    ]


def sweep_cases(sample: int | None = None, seed: int = 0) -> list[Case]:
    """Every operator's model with one thing changed, or a seeded sample of these."""
    bases = {op: base for op, base in BASES.items() if base.op == op}  # the others are of several operators
    places = [(op, i) for op, base in bases.items() for i, _ in enumerate(sweep(base))] if sample else None
    chosen = None
    if sample:
        rng = np.random.default_rng(seed)
        chosen = {places[i] for i in rng.choice(len(places), sample, replace=False)}
    found = {}
    for op, base in bases.items():
        for i, (what, spec) in enumerate(sweep(base)):
            if chosen is None or (op, i) in chosen:
                model = built(spec)
                if model and model not in found:
                    found[model] = Case("free", None, f"{op}: {what}", model)
    return list(found.values())


def compare(cases: list[Case], arena_bytes: int = ARENA_BYTES) -> list[tuple[Case, str, dict, dict]]:
    """(case, outcome, report, truth) of cases; each that differs is asked again in a process of its own. The outcome is
    `agree`, `false pass`, `false refusal`, `undefined` (refused by rules that TFLM does not check alone, and the
    interpreter ran it by luck), `too large` (for this arena) or `unexpected` (not what the case is for).
    """
    reports = [_report(case.model) for case in cases]
    truths = measure([case.model for case in cases], arena_bytes)
    outcomes = [_outcome(*things) for things in zip(cases, reports, truths)]
    for i in [i for i, outcome in enumerate(outcomes) if outcome not in ("agree", "too large")]:
        truths[i] = measure([cases[i].model], arena_bytes)[0] if outcomes[i] != "undefined" else truths[i]
        outcomes[i] = _outcome(cases[i], reports[i], truths[i])
    return list(zip(cases, outcomes, reports, truths))


def describe(judged: list[tuple[Case, str, dict, dict]]) -> list[str]:
    """What does not agree, in words."""
    return [
        f"{outcome}: {case.what}: rules {[entry['rule'] for entry in report['refusals']]}, TFLM {truth['said']}"
        for case, outcome, report, truth in judged
        if outcome not in ("agree", "undefined", "too large")
    ]


def _outcome(case: Case, report: dict, truth: dict) -> str:
    refused = {entry["rule"] for entry in report["refusals"]}
    if report["supported"] != truth["runs"]:
        if report["supported"]:
            return "too large" if any("Requested" in line for line in truth["log"]) else "false pass"
        if not (refused <= UNCHECKED and case.kind == "free"):
            return "false refusal"
        return "undefined"
    as_meant = {
        "broken": case.rule in refused,
        "kept": report["supported"],
        "free": True,
        "warned": case.rule in {entry["rule"] for entry in report["warnings"]},
    }[case.kind]
    return "agree" if as_meant else "unexpected"


def _report(model: bytes) -> dict:
    try:
        return check_bytes(model, "the model", "reference")
    except UserError as error:
        return {"supported": False, "refusals": [{"rule": f"damaged ({error})"}], "warnings": []}


def built(spec: Spec) -> bytes | None:
    """The model, None for an edit that no file can hold."""
    try:
        return spec.build()
    except (ValueError, TypeError, OverflowError):
        return None


def _brief(edits: dict) -> str:
    return str(edits)[:80]
