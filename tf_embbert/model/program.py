"""A folded model as a list of steps: what `convert` lowers of every model that is not an EmbBERT.

A step is one operator of the device (or a few that belong together), named as the tensor it makes. The same list is run
in Keras (`quantization/steps.py`) and written as integers (`convert/lowering/steps.py`). A model becomes a program by a
fold: `quantization/fold_transformer.py` is one, docs/own-block.md tells how to write another. No TensorFlow in here.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from tf_embbert.common.errors import UserError
from tf_embbert.model.folded import Array, FoldedModel

TOKENS, SEGMENTS, LOGITS = "tokens", "segments", "logits"  # tensors that every program has, pairs the second one

# What there is, by kind: (what it reads, the weights it has). B = batch, L = tokens, d = width of what it reads.
KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "features": ("tokens", ("token", "position", "segment")),  # [B, L] -> [B, L, r + r (+ 1)], rows side by side
    "lookup": ("ids", ("table",)),  # [B, L] -> [B, L, d]
    "positions": ("tokens", ("table",)),  # the first L rows of a table -> [B, L, d]
    "dense": ("x", ("kernel", "bias")),  # kernel [m, d], perhaps a bias [m], perhaps ReLU -> [B, L, m]
    "unit_norm": ("x", ()),  # x / |x|, the norm of every model: gains are folded into what comes after
    "first": ("x", ()),  # the row of [CLS] -> [B, 1, d]
    "scores": ("query keys tokens", ()),  # query keys^T, lowest at pads -> [B, q, L]
    "softmax": ("x", ()),
    "mix": ("weights values", ("bias",)),  # weights values -> [B, q, d]
    "join": ("x ..", ()),  # channels of several tensors side by side
    "conv": ("x", ("kernel", "bias")),  # causal depthwise convolution, kernel [k, d]
    "gate": ("x", ()),  # 1 / (1 + exp(-x))
    "multiply": ("x y", ()),
    "add": ("x y", ()),
    "scale": ("x", ("gain",)),  # x times a gain [d] of each channel
    "scan": ("x z b", ("decay",)),  # h = exp(-A s) h + s x b, s = softplus(z), A = decay [e, n] -> [B, L, e n], int16
    "readout": ("h c", ()),  # sum over n of h c: [B, L, e n], [B, L, n] -> [B, L, e]
    "lengths": ("x tokens", ()),  # of each channel over the tokens: sqrt(sum x^2) -> [B, d]
    "over_root": ("x tokens", ()),  # x / sqrt(number of tokens): [B, d] -> [B, d]
}
OPTIONAL = {"bias", "segment"}
TABLE_KINDS = ("features", "lookup", "positions")


@dataclass(frozen=True)
class Step:
    """One operator.

    Args:
        kind: one of KINDS.
        name: of the tensor it makes.
        inputs: names of the tensors it reads.
        weights: names of its arrays, by what they are to it.
        options: "activation" of a dense ("relu"), "epsilon" of a unit_norm.
    """

    kind: str
    name: str
    inputs: tuple[str, ...]
    weights: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Program:
    """A folded model: steps in the order they run, and their arrays, float32.

    Args:
        steps: the last one makes the logits.
        weights: arrays by name; dense kernels are [out, in].

    Raises:
        UserError: a step of no known kind, one that reads what no step before it made, or an array that is not there.
    """

    steps: tuple[Step, ...]
    weights: Mapping[str, Array]

    def __post_init__(self) -> None:
        made = {TOKENS, SEGMENTS}
        for step in self.steps:
            if step.kind not in KINDS:
                raise UserError(f"step {step.name}: no kind {step.kind!r}; there are {', '.join(KINDS)}")
            _require(step, "reads", set(step.inputs) - made)
            _require(step, "has", set(step.weights.values()) - set(self.weights))
            _require(step, "lacks", set(KINDS[step.kind][1]) - OPTIONAL - set(step.weights))
            made.add(step.name)
        if not self.steps or self.steps[-1].name != LOGITS:
            raise UserError(f"the last step of a program makes {LOGITS!r}")

    @property
    def is_pair(self) -> bool:
        """Whether its texts are pairs."""
        return any(SEGMENTS in step.inputs or "segment" in step.weights for step in self.steps)

    @cached_property
    def symmetric(self) -> set[str]:
        """Tensors whose zero point is 0: FULLY_CONNECTED takes other operators' outputs as weights with that only, so
        keys and values are, and the rows that values are made of; so are tables, which are weights themselves.
        """
        makers = {step.name: step for step in self.steps}
        values = {step.inputs[1] for step in self.steps if step.kind == "mix"}
        rows = {makers[name].inputs[0] for name in values if makers[name].kind == "dense"}
        keys = {step.inputs[1] for step in self.steps if step.kind == "scores"}
        scanned = {name for step in self.steps if step.kind == "scan" for name in (step.inputs[0], step.inputs[2])}
        return values | rows | keys | scanned | {step.name for step in self.steps if step.kind in TABLE_KINDS}

    @cached_property
    def normed(self) -> dict[str, float]:
        """Tensors that norms read, and what share of their readers these are: less than 1 of a sum that a later one
        reads, or a pool, for what it loses of a long row is lost to all that comes after.
        """
        readers: dict[str, list[bool]] = {}
        for step in self.steps:
            for name in step.inputs:
                readers.setdefault(name, []).append(step.kind == "unit_norm")
        return {name: sum(norms) / len(norms) for name, norms in readers.items() if any(norms)}

    @property
    def max_length(self) -> int:
        """Rows of the position table."""
        places = {"features": "position", "positions": "table"}
        names = [step.weights[places[step.kind]] for step in self.steps if step.kind in places]
        return min(len(self.weights[name]) for name in names)

    @property
    def vocab_size(self) -> int:
        """Rows of the token table."""
        tables = {"features": "token", "lookup": "table"}
        names = [s.weights[tables[s.kind]] for s in self.steps if s.kind in tables and s.inputs[0] == TOKENS]
        return min(len(self.weights[name]) for name in names)

    def arrays(self) -> dict[str, Array]:
        """The weights by name."""
        return dict(self.weights)

    def with_arrays(self, arrays: Mapping[str, Array]) -> "Program":
        """The same steps with other weights."""
        return Program(self.steps, dict(arrays))

    def to_archive(self) -> dict[str, Array]:
        """Arrays, and the steps as JSON: what a run stores."""
        return self.arrays() | {"program": np.array(json.dumps([asdict(step) for step in self.steps]))}

    @classmethod
    def from_archive(cls, archive: Mapping[str, Array]) -> "Program":
        """The program that `to_archive` gave.

        Raises:
            UserError: it is damaged.
        """
        try:
            listed = json.loads(str(archive["program"]))
            steps = tuple(Step(**{**step, "inputs": tuple(step["inputs"])}) for step in listed)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"the steps of a folded model cannot be read ({error}): train again") from None
        return cls(steps, {name: value for name, value in archive.items() if name != "program"})


Folded: TypeAlias = FoldedModel | Program  # what is calibrated, stored and lowered


def read_folded(archive: Mapping[str, Array]) -> Folded:
    """The folded model of an archive; raises as both `from_archive` do."""
    return (Program if "program" in archive else FoldedModel).from_archive(archive)


def _require(step: Step, verb: str, wrong: set[str]) -> None:
    if wrong:
        raise UserError(f"step {step.name} {verb} {', '.join(sorted(wrong))}")
