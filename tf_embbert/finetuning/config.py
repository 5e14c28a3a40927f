"""What a fine-tuning is told: values that the command line and a run's config.json spell out."""

from dataclasses import dataclass
from typing import Any, Literal

from tf_embbert.data.source import TaskSource, recorded


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig(TaskSource):
    """A task and how a model is trained on it.

    Args:
        task, data_dir, text_column, .., strict: see `TaskSource`.
        preset: name of the model's sizes, of presets.yaml.
        activation: of the convolution's branch; None takes that of the pretrained encoder or the preset.
        init: folder of a run whose encoder training starts from.
        tokenizer: "own", trained on the task's texts, or "init", the one of that run.
        max_length: tokens of a text; None takes what 99 % of the texts need.
        epochs: of the float training; None goes by the number of rows.
        qat_epochs: of each of the two phases of QAT; None goes by the number of rows.
        learning_rate: peak of the float training's.
        qat_learning_rate: peak of QAT's.
        weight_decay: AdamW's, of the float training.
        batch_size: rows a step.
        token_dropout: share of tokens hidden in training, 0..1.
        dropout: share of attention weights dropped, 0..1; None takes that of the pretrained encoder or the preset.
        teacher: share of a linear n-gram model's opinion in the labels, 0..1.
        soft_rows: file of more rows, with soft labels.
        qat_rows: training rows of an epoch of QAT, a seeded sample; None takes all.
        pad_to: pads every text to as many tokens; None puts rows of like length together.
        seed: of everything random.
        deterministic: whether equal configs give equal runs to the last bit; slower.
        report_rows: rows of the reported split to score, a seeded sample.

    Example:
        >>> config = FinetuneConfig(task="tickets/mail.csv", label_column="queue", epochs=3)
        >>> config.recorded()["task"], config.learning_rate
        ('mail.csv', 0.001)
    """

    preset: str = "base"
    activation: str | None = None
    init: str | None = None
    tokenizer: Literal["own", "init"] = "own"
    max_length: int | None = None
    epochs: int | None = None
    qat_epochs: int | None = None
    learning_rate: float = 1e-3
    qat_learning_rate: float = 3e-5
    weight_decay: float = 0.05
    batch_size: int = 32
    token_dropout: float = 0.2
    dropout: float | None = None
    teacher: float = 0.0
    soft_rows: str | None = None
    qat_rows: int | None = None
    pad_to: int | None = None
    seed: int = 0
    deterministic: bool = False
    report_rows: int = 2000

    def recorded(self) -> dict[str, Any]:
        """What makes the run what it is, as config.json and a bundle's manifest have it: no paths."""
        return recorded(self, unnamed={"data_dir"}, files={"task", "init", "soft_rows"})
