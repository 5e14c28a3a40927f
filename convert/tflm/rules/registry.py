"""What a rule is, and the list of all.

A rule is a function of an operator that gives (ok, detail). Its docstring is the message of a refusal and its row in
SUPPORTED_OPS.md; the detail says what this operator has instead.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from convert.tflite.view import Operator, Tensor

# Rules are asked stage by stage: those of a stage may rely on all before, so that a missing input is said once.
COUNT, TYPE, FORM, VALUE, ARENA = range(5)


class Detail(NamedTuple):
    """What breaks a rule: the tensor, None where it is not one tensor, and words about it."""

    tensor: Tensor | None
    words: str


class Asked(NamedTuple):
    """Whose rules are asked.

    Attributes:
        kernels: 'cmsis_nn', 'reference', or a library of `libraries.yaml`.
        core: None stands for every Cortex-M.
        also: rules of other kernels that hold too.
        ours: whether kernels of tflm_app/kernels are there.
    """

    kernels: str = "cmsis_nn"
    core: str | None = None
    also: tuple[str, ...] = ()
    ours: bool = False


CMSIS_NN = Asked()
Verdict = tuple[bool, Detail | None]
FINE: Verdict = (True, None)


@dataclass(frozen=True)
class Rule:
    """A rule and what its message needs.

    Attributes:
        name: of the function.
        check: the function.
        operators: the operators that it is about; empty for all.
        stage: COUNT, TYPE, FORM, VALUE or ARENA.
        remedy: what to do about it.
        kernel: the file that asks for it, from tensorflow/lite/micro/; None is the operator's kernel.
        unchecked: release builds of TFLM do not check it: they read or write beyond tensors, or compute nonsense.
        warning: the model runs all the same.
        kernels: the kernels that it is about; None for all.
        cores: the cores that it is about; empty for all.
        differs: those kernels answer otherwise than the reference kernels.
        without_ours: it is about kernels that ours are not among.
    """

    name: str
    check: Callable[[Operator], Verdict]
    operators: tuple[str, ...]
    stage: int
    remedy: str
    kernel: str | None
    unchecked: bool = False
    warning: bool = False
    kernels: str | None = None
    cores: tuple[str, ...] = ()
    differs: bool = False
    without_ours: bool = False

    @property
    def message(self) -> str:
        return " ".join(str(self.check.__doc__).split())

    def concerns(self, operator: str, asked: Asked) -> bool:
        return (
            (not self.operators or operator in self.operators)
            and (self.kernels in (None, asked.kernels) or self.name in asked.also)
            and (not self.cores or asked.core is None or asked.core in self.cores)
            and not (self.without_ours and asked.ours)
        )


@dataclass(frozen=True)
class StructureRule:
    """A rule of `structure.py`: its check takes parts of the unpacked file and gives (ok, words); else as `Rule`."""

    name: str
    check: Callable[..., tuple[bool, str]]
    subject: str
    remedy: str
    kernel: str
    unchecked: bool
    warning: bool = False

    @property
    def message(self) -> str:
        return " ".join(str(self.check.__doc__).split())


RULES: list[Rule] = []


def rule(operators: str, stage: int, remedy: str, kernel: str | None = None, **more: Any) -> Callable:
    """Puts a function among the rules; see `Rule`. `operators` are names with spaces between them."""

    def register(check: Callable[[Operator], Verdict]) -> Callable[[Operator], Verdict]:
        RULES.append(Rule(check.__name__, check, tuple(operators.split()), stage, remedy, kernel, **more))
        return check

    return register


def require(ok: bool, tensor: Tensor | None, words: str) -> Verdict:
    """The verdict of a rule about one tensor."""
    return FINE if ok else (False, Detail(tensor, words))


def first_broken(verdicts: list[Verdict]) -> Verdict:
    """The first verdict that is not fine."""
    return next((verdict for verdict in verdicts if not verdict[0]), FINE)
