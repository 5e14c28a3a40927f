"""The sizes of a baseline: one dataclass, its presets from presets.yaml."""

import dataclasses
from pathlib import Path
from typing import Any

import yaml

from tf_embbert.common.errors import UserError, nearest

PRESETS = yaml.safe_load((Path(__file__).parent / "presets.yaml").read_text())
KINDS = ("transformer", "efficient", "mamba", "embedder")
POOLINGS = ("first", "rms")


@dataclasses.dataclass(frozen=True)
class BaselineConfig:
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

    Raises:
        UserError: an unknown kind or pooling, a size below 1, heads that do not divide the width.
    """

    kind: str
    vocab_size: int
    hidden_size: int
    pooling: str
    max_length: int = 256
    reduced_size: int | None = None
    num_blocks: int = 0
    inner_size: int = 0
    num_heads: int = 1
    kernel_size: int = 0
    state_size: int = 0
    dropout: float = 0.1

    def __post_init__(self) -> None:
        choices: tuple[str, ...]
        for name, choices in (("kind", KINDS), ("pooling", POOLINGS)):
            if getattr(self, name) not in choices:
                raise UserError(f"config: {name} must be {' or '.join(choices)}, not {getattr(self, name)!r}")
        needed: dict[str, tuple[str, ...]] = {"transformer": ("num_blocks", "inner_size")}
        needed["efficient"] = needed["transformer"]
        needed["mamba"] = ("num_blocks", "inner_size", "kernel_size", "state_size")
        for name in ("vocab_size", "hidden_size", "max_length", "num_heads", *needed.get(self.kind, ())):
            if getattr(self, name) < 1:
                raise UserError(f"config: {name} must be at least 1, not {getattr(self, name)!r}")
        if self.hidden_size % self.num_heads:
            raise UserError(f"config: {self.num_heads} heads do not divide a width of {self.hidden_size}")

    @classmethod
    def preset(cls, name: str, **overrides: Any) -> "BaselineConfig":
        """The config of a named preset, with some fields replaced; a UserError for an unknown name."""
        if name not in PRESETS:
            raise UserError(f"unknown baseline {name!r}; {nearest(name, PRESETS)} baselines: {', '.join(PRESETS)}")
        return cls(**{**PRESETS[name], **overrides})
