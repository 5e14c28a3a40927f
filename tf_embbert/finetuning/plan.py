"""The recipe that chooses for itself: what is not asked for goes by the rows there are and the minutes there may be.

A teacher judges disturbed copies of the training rows, and EmbBERT learns from them in large batches. Pairs and numbers
where there is no sentence encoder, rows with --soft-rows, and whoever gives --teacher none learn from labels alone.
What each choice rests on: docs/training.md.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from tf_embbert.common.errors import UserError
from tf_embbert.common.files import write_atomically
from tf_embbert.data.source import file_name
from tf_embbert.data.tasks import Task
from tf_embbert.finetuning.budget import Budget, epochs_on_labels
from tf_embbert.finetuning.config import EMBBERT, FinetuneConfig
from tf_embbert.finetuning.tokens import own_tokens_pay
from tf_embbert.run import load_run
from tf_embbert.teaching.config import Teaching, find_encoder

_ENCODERS = Path(__file__).parents[1] / "encoders"
SENTENCES, PAIRS = _ENCODERS / "sentences", _ENCODERS / "pairs"  # what texts and what pairs start from
LABELS_ALONE: dict[str, Any] = {"batch_size": 32, "learning_rate": 1e-3, "token_dropout": 0.2, "tokenizer": "own"}
TAUGHT: dict[str, Any] = {
    "batch_size": 128,
    "learning_rate": 2e-3,
    "dropout": 0.0,  # the copies are disturbed as it is
    "token_dropout": 0.0,
    "qat_rows": 8000,
    "qat_epochs": 1,
    "tokenizer": "init",
}
PAIR_EPOCHS = 8
OWN_SHARE = 0.3  # of the voters in the targets of the training rows


CHOSEN = ("tokenizer", "epochs", "batch_size", "learning_rate", "dropout", "token_dropout", "variants", "qat_rows")


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a training does.

    Args:
        config: with everything chosen.
        teaching: who judges, and how much; None without a teacher.
        reasons: of each choice that nobody asked for, by its name.
    """

    config: FinetuneConfig
    teaching: Teaching | None
    reasons: dict[str, str]

    def kept(self, path: Path) -> "Plan":
        """This plan, or the one that an interrupted training was begun with."""
        if path.is_file():
            value = json.loads(path.read_text())
            teaching = value["teaching"] and Teaching(**value["teaching"])
            return Plan(FinetuneConfig(**value["config"]), teaching, value["reasons"])
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(dataclasses.asdict(self)))
        return self

    def choices(self) -> dict[str, Any]:
        """What was chosen and why, as the run's metrics have it: no paths."""
        names = [name for name in CHOSEN if getattr(self.config, name) is not None]
        values = {name: getattr(self.config, name) for name in names}
        return {**values, "init": file_name(self.config.init), "reasons": self.reasons}


def make_plan(config: FinetuneConfig, task: Task) -> Plan:
    """Chooses what the config leaves open.

    Args:
        config: what was asked for.
        task: its rows.

    Raises:
        UserError: a teacher for rows that cannot be taught, or one that is not there.
    """
    kind = choose_teacher(config, task)
    start, reasons = choose_start(config, task)
    foreign = "tokenizer" in start
    # all-MiniLM-L6-v2 has read English: of Chinese it knows less than counted characters do.
    in_words = kind in ("none", "ngrams") or (kind == "auto" and foreign and task.by_words)
    encoder = None if in_words else find_encoder(kind)
    if kind == "auto" and not (encoder or task.by_words):
        kind = "none"
    if kind == "none":
        chosen = labels_alone(config, task, reasons) | start
        require_judge(config, f"the teacher is {reasons['teacher']}")
        return Plan(filled(config, chosen), None, reasons)
    budget = Budget(config, task)
    must = kind != "auto" or not task.by_words
    encoder_rows, encoder_epochs = budget.encoder_lesson(must) if encoder else (0, 0)
    encoder = encoder if encoder_epochs else None
    own_epochs = budget.own_epochs() if kind == "auto" and not encoder else 0
    copies, epochs = budget.student(encoder_rows, encoder_epochs, own_epochs)
    if not copies:
        require_judge(config, "--variants is 0")
    much = {"teacher_share": OWN_SHARE, "variants": copies, "epochs": epochs}
    config = filled(config, (TAUGHT if copies else LABELS_ALONE) | much | start)
    share = config.teacher_share or 0.0
    how = Teaching(
        encoder, encoder_epochs, copies, share, config.seed, own_epochs, alike=not foreign, rows=encoder_rows
    )
    reasons["teacher"] = who_judges(task, how)
    if task.unlabelled:
        reasons["unlabelled"] = f"{len(task.unlabelled)} texts; half of what is judged is of them"
    reasons["time"] = (
        f"{config.variants} disturbed texts and {config.epochs} epochs, within about {config.minutes:g} minutes"
    )
    return Plan(config, how, reasons)


def require_judge(config: FinetuneConfig, reason: str) -> None:
    """Raises a UserError where there are texts without labels, and nobody to judge them."""
    if config.unlabelled:
        raise UserError(f"--unlabelled {config.unlabelled}: nobody judges these texts, for {reason}")


def who_judges(task: Task, how: Teaching) -> str:
    """The teachers, for people; of those that are trained in no epoch there is none."""
    judges = ["linear models of words and characters"] if task.by_words else []
    part = f" of {how.rows} rows" if how.rows and how.rows < len(task.rows("train")) else ""
    judges += [f"a sentence encoder fine-tuned for {how.epochs} epochs{part}"] if how.epochs else []
    judges += [f"EmbBERT fine-tuned for {how.own_epochs} epochs"] if how.own_epochs else []
    return ", and ".join(judges)


def filled(config: FinetuneConfig, chosen: dict[str, Any]) -> FinetuneConfig:
    """The config with what was chosen where it left something open."""
    missing = {name: value for name, value in chosen.items() if getattr(config, name) in (None, "auto")}
    return dataclasses.replace(config, **missing)


def choose_teacher(config: FinetuneConfig, task: Task) -> str:
    """The kind of teacher, "none" where rows cannot be taught and none was asked for."""
    if config.teacher == "auto":
        _, counts = np.unique(task.rows("train").labels, return_counts=True)
        several = np.sum(counts > 1) > 1 or task.is_regression  # classes of which a part can teach the rest
        return "auto" if several and not config.soft_rows and config.model == EMBBERT else "none"
    if config.teacher == "ngrams" and not task.by_words:
        kind = "numbers" if task.is_regression else "pairs"
        raise UserError(f"--teacher ngrams is of single texts with classes, {task.name} has {kind}: leave it away")
    return config.teacher


def choose_init(config: FinetuneConfig, task: Task) -> str:
    """The shipped encoder for texts or for pairs; none of another preset's sizes, or another model's."""
    if config.init == "auto" and (config.preset != "base" or config.model != EMBBERT):
        return "none"
    return str(PAIRS if task.is_pair else SENTENCES) if config.init == "auto" else config.init


def choose_start(config: FinetuneConfig, task: Task) -> tuple[dict[str, str], dict[str, str]]:
    """The encoder, and the tokenizer where its own would serve the task's language badly; and the reasons."""
    init = choose_init(config, task)
    reasons = {"encoder": file_name(init)}
    foreign = None if init == "none" else own_tokens_pay(task, load_run(init).tokenizer)
    if not foreign:
        return {"init": init}, reasons
    return {"init": init, "tokenizer": "own"}, reasons | ({"tokenizer": foreign} if config.tokenizer == "auto" else {})


def labels_alone(config: FinetuneConfig, task: Task, reasons: dict[str, str]) -> dict[str, Any]:
    """The recipe without a teacher."""
    rows = len(task.rows("train"))
    epochs = epochs_on_labels(rows)
    alone = config.teacher == "auto" and config.model == EMBBERT and not (task.by_words or config.soft_rows)
    reasons["teacher"] = f"none: {'of pairs and numbers it wants torch' if alone else 'not asked for'}"
    chosen = LABELS_ALONE | {"epochs": epochs}
    if task.is_pair and config.init == "auto" and choose_init(config, task) != "none":
        # The shipped encoder of pairs compares two texts already, by its own tokens: few passes keep that.
        chosen |= {"epochs": min(epochs, PAIR_EPOCHS), "tokenizer": "init"}
    if config.epochs is None:
        reasons["epochs"] = f"{chosen['epochs']}, by {rows} rows"
    return chosen
