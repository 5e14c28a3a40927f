"""SUPPORTED_OPS.md, from the tables and docstrings that also decide and explain."""

from collections.abc import Sequence

import convert.tflm.rules  # noqa: F401 (fills the lists of rules)
from convert.tflm.libraries import LIBRARIES, Library
from convert.tflm.rules.operators import CUSTOM_OPERATORS, OPERATORS
from convert.tflm.rules.registry import RULES, Rule, StructureRule
from convert.tflm.rules.structure import STRUCTURE

HEAD = """# What TensorFlow Lite Micro runs

Written by `python -m convert.check --supported-ops`; a test holds it equal. `python -m convert.check MODEL.tflite` asks
a model all of it. Kernels were read at tensorflow/tflite-micro 90b983c2b (reference kernels, files from
tensorflow/lite/micro/); what the rules say was compared with the interpreter of the `tflite-micro` package, built from
8f6596d two months later, and where the two differ the package decides: `python -m benchmarks.agreement`.
What only holds with CMSIS-NN stands last; it was compared with firmware on Cortex-M4, M7 and M55:
`python -m benchmarks.kernel_agreement`.

TFLM does not read operator versions, nor the version of the schema. Rules marked *unchecked* are not checked by release
builds of TFLM: such a model reads or writes beyond its tensors, or computes nonsense, instead of being refused.
"""
TYPES = """
## Operators

`o0: int8 float32`: the kernel has code for an output of these types; `i1 = i0`: it checks that the types are equal;
`i1 ~ int32`: it takes the type for granted. `2+` inputs are two or more, `2-3` two or three.

| operator | kernel | inputs | outputs | types |
|---|---|---|---|---|
"""


def supported_operators() -> str:
    """The text of SUPPORTED_OPS.md."""
    cmsis_nn = [rule for rule in RULES if rule.kernels == "cmsis_nn"]
    older = [rule for rule in RULES if rule.kernels in LIBRARIES]
    refusals = [rule for rule in RULES if not rule.warning and rule not in cmsis_nn + older]
    warnings = [rule for rule in RULES if rule.warning and rule not in cmsis_nn + older]
    lines = [
        f"| {name} | `{kernel.path}` | {kernel.inputs} | {kernel.outputs} | {kernel.types or 'see below'} |"
        for name, kernel in sorted(OPERATORS.items())
    ]
    customs = ", ".join(f"`{name}`" for name in sorted(CUSTOM_OPERATORS))
    return "".join(
        [
            HEAD,
            TYPES,
            "\n".join(lines),
            "\n\nCustom operators besides: ",
            customs,
            ".\n",
            _table("Rules of operators", refusals),
            _table("Rules of the file", STRUCTURE),
            _table("Warnings", warnings),
            _table("With CMSIS-NN: refused", [rule for rule in cmsis_nn if not rule.warning]),
            _table(
                "With CMSIS-NN: other answers than the reference kernels, warned of", [r for r in cmsis_nn if r.warning]
            ),
            *(
                _library(library, [rule for rule in older if rule.kernels == library.id])
                for library in LIBRARIES.values()
            ),
        ]
    )


def _table(title: str, rules: Sequence[Rule | StructureRule]) -> str:
    rows = [
        f"| {_scope(rule)} | {rule.message}{' *(unchecked)*' if rule.unchecked else ''} | {rule.remedy} | "
        f"`{rule.name}` |"
        for rule in rules
    ]
    return "\n".join([f"\n## {title}\n", "| of | rule | remedy | name |", "|---|---|---|---|", *rows]) + "\n"


def _library(library: Library, rules: Sequence[Rule]) -> str:
    """What a library has not, and which rules hold with it."""
    types = ", ".join(
        f"{op} in {' and '.join(sorted({name.lower() for names in roles.values() for name in names}))}"
        for op, roles in library.lacks_types.items()
    )
    lines = [
        f"\n## With `--tflm {library.id}`\n",
        f"[{library.title}]({library.repository}) {library.commit[:9]} of {library.date}: {library.tflm}. How it was "
        f"found: {library.how}.",
        f"It lacks {', '.join(library.lacks) or 'no operator'}; and {types or 'no type'}.",
        f"Rules of CMSIS-NN that hold: {', '.join(f'`{name}`' for name in library.holds) or 'none'}.",
    ]
    return "\n".join(lines) + "\n" + (_table(f"Rules of {library.title}", rules) if rules else "")


def _scope(rule: Rule | StructureRule) -> str:
    if isinstance(rule, StructureRule):
        return rule.subject
    cores = f" on {' and '.join(rule.cores)}" if rule.cores else ""
    return (", ".join(rule.operators) or "all") + cores
