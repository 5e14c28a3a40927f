"""EmbBERTs that vote in a teacher: trained as `finetune` trains its float model, each from another seed."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tf_embbert.common.console import Report
from tf_embbert.data.tasks import Task
from tf_embbert.finetuning.config import FinetuneConfig
from tf_embbert.finetuning.objective import choose_objective
from tf_embbert.finetuning.plan import make_plan
from tf_embbert.finetuning.prepare import PreparedTask
from tf_embbert.finetuning.recipe import train_float
from tf_embbert.run import Array
from tf_embbert.teaching.lesson import take_lesson
from tf_embbert.training.batching import predict_in_order

# Of FinetuneConfig: the shipped encoder of words with its tokenizer, and the n-gram model's share in the labels.
SETTINGS: dict[str, Any] = {
    "init": str(Path(__file__).parents[1] / "encoders/words"),
    "tokenizer": "init",
    "teacher": "ngrams",
    "teacher_share": 0.3,
    "variants": 0,
}


def train_encoder(task: Task, seed: int, report: Report) -> Callable[[Sequence[str]], Array]:
    """Trains an EmbBERT on a task.

    Args:
        task: of single texts and classes.
        seed: of everything random in the training.
        report: called with one line at a time.

    Returns:
        A function of texts that gives the logits [texts, classes].
    """
    plan = make_plan(FinetuneConfig(task=task.name, seed=seed, **SETTINGS), task)
    data = PreparedTask(task, plan.config, report)
    model, rows, selection = data.initial_model(), data.training_rows(), data.encode("selection")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        targets = take_lesson(task, plan.teaching, folder, report).targets if plan.teaching else None
        objective = choose_objective(task, targets, None)
        train_float(model, objective, rows, selection, plan.config, folder / "float", report)

    def logits(texts: Sequence[str]) -> Array:
        return predict_in_order(model, data.tokenizer.encode(list(texts), max_length=data.length).ids)

    return logits
