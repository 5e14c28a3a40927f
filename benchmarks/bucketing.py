"""What bucketing by length saves: Snips trained in float with it and with every text padded to 256, same seeds.

    python -m benchmarks.bucketing --data-dir DIR --work DIR

Resumable: each training goes on from its last epoch. Writes results/bucketing.json.
"""

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from tf_embbert.common.errors import run_command

RESULT = Path(__file__).parent / "results/bucketing.json"
EPOCHS, SEEDS, LONGEST = 2, (0, 1, 2), 256


def train_once(data_dir: str, work: Path, seed: int, pad_to: int | None) -> dict[str, float]:
    """One float training: its median examples a second over the epochs, and its test accuracy."""
    import tf_keras as keras

    from tf_embbert.finetuning.config import FinetuneConfig
    from tf_embbert.finetuning.objective import label_loss
    from tf_embbert.finetuning.plan import make_plan
    from tf_embbert.finetuning.prepare import PreparedTask
    from tf_embbert.finetuning.recipe import float_recipe
    from tf_embbert.training.batching import predict_in_order
    from tf_embbert.training.fitting import train
    from tf_embbert.training.metrics import score

    how: dict[str, Any] = {"init": "none", "teacher": "none", "epochs": EPOCHS, "seed": seed, "pad_to": pad_to}
    config = FinetuneConfig(task="snips", data_dir=data_dir, **how)
    task = config.load(seed)
    config = make_plan(config, task).config
    keras.utils.set_random_seed(seed)
    data = PreparedTask(task, config, report=lambda line: None)
    model = data.initial_model()
    rows, selection, test = (data.encode(split) for split in ("train", "selection", "test"))
    folder = work / f"{'padded' if pad_to else 'bucketed'}-{seed}"
    history = train(model, label_loss(task), rows, selection, float_recipe(config), folder, seed)
    accuracy = score("accuracy", test.labels, predict_in_order(model, test.ids))
    return {"rows_per_second": statistics.median(row["rows_per_second"] for row in history), "test_accuracy": accuracy}


@run_command
def main(arguments: list[str] | None = None) -> None:
    parse = argparse.ArgumentParser(prog="python -m benchmarks.bucketing", description=__doc__.split("\n")[0])
    parse.add_argument("--data-dir", required=True)
    parse.add_argument("--work", type=Path, required=True, help="folder of the checkpoints")
    options = parse.parse_args(arguments)
    runs: list[dict[str, Any]] = []
    for seed in SEEDS:
        for pad_to in (None, LONGEST):
            run = train_once(options.data_dir, options.work, seed, pad_to)
            runs.append({"seed": seed, "bucketed": pad_to is None, **run})
            print(runs[-1])
    results = {"task": "snips", "preset": "base", "epochs": EPOCHS, "padded_to": LONGEST, "runs": runs}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
