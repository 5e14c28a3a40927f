"""The sizes of an EmbBERT and its presets: one dataclass that every other module reads.

What every model's config has is `ModelConfig`; the paper's other models have theirs in `baselines/config.py`.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import yaml

from tf_embbert.common.errors import UserError, nearest

PAD, UNK, CLS, MASK, SEP = range(5)  # special token ids of the reference tokenizer

ACTIVATIONS = ("silu", "hard_swish")  # of the convolution's branch; the paper has SiLU

Config = TypeVar("Config", bound="ModelConfig")

PRESETS = yaml.safe_load((Path(__file__).parent / "presets.yaml").read_text())


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Sizes of a model on token ids, whatever it is made of.

    Args:
        vocab_size: V, rows of the token table.
        max_length: rows of the position table, the longest text in tokens.

    Raises:
        UserError: one of them is below 1.
    """

    vocab_size: int
    max_length: int = 256

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    what: ClassVar[str] = "model"  # as errors call a preset

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.type is int and (not isinstance(value, int) or value < self.least(field.name)):
                least = self.least(field.name)
                raise UserError(f"config: {field.name} must be a whole number of at least {least}, not {value!r}")

    def least(self, name: str) -> int:
        """The least that a size may be."""
        return 1

    def build(self, num_classes: int) -> Any:
        """The Keras classifier of these sizes; TensorFlow is imported for it.

        Raises:
            UserError: the sizes are of a model that somebody else built.
        """
        raise UserError("this run's Keras model is its maker's: only its integers are here")

    @classmethod
    def preset(cls: type[Config], name: str, **overrides: Any) -> Config:
        """The config of a named preset, with some fields replaced.

        Args:
            name: one of the names in the model's presets.yaml.
            **overrides: fields to set differently, for example `vocab_size=4096`.

        Raises:
            UserError: unknown preset, with the nearest names.
        """
        if name not in cls.presets:
            near = nearest(name, cls.presets)
            raise UserError(f"unknown {cls.what} {name!r}; {near} {cls.what}s: {', '.join(cls.presets)}")
        return cls(**{**cls.presets[name], **overrides})

    @classmethod
    def from_dict(cls: type[Config], fields: Mapping[str, Any]) -> Config:
        """The config written by `to_dict`; a field it does not know is a UserError."""
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(fields) - known)
        if unknown:
            raise UserError(f"config: unknown field {unknown[0]!r}; known: {', '.join(sorted(known))}")
        return cls(**fields)

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, as a run's config.json has them; those that are None are left out."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


@dataclasses.dataclass(frozen=True)
class EmbBERTConfig(ModelConfig):
    """Sizes and options of one EmbBERT encoder.

    Args:
        vocab_size: V, rows of the token table.
        max_length: rows of the position table, the longest text in tokens.
        hidden_size: d, width of the residual-free stream.
        reduced_size: r, width of the token and position tables.
        num_blocks: number of encoder blocks.
        expansion: channel multiplier of the causal convolution.
        kernel_size: taps of the causal convolution.
        dropout: rate on the attention weights.
        token_dropout: share of ordinary tokens that training replaces by [UNK].
        activation: one of ACTIVATIONS. HARD_SWISH takes about a sixth of SiLU's instructions on a Cortex-M.
        epsilon: added to mean(x^2) in RMSNorm; PyTorch's float32 default is the paper's.

    Raises:
        UserError: a size below 1, a share beyond 0..1, an activation that is not known.

    Examples:
        >>> from tf_embbert import EmbBERTConfig
        >>> EmbBERTConfig.preset("base", vocab_size=4096).hidden_size
        128
    """

    vocab_size: int = 8192
    max_length: int = 256
    hidden_size: int = 128
    reduced_size: int = 16
    num_blocks: int = 4
    expansion: int = 1
    kernel_size: int = 32
    dropout: float = 0.1
    token_dropout: float = 0.0
    activation: str = "silu"
    epsilon: float = 1.1920929e-07

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS
    what: ClassVar[str] = "preset"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("dropout", "token_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise UserError(f"config: {name} must be in [0, 1), not {getattr(self, name)!r}")
        if self.activation not in ACTIVATIONS:
            raise UserError(f"config: activation must be {' or '.join(ACTIVATIONS)}, not {self.activation!r}")
        if self.epsilon <= 0:
            raise UserError(f"config: epsilon must be positive, not {self.epsilon!r}")

    def build(self, num_classes: int) -> Any:
        from tf_embbert.model.classifier import build_classifier

        return build_classifier(self, num_classes)
