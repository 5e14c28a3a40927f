"""Trains EmbBERT and the paper's other models side by side, one result file a task, model and seed.

    python -m benchmarks.baselines --data-dir DIR --work DIR [--task snips ..] [--model bert ..] [--seed 0 ..]

What is trained, and how, is in recipe.yaml. A queue: seed after seed of a task for all models. Resumable: what has its
result file is left out, an interrupted training goes on, a model's learning rate is chosen once. The integers are
scored in TFLM, and held to TFLite's reference kernels on the run's verification rows. What the models need of a device
is measured by `benchmarks.baselines.sizes`.
"""

import argparse
import json
import shlex
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from benchmarks.common.queue import add_data_arguments, measure_missing, train_once
from tf_embbert.baselines.config import BaselineConfig
from tf_embbert.common.errors import run_command
from tf_embbert.common.files import write_atomically
from tf_embbert.finetuning.config import EMBBERT
from tf_embbert.model.config import PRESETS

RESULTS = Path(__file__).parents[1] / "results/baselines"
RECIPE = yaml.safe_load((Path(__file__).parent / "recipe.yaml").read_text())
MODELS = ["embbert", *BaselineConfig.presets]
SMALLER_AND_LARGER = [f"{EMBBERT}-{name}" for name in PRESETS if name not in ("base", "big")]  # big takes days


def measure(task: str, model: str, seed: int, data_dir: Path, work: Path) -> dict[str, Any]:
    """One training, and what came out."""
    from tf_embbert.finetune import main as finetune
    from tf_embbert.run import load_run

    rate, run = choose_rate(model, data_dir, work), work / f"{task}-{model}-{seed}"
    named = [part for name, value in sizes_of(model).items() for part in (f"--{name}", value)]
    options = ["--task", task, *named, "--seed", str(seed), "--learning-rate", str(rate)]
    options += RECIPE["options"].split()
    train_once(finetune, [*options, "--data-dir", str(data_dir)], run)
    trained = load_run(run)
    kept = ("metric", "split", "rows", "float", "ptq_tflm", "qat_tflm", "also", "chosen", "selection")
    return {
        "task": task,
        "model": model,
        "seed": seed,
        "command": shlex.join(["python", "-m", "tf_embbert.finetune", *options]),
        "learning_rate": rate,
        "parameters": trained.parameters,
        "length": trained.max_length,
        **{name: without_coverage(trained.metrics[name]) for name in kept if name in trained.metrics},
        "verification": verify(trained),
    }


def sizes_of(model: str) -> dict[str, Any]:
    """FinetuneConfig's model and preset by the name they have here: bert, embbert, embbert-tiny."""
    name, _, preset = model.partition("-")
    return {"model": EMBBERT, "preset": preset} if name == EMBBERT and preset else {"model": model}


def without_coverage(value: Any) -> Any:
    """A figure, or some without the tables of what rejecting answers gives."""
    return {name: one for name, one in value.items() if name != "coverage"} if isinstance(value, dict) else value


def verify(run: Any) -> dict[str, int]:
    """On how many of the verification rows TFLM's bytes are those of TFLite's reference kernels."""
    from convert.bundle.verification import compare_interpreters
    from tf_embbert.int8 import build_int8

    first, second = zip(*run.sample_texts)
    pairs = list(second) if run.is_pair else None
    ids = run.tokenizer.encode(list(first), pairs, max_length=run.max_length).ids
    equal = compare_interpreters(build_int8(run.quantised, run.max_length), ids).equal
    return {"rows": len(equal), "equal": int(equal.sum())}


def choose_rate(model: str, data_dir: Path, work: Path) -> float:
    """The learning rate that was best on selection rows after a short float training; of equals the smallest."""
    path = RESULTS / "rates" / f"{model}.json"
    if not path.exists():
        scores = {str(rate): probe(model, rate, data_dir, work) for rate in RECIPE["rates"]}
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps({"model": model, **RECIPE["probe"], "selection": scores}, indent=1) + "\n")
    scores = json.loads(path.read_text())["selection"]
    return float(max(scores, key=scores.__getitem__))


def probe(model: str, rate: float, data_dir: Path, work: Path) -> float:
    """The selection metric of a model after the training that chooses the rate."""
    import tf_keras as keras

    from tf_embbert.finetuning.config import FinetuneConfig
    from tf_embbert.finetuning.objective import label_loss
    from tf_embbert.finetuning.plan import make_plan
    from tf_embbert.finetuning.prepare import PreparedTask
    from tf_embbert.finetuning.scoring import sample
    from tf_embbert.training.fitting import Recipe, train

    about = RECIPE["probe"]
    config = FinetuneConfig(task=about["task"], data_dir=str(data_dir), init="none", teacher="none", **sizes_of(model))
    task = config.load(about["seed"])
    data = PreparedTask(task, make_plan(config, task).config, print)
    keras.utils.set_random_seed(about["seed"])
    rows, folder = sample(data.training_rows(), about["rows"], about["seed"]), work / f"probe-{model}-{rate}"
    recipe = Recipe(about["epochs"], rate, batch_size=64)
    history = train(data.initial_model(), label_loss(task), rows, data.encode("selection"), recipe, folder, 0)
    return max(row[task.metric] for row in history)


@run_command
def main(arguments: list[str] | None = None) -> None:
    parse = argparse.ArgumentParser(prog="python -m benchmarks.baselines", description=(__doc__ or "").split("\n")[0])
    add_data_arguments(parse)
    parse.add_argument("--task", nargs="+", choices=RECIPE["tasks"], default=list(RECIPE["tasks"]))
    parse.add_argument("--model", nargs="+", choices=[*MODELS, *SMALLER_AND_LARGER], default=MODELS)
    parse.add_argument("--seed", nargs="+", type=int, help="by default all of each task's")
    options = parse.parse_args(arguments)
    measure_missing(
        RESULTS,
        (
            (f"{task}-{model}-{seed}", partial(measure, task, model, seed, options.data_dir, options.work))
            for task in options.task
            for seed in options.seed or range(RECIPE["tasks"][task])
            for model in options.model
        ),
    )


if __name__ == "__main__":
    main()
