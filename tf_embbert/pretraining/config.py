"""What a pretraining is told: values that the command line and a run's config.json spell out."""

from dataclasses import dataclass
from typing import Any, Literal

from tf_embbert.data.source import file_name, recorded


@dataclass(frozen=True, kw_only=True)
class PretrainConfig:
    """A corpus and how an encoder is trained on it.

    Args:
        corpus: .txt or .txt.gz files in UTF-8, one paragraph a line.
        preset: name of the model's sizes, of presets.yaml.
        init: folder of a run whose tokenizer, encoder and heads training starts from.
        max_length: tokens of the longest rows; None takes the model's longest.
        tokens: to train on, pads included; what counts where `steps` is None.
        steps: to train; 0 stops at the token vectors that counting gives.
        pairs: what is asked of two texts: does the second follow ("following", NSP) or how alike are they ("similar").
        mlm_weight: what the loss of hidden tokens weighs beside that of the pairs.
        batch_tokens: tokens of a step, pads included.
        learning_rate: peak of AdamW's.
        weight_decay: AdamW's.
        evaluate_every: steps between evaluations and checkpoints.
        seed: of everything random but what is held out.
        deterministic: whether equal configs give equal runs to the last bit; slower.
        distribute: over this machine's GPUs, or the workers of TF_CONFIG; the batches stay the same.

    Examples:
        >>> PretrainConfig(corpus=("texts/books.txt",), steps=100).recorded()["corpus"]
        ['books.txt']
    """

    corpus: tuple[str, ...]
    preset: str = "base"
    init: str | None = None
    max_length: int | None = None
    tokens: int = 50_000_000
    steps: int | None = None
    pairs: Literal["following", "similar"] = "following"
    mlm_weight: float = 1.0
    batch_tokens: int = 4096
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    evaluate_every: int = 500
    seed: int = 0
    deterministic: bool = False
    distribute: bool = False

    @property
    def total_steps(self) -> int:
        """Steps of the whole training."""
        return self.tokens // self.batch_tokens if self.steps is None else self.steps

    def recorded(self) -> dict[str, Any]:
        """What makes the run what it is, as config.json has it: no paths, and of `tokens` and `steps` what counts."""
        counted = "steps" if self.steps is None else "tokens"
        values = recorded(self, unnamed={counted, "distribute"}, files={"init"})
        return values | {"corpus": [file_name(path) for path in self.corpus]}
