"""What each part of EmbBERT is worth: the float model without it, trained like the others of benchmarks.baselines.

    python -m benchmarks.ablation --data-dir DIR --work DIR [--task snips ..] [--seed 0 ..] [--variant NAME ..]

A part is taken out by holding its weights at values at which it does nothing, so that all variants have one code; the
full-width table is a config of as many bytes. Learning rate and epochs are those of benchmarks/baselines. The
pretrained starts are the shipped encoders, and what MLM and NSP make of the one of counted vectors (`PRETRAIN`, made
once, in WORK). Writes results/ablation/TASK-VARIANT-SEED.json; goes on where it stopped.
"""

import argparse
import dataclasses
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.baselines.__main__ import RECIPE, choose_rate
from benchmarks.common.queue import add_data_arguments, measure_missing, train_once
from tf_embbert.common.errors import run_command
from tf_embbert.model.config import EmbBERTConfig

if TYPE_CHECKING:
    import tf_keras as keras

RESULTS = Path(__file__).parent / "results/ablation"
ENCODERS = Path(__file__).parents[1] / "tf_embbert/encoders"
TASKS, SEEDS = ("snips", "nlu", "cola", "emotion"), (0, 1)
BATCH = 64


def blocks(model: "keras.Model") -> list[Any]:
    """EmbBERT's blocks."""
    return [layer for layer in model.layers if layer.name.startswith("block")]


def hold(layer: Any, *values: Any) -> None:
    """Gives a layer weights that training leaves alone."""
    layer.set_weights(values)
    layer.trainable = False


def silence(layer: Any) -> None:
    """Holds all weights of a layer at zero."""
    hold(layer, *(0 * value for value in layer.get_weights()))


def without_attention(model: "keras.Model") -> None:
    for block in blocks(model):
        silence(block.output_dense)


def without_convolution(model: "keras.Model") -> None:
    """Each tap of the convolution but the present one is zero, and that one 1: the branch is SiLU and dense."""
    for block in blocks(model):
        kernel, bias = block.conv.get_weights()  # [k, d, m], [d m]
        kernel[:] = 0
        kernel[-1] = 1
        hold(block.conv, kernel, 0 * bias)


def without_branch(model: "keras.Model") -> None:
    for block in blocks(model):
        silence(block.contract)


def without_lambdas(model: "keras.Model") -> None:
    """exp(0) = 1: attention minus branch."""
    for block in blocks(model):
        silence(block.sum)


def without_segments(model: "keras.Model") -> None:
    embed = model.get_layer("embed")
    embed.segment_table.assign(0 * embed.segment_table)
    embed._trainable_weights = [weight for weight in embed._trainable_weights if weight is not embed.segment_table]


def whole(model: "keras.Model") -> None:
    """EmbBERT as it is."""


CHANGES: dict[str, Callable[["keras.Model"], None]] = {
    "whole": whole,
    "no attention": without_attention,
    "no convolution": without_convolution,
    "no SiLU branch": without_branch,
    "lambdas of 1": without_lambdas,
    "no segments": without_segments,
}
FULL_WIDTH = "full-width table"  # of as many bytes: 1,024 tokens of 128 values instead of 8,192 of 16
STARTS = {"from counted vectors": "words", "from MLM and NSP": "", "from sentence vectors": "sentences"}
# Options of tf_embbert.pretrain, beside --init words.
PRETRAIN = "--tokens 10000000 --max-length 128 --learning-rate 2e-3 --seed 0"
VARIANTS = [*CHANGES, FULL_WIDTH, *STARTS]


def measure(task: str, variant: str, seed: int, data_dir: Path, work: Path) -> dict[str, Any]:
    """One training, and the metric of the reported split."""
    import tf_keras as keras

    from tf_embbert.finetuning.budget import epochs_on_labels
    from tf_embbert.finetuning.config import FinetuneConfig
    from tf_embbert.finetuning.objective import calibrate_prior, label_loss
    from tf_embbert.finetuning.plan import make_plan
    from tf_embbert.finetuning.prepare import PreparedTask
    from tf_embbert.training.fitting import Recipe, predict_rows, train
    from tf_embbert.training.metrics import score

    start = encoder_of(variant, data_dir, work)
    config = FinetuneConfig(
        task=task,
        data_dir=str(data_dir),
        init=str(start or "none"),
        tokenizer="init" if start else "own",
        teacher="none",
    )
    loaded = config.load(seed)
    data = PreparedTask(loaded, make_plan(config, loaded).config, print)
    if variant == FULL_WIDTH:
        data = full_width(data, config)
    keras.utils.set_random_seed(seed)
    model = data.initial_model()
    CHANGES.get(variant, whole)(model)
    rows = data.training_rows()
    recipe = Recipe(epochs_on_labels(len(rows)), choose_rate("embbert", data_dir, work), batch_size=BATCH)
    selection, test = data.encode("selection"), data.encode(loaded.reported_split)
    folder = work / file_name(task, variant, seed)
    train(model, label_loss(loaded), rows, selection, recipe, folder, seed)
    if loaded.metric == "mcc":
        calibrate_prior(model, selection)
    figure = score(loaded.metric, test.labels, predict_rows(model, test))
    about = {"task": task, "variant": variant, "seed": seed, "metric": loaded.metric, "split": loaded.reported_split}
    return about | {"rows": len(test), "float": figure, "parameters": parameters(model)}


def encoder_of(variant: str, data_dir: Path, work: Path) -> Path | None:
    """The run that a variant starts from: shipped, or pretrained here where it is not there yet."""
    if not (name := STARTS.get(variant)):
        return pretrained(data_dir, work / "mlm-and-nsp") if variant in STARTS else None
    return ENCODERS / name


def pretrained(data_dir: Path, run: Path) -> Path:
    """The encoder of counted vectors after MLM and NSP."""
    from tf_embbert.pretrain import main as pretrain

    corpus = sorted(map(str, (data_dir / "pretrain").glob("*.txt.gz")))
    train_once(pretrain, ["--corpus", *corpus, *PRETRAIN.split(), "--init", str(ENCODERS / "words")], run)
    return run


def file_name(task: str, variant: str, seed: int) -> str:
    """Of a training's folder and of its result."""
    return f"{task}-{variant.replace(' ', '-')}-{seed}"


def full_width(data: Any, config: Any) -> Any:
    """The task prepared for a table that needs no expansion: as many bytes, fewer tokens."""
    sizes = EmbBERTConfig.preset("base")
    tokens = sizes.vocab_size * sizes.reduced_size // sizes.hidden_size
    data.tokenizer = data.choose_tokenizer("own", tokens)
    data.config = dataclasses.replace(data.config, vocab_size=data.tokenizer.vocab_size, reduced_size=sizes.hidden_size)
    data.length, data.windows = data.choose_length(config.max_length, config.windows)
    return data


def parameters(model: "keras.Model") -> int:
    """Weights that are trained."""
    return int(sum(weight.shape.num_elements() for weight in model.trainable_weights))


@run_command
def main(arguments: list[str] | None = None) -> None:
    parse = argparse.ArgumentParser(prog="python -m benchmarks.ablation", description=(__doc__ or "").split("\n")[0])
    add_data_arguments(parse)
    parse.add_argument("--task", nargs="+", choices=RECIPE["tasks"], default=TASKS)
    parse.add_argument("--seed", nargs="+", type=int, default=SEEDS)
    parse.add_argument("--variant", nargs="+", choices=VARIANTS, default=VARIANTS)
    options = parse.parse_args(arguments)
    jobs = product(options.seed, options.task, options.variant)
    measure_missing(
        RESULTS,
        (
            (file_name(task, variant, seed), partial(measure, task, variant, seed, options.data_dir, options.work))
            for seed, task, variant in jobs
        ),
    )


if __name__ == "__main__":
    main()
