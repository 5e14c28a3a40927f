"""Labelled text to a run: what is checked before TensorFlow is imported, and where the work lies meanwhile."""

import hashlib
import json
from pathlib import Path
from typing import Any

from tf_embbert.common.console import Report, quiet_import
from tf_embbert.data.soft_labels import SoftLabels, read_soft_labels
from tf_embbert.data.tasks import Task
from tf_embbert.finetuning.config import FinetuneConfig
from tf_embbert.finetuning.plan import make_plan
from tf_embbert.run import History, Run
from tf_embbert.training.cluster import helps
from tf_embbert.training.partial import help_make, require_free, work_aside


def finetune_task(
    config: FinetuneConfig, out: str | Path, *, resume: bool = False, force: bool = False, report: Report = print
) -> Run:
    """Trains a model on a task in float, folds and calibrates it, trains it quantisation-aware, and writes the run.

    Args:
        config: the task and how to train on it.
        out: the run's folder.
        resume: whether to go on with the interrupted training of this `out`.
        force: whether to replace a run that is there.
        report: called with one line at a time.

    Returns:
        The run, which lies at `out`.

    Raises:
        UserError: bad input; nothing is left at `out`, nor beside it unless it was to be resumed.

    Examples:
        >>> from tf_embbert import FinetuneConfig, finetune_task
        >>> run = finetune_task(FinetuneConfig(task="pocket"), "runs/pocket")  # doctest: +SKIP
        >>> run.metrics["qat_tflm"]  # doctest: +SKIP
        96.91
    """
    require_free(out, force)
    config.sizes()  # refuses unknown ones
    task = config.load(config.seed)
    plan = make_plan(config, task)
    soft = read_soft_labels(config.soft_rows, task) if config.soft_rows else None
    for notice in task.notices:
        report(f"note: {notice}")

    def work(folder: Path) -> tuple[Run, History]:
        with quiet_import():  # TensorFlow takes seconds to import: bad input is refused before
            from tf_embbert.finetuning.recipe import train_run

        return train_run(task, plan, folder / "training", report, soft)

    if helps(config.distribute):
        return help_make(out, work)
    return work_aside(out, resume, what_is_begun(config, task, soft), work, report)


def what_is_begun(config: FinetuneConfig, task: Task, soft: SoftLabels | None = None) -> dict[str, Any]:
    """What must be the same for a training to be resumed: the arguments, and the data by their hash."""
    return {**config.recorded(), "data": fingerprint(task, soft)}


def fingerprint(task: Task, soft: SoftLabels | None = None) -> str:
    """SHA-256 of all texts and labels of a task, of texts without labels and of soft labels where there are any."""
    parts = [[split, rows.texts, rows.pairs, rows.labels.tolist()] for split, rows in task.splits.items()]
    if task.unlabelled:
        parts.append(list(task.unlabelled))
    if soft:
        parts.append([soft.texts, soft.pairs, soft.targets.tolist()])
    digest = hashlib.sha256()
    for part in parts:
        digest.update(json.dumps(part).encode())
    return digest.hexdigest()
