"""What a fine-tuning is told: values that the command line and a run's config.json spell out."""

from dataclasses import dataclass, replace
from typing import Any, Literal

from tf_embbert.baselines.config import BaselineConfig
from tf_embbert.common.errors import UserError
from tf_embbert.data.rows import Task
from tf_embbert.data.source import TaskSource, recorded
from tf_embbert.data.tasks import with_notices
from tf_embbert.data.unlabelled import read_unlabelled
from tf_embbert.model.config import EmbBERTConfig, ModelConfig

EMBBERT = "embbert"


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig(TaskSource):
    """A task and how a model is trained on it.

    Args:
        task, data_dir, text_column, .., strict: see `TaskSource`.
        model: "embbert", or one of the paper's other models by its name in baselines/presets.yaml: they start from
            random values and learn from labels alone.
        preset: name of EmbBERT's sizes, of presets.yaml.
        activation: of the convolution's branch; None takes that of the pretrained encoder or the preset.
        init: folder of a run whose encoder training starts from; "auto" takes the shipped one for texts or for pairs,
            "none" random values.
        tokenizer: "own", trained on the task's texts, "init", the one of that run, or "auto".
        max_length: tokens of a text; None takes what 99 % of the texts need.
        windows: in which a long text is read at most, and their answers averaged; None takes several where more than
            1 % of the texts would be cut.
        minutes: that a training may take on two cores; what is left open fits into them.
        epochs: of the float training; None goes by the rows and the minutes.
        qat_epochs: of each of the two phases of QAT; None goes by the number of rows.
        learning_rate: peak of the float training's; None is 1e-3, or 2e-3 in the large batches of a taught one.
        qat_learning_rate: peak of QAT's.
        weight_decay: AdamW's, of the float training.
        batch_size: rows a step; None is 32, or 128 where taught.
        token_dropout: share of tokens hidden in training, 0..1; None is 0.2, or none where taught.
        dropout: share of attention weights dropped, 0..1; None takes that of the pretrained encoder or the preset, or
            none where taught.
        teacher: who judges the task's texts: "ngrams", linear models of words and characters; "minilm" or the folder of
            a sentence encoder, which is fine-tuned and votes with them; "auto", "minilm", or where that is not to be
            had the linear models and EmbBERT, fine-tuned; "none".
        teacher_share: of the voters in the training rows' targets, 0..1.
        variants: disturbed copies of the training rows that the teacher judges.
        soft_rows: file of more rows, with soft labels.
        unlabelled: file of texts without labels, which the teacher judges too.
        qat_rows: training rows of an epoch of QAT, a seeded sample; None takes all, or 8,000 where taught.
        pad_to: pads every text to as many tokens; None puts rows of like length together.
        seed: of everything random.
        deterministic: whether equal configs give equal runs to the last bit; slower.
        distribute: over this machine's GPUs, or the workers of TF_CONFIG; the batches stay the same.
        report_rows: rows of the reported split to score, a seeded sample.

    Examples:
        >>> config = FinetuneConfig(task="tickets/mail.csv", label_column="queue", epochs=3)
        >>> config.recorded()["task"], config.minutes
        ('mail.csv', 20.0)
    """

    model: str = EMBBERT
    preset: str = "base"
    activation: str | None = None
    init: str = "auto"
    tokenizer: Literal["auto", "own", "init"] = "auto"
    max_length: int | None = None
    windows: int | None = None
    minutes: float = 20.0
    epochs: int | None = None
    qat_epochs: int | None = None
    learning_rate: float | None = None
    qat_learning_rate: float = 3e-5
    weight_decay: float = 0.05
    batch_size: int | None = None
    token_dropout: float | None = None
    dropout: float | None = None
    teacher: str = "auto"
    teacher_share: float | None = None
    variants: int | None = None
    soft_rows: str | None = None
    unlabelled: str | None = None
    qat_rows: int | None = None
    pad_to: int | None = None
    seed: int = 0
    deterministic: bool = False
    distribute: bool = False
    report_rows: int = 2000

    def load(self, seed: int, regression: bool | None = None, labels: list[str] | None = None) -> Task:
        """The task, with the texts that nobody labelled."""
        task = super().load(seed, regression, labels)
        if self.unlabelled is None:
            return task
        columns = {"text": self.text_column, "pair": self.pair_column}
        texts, notices = read_unlabelled(self.unlabelled, task, columns, self.reading)
        return with_notices(replace(task, unlabelled=texts), notices, self.strict)

    def sizes(self) -> ModelConfig:
        """The model's sizes.

        Raises:
            UserError: no such model or preset, or an option of EmbBERT's for another model.
        """
        if self.model == EMBBERT:
            return EmbBERTConfig.preset(self.preset)
        for name, value, default in (("--preset", self.preset, "base"), ("--activation", self.activation, None)):
            if value != default:
                raise UserError(f"{name} is of {EMBBERT}, and --model is {self.model}: leave it away")
        if self.init not in ("auto", "none"):
            raise UserError(f"--init is of {EMBBERT}: there is no pretrained {self.model}, leave it away")
        return BaselineConfig.preset(self.model)

    def recorded(self) -> dict[str, Any]:
        """What makes the run what it is, as config.json and a bundle's manifest have it: no paths."""
        files = {"task", "init", "soft_rows", "unlabelled", "teacher"}
        return recorded(self, unnamed={"data_dir", "distribute"}, files=files)
