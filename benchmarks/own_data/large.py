"""The large neighbour of every task: all-MiniLM-L6-v2, 22 M parameters, frozen and fine-tuned on the task's rows.

    python -m benchmarks.own_data.large --data-dir DIR --work DIR [--task NAME ..] [--kind frozen fine_tuned]

Frozen: a logistic regression of its vectors (of pairs: of what the two differ and agree in; a regression has ridge
regression), C of {0.1, 1, 10} chosen on the selection rows, then fitted on training and selection rows together.
Fine-tuned: as `finetune` makes its teacher, on the training rows. Wants `[teacher]`. Goes on where it was stopped.
Writes results/own_data/large/TASK.json.
"""

import argparse
import json
import time
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge

from benchmarks.common.queue import add_data_arguments
from benchmarks.own_data.linear import STRENGTHS, rate
from benchmarks.own_data.tasks import RESULTS, TASKS, make_task
from tf_embbert.common.errors import run_command
from tf_embbert.data.rows import Rows
from tf_embbert.data.tasks import Task, load_task
from tf_embbert.finetuning.budget import encoder_epochs_of
from tf_embbert.teaching.config import find_encoder
from tf_embbert.training.metrics import score

KINDS = ("frozen", "fine_tuned")


def frozen(task: Task, folder: str) -> dict[str, Any]:
    """The figure of a linear model of the encoder's vectors."""
    from tf_embbert.teaching.sentence_model import SentenceModel, in_fast_numbers

    model = in_fast_numbers(SentenceModel(folder, 1, task.is_pair))
    train, selection, test = (task.rows(split) for split in ("train", "selection", task.reported_split))

    def read(rows: Rows) -> Any:
        return model.of_all(rows.whole_texts, model.features, "reading") / model.width**0.5

    def fit(strength: float, features: Any, labels: Any) -> Any:
        kind = Ridge(alpha=1 / strength) if task.is_regression else LogisticRegression(C=strength, max_iter=1000)
        return kind.fit(features, labels)

    seen, choosing = read(train), read(selection)
    tried = {s: rate(task, selection, fit(s, seen, train.labels).predict(choosing)) for s in STRENGTHS}
    best = max(STRENGTHS, key=tried.__getitem__)
    labels = np.concatenate([train.labels, selection.labels])
    predicted = fit(best, np.concatenate([seen, choosing]), labels).predict(read(test))
    return {"score": rate(task, test, predicted), "strength": best, "selection": tried[best]}


def fine_tuned(task: Task, folder: str) -> dict[str, Any]:
    """The figure of the encoder as a teacher."""
    from tf_embbert.teaching.sentence_model import SentenceTeacher

    rows, test, started = task.rows("train"), task.rows(task.reported_split), time.process_time()
    epochs = encoder_epochs_of(len(rows))
    teacher = SentenceTeacher(folder, rows, len(task.labels or []), epochs, seed=0)
    minutes = (time.process_time() - started) / 60
    figure = score(task.metric, test.labels, teacher.judge(test.whole_texts))
    return {"score": figure, "epochs": epochs, "processor_minutes": round(minutes, 1)}


@run_command
def main(arguments: list[str] | None = None) -> None:
    parse = argparse.ArgumentParser(prog="python -m benchmarks.own_data.large", description=__doc__.split("\n")[0])
    add_data_arguments(parse)
    parse.add_argument("--task", nargs="+", choices=TASKS, default=list(TASKS))
    parse.add_argument("--kind", nargs="+", choices=KINDS, default=list(KINDS))
    options = parse.parse_args(arguments)
    (RESULTS / "large").mkdir(parents=True, exist_ok=True)
    folder = find_encoder("minilm")
    for kind, measure in (("frozen", frozen), ("fine_tuned", fine_tuned)):
        for name in options.task if kind in options.kind else []:
            path = RESULTS / f"large/{name}.json"
            known = json.loads(path.read_text()) if path.exists() else {"task": name, "part_of": TASKS[name]["part_of"]}
            if kind not in known:
                task = load_task(str(make_task(name, options.data_dir, options.work)))
                known |= {"metric": task.metric, kind: measure(task, str(folder))}
                path.write_text(json.dumps(known, indent=1) + "\n")
                print(name, kind, known[kind], flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
