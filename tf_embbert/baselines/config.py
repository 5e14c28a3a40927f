"""The sizes of a baseline: one dataclass, its presets from presets.yaml."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import yaml

from tf_embbert.common.errors import UserError
from tf_embbert.model.config import EmbBERTConfig, ModelConfig

PRESETS = yaml.safe_load((Path(__file__).parent / "presets.yaml").read_text())
KINDS = ("transformer", "efficient", "mamba", "embedder")
POOLINGS = ("first", "rms")
NEEDED = {
    "transformer": ("num_blocks", "inner_size"),
    "efficient": ("num_blocks", "inner_size"),
    "mamba": ("num_blocks", "inner_size", "kernel_size", "state_size"),
    "embedder": (),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class BaselineConfig(ModelConfig):
    """Sizes of one baseline.

    Args:
        kind: what its blocks are, one of KINDS.
        vocab_size: V, rows of the token table.
        hidden_size: d, width of a token.
        pooling: what the head sees, one of POOLINGS: the first position, or the root mean square over all tokens.
        max_length: rows of the position table.
        reduced_size: r, width of the tables where they are expanded to d; None for tables of width d.
        num_blocks: number of blocks.
        inner_size: width inside a block: of the feed-forward part, or of a MAMBA's state space.
        num_heads: of a transformer's attention.
        kernel_size: taps of the causal convolution; 0 for none.
        state_size: numbers of state a channel of a MAMBA has.
        dropout: rate while training.
        token_dropout: share of ordinary tokens that training replaces by [UNK].

    Raises:
        UserError: an unknown kind or pooling, a size that is too small, heads that do not divide the width.
    """

    kind: str
    hidden_size: int
    pooling: str
    reduced_size: int | None = None
    num_blocks: int = 0
    inner_size: int = 0
    num_heads: int = 1
    kernel_size: int = 0
    state_size: int = 0
    dropout: float = 0.1
    token_dropout: float = 0.0

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS
    what: ClassVar[str] = "baseline"

    def __post_init__(self) -> None:
        for name, choices in (("kind", KINDS), ("pooling", POOLINGS)):
            if getattr(self, name) not in choices:
                raise UserError(f"config: {name} must be {' or '.join(choices)}, not {getattr(self, name)!r}")
        super().__post_init__()
        if self.hidden_size % self.num_heads:
            raise UserError(f"config: {self.num_heads} heads do not divide a width of {self.hidden_size}")

    def least(self, name: str) -> int:
        optional = {"num_blocks", "inner_size", "kernel_size", "state_size"} - set(NEEDED[self.kind])
        return 0 if name in optional else 1

    def build(self, num_classes: int) -> Any:
        from tf_embbert.baselines.classifier import build_classifier

        return build_classifier(self, num_classes)


def read_config(fields: Mapping[str, Any]) -> ModelConfig:
    """The config that a run's config.json has: of a baseline, of an EmbBERT, or of a model that is neither.

    Raises:
        UserError: a field that it does not know.
    """
    if "kind" in fields:
        return BaselineConfig.from_dict(fields)
    return (EmbBERTConfig if "hidden_size" in fields else ModelConfig).from_dict(fields)
