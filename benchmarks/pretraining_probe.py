"""What a pretrained run is worth to fine-tuning: a few float epochs on some rows of a task, scored on selection rows.

    python -m benchmarks.pretraining_probe --task sst2 --data-dir DIR --init none tf_embbert/encoders/words

No reported split is read. Prints one JSON line an encoder, `none` being a random one with the task's own tokenizer.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from tf_embbert.common.errors import run_command

SELECTION_ROWS = 1500


def probe(task_name: str, data_dir: str, init: str, rows: int, epochs: int, learning_rate: float) -> dict[str, Any]:
    """Selection metric after each epoch, and the last epoch's training loss."""
    import tf_keras as keras

    from tf_embbert.finetuning.config import FinetuneConfig
    from tf_embbert.finetuning.objective import label_loss
    from tf_embbert.finetuning.plan import make_plan
    from tf_embbert.finetuning.prepare import PreparedTask
    from tf_embbert.finetuning.scoring import sample
    from tf_embbert.training.fitting import Recipe, train

    config = FinetuneConfig(task=task_name, data_dir=data_dir, init=init, teacher="none")
    task = config.load(config.seed)
    config = make_plan(config, task).config
    keras.utils.set_random_seed(config.seed)
    data = PreparedTask(task, config, report=lambda line: None)
    model = data.initial_model()
    some = sample(data.encode("train"), rows, seed=1)
    selection = sample(data.encode("selection"), SELECTION_ROWS, seed=2)
    with tempfile.TemporaryDirectory() as folder:
        history = train(
            model,
            label_loss(task),
            some,
            selection,
            Recipe(epochs, learning_rate),
            Path(folder),
            0,
            report=lambda line: None,
        )
    scores = [round(row[selection.metric], 2) for row in history]
    return {
        "task": task_name,
        "init": Path(init).name,
        "rows": len(some),
        "learning_rate": learning_rate,
        selection.metric: scores,
        "loss": round(history[-1]["loss"], 3),
    }


@run_command
def main(arguments: list[str] | None = None) -> None:
    parse = argparse.ArgumentParser(prog="python -m benchmarks.pretraining_probe", description=__doc__.split("\n")[0])
    parse.add_argument("--task", required=True)
    parse.add_argument("--data-dir", required=True)
    parse.add_argument("--init", nargs="+", required=True, metavar="RUN|none")
    parse.add_argument("--rows", type=int, default=8000)
    parse.add_argument("--epochs", type=int, default=3)
    parse.add_argument("--learning-rate", type=float, default=1e-3)
    options = parse.parse_args(arguments)
    for init in options.init:
        print(
            json.dumps(
                probe(options.task, options.data_dir, init, options.rows, options.epochs, options.learning_rate)
            ),
            flush=True,
        )


if __name__ == "__main__":
    raise SystemExit(main())
