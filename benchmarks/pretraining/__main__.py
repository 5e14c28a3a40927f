"""How fast base is pretrained on this machine, and what makes it so: real tokens a second on one thread.

    python -m benchmarks.pretraining --corpus FILE... [--torch-python PYTHON]

Every variant takes the same paragraphs: `padded` batches are 32 rows padded to 256 tokens, as the reference has them,
`bucketed` ones 4,096 tokens in rows of at most 64. The variants take turns, so that a machine busy with other things
slows all of them alike; the seconds of CPU are hardly touched by that. With --torch-python, a Python that has torch, a
transcription of the reference in PyTorch takes its turns too. Writes results/pretraining.json.
"""

import argparse
import itertools
import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from tf_embbert.common.errors import UserError, run_command
from tf_embbert.model.config import PAD, EmbBERTConfig
from tf_embbert.pretraining.batches import PAIR_SHARE, Batch, Pieces
from tf_embbert.pretraining.corpus import Corpus, prepare_corpus, read_paragraphs
from tf_embbert.pretraining.masking import join_parts, mask_tokens

RESULT = Path(__file__).parents[1] / "results/pretraining.json"
PADDED_TO, PADDED_ROWS, BUCKETED_TO, BATCH_TOKENS, BATCHES = 256, 32, 64, 4096, 2
PARAGRAPHS = 5_000  # of the corpus that are read
Timing: TypeAlias = tuple[int, float, float]  # real tokens, seconds of wall clock, seconds of CPU
Step: TypeAlias = Callable[[dict[str, Any]], Any]  # of a batch as tensors: its loss
# name: (batches, logits at the hidden positions only, dense gradients, XLA)
VARIANTS = {
    "straightforward": ("padded", False, True, False),
    "logits at the hidden positions only": ("padded", True, True, False),
    "short rows too, in buckets: as it is": ("bucketed", True, True, False),
    "as it is, sparse gradients": ("bucketed", True, False, False),
    "as it is, all positions": ("bucketed", False, True, False),
    "as it is, XLA": ("bucketed", True, True, True),
}


def first_paragraphs(paths: list[str], folder: Path) -> list[Path]:
    """A text file of the first paragraphs of each file."""
    each = PARAGRAPHS // len(paths)
    paragraphs = [text for path in paths for text in itertools.islice(read_paragraphs([path]), each)]
    (folder / "text.txt").write_text("\n".join(paragraphs), encoding="utf-8")
    return [folder / "text.txt"]


def make_batches(corpus: Corpus) -> dict[str, list[Batch]]:
    """{"padded" or "bucketed": list of Batch} of the same corpus."""
    starts = np.concatenate([[0], corpus.ends[:-1]])

    def pieces(longest: int) -> Pieces:
        return Pieces(corpus.ids, starts, corpus.ends, longest, BATCH_TOKENS, corpus.tokenizer, 0)

    bucketed = [pieces(BUCKETED_TO).batch(i) for i in range(BATCHES)]
    return {"padded": [padded_batch(pieces(PADDED_TO), i) for i in range(BATCHES)], "bucketed": bucketed}


def padded_batch(pieces: Pieces, number: int) -> Batch:
    """Paragraphs of all lengths in rows of 256 tokens."""
    rng = np.random.default_rng(number)
    chosen = [pieces.ids[start:end] for start, end in rng.permutation(pieces.spans)[:PADDED_ROWS]]
    tokens, follows, paired = join_parts(rng, chosen, PADDED_TO, pieces.sentence_ends, PAIR_SHARE)
    hidden, places, targets = mask_tokens(rng, tokens, pieces.tokenizer.vocab_size)
    return Batch(hidden, places, targets, follows, paired)


def make_variant(hidden_only: bool, dense: bool, xla: bool) -> tuple[Any, Step]:
    """(model, training step) of one variant, all from the same initial weights; the learning rate is 0."""
    import tensorflow as tf
    import tf_keras as keras

    from tf_embbert.model.classifier import build_pretraining_model
    from tf_embbert.pretraining.fitting import SIGNATURE, Objectives, weighed, weighed_pairs

    class AllPositions(Objectives):
        """The straightforward loss: logits at every position, most of which no target is compared with."""

        def __call__(self, batch: dict[str, Any]) -> Any:
            outputs = self.model(batch["tokens"], training=True)
            logits = tf.reshape(outputs["mlm"], [-1, outputs["mlm"].shape[-1]])  # [B*L, V]
            shape = tf.shape(logits)[:1]

            def scatter(values: Any) -> Any:
                return tf.scatter_nd(batch["positions"][:, None], values, shape)

            mlm = weighed(logits, scatter(batch["targets"]), scatter(tf.ones_like(batch["targets"], tf.float32)))
            return tf.stack([*mlm, *weighed_pairs(outputs["nsp"], batch["follows"], batch["paired"])])

    keras.utils.set_random_seed(0)
    model = build_pretraining_model(EmbBERTConfig.preset("base", dropout=0.0))
    optimizer = keras.optimizers.AdamW(0.0, weight_decay=0.0, global_clipnorm=1.0)
    optimizer.build(model.trainable_variables)
    objectives = (Objectives if hidden_only else AllPositions)(model)

    @tf.function(**({"jit_compile": True} if xla else {"input_signature": [SIGNATURE]}))
    def step(batch: dict[str, Any]) -> Any:
        with tf.GradientTape() as tape:
            sums = objectives(batch)
            loss = sums[0] / sums[2] + sums[3] / tf.maximum(sums[5], 1.0)
        gradients = tape.gradient(loss, model.trainable_variables)
        if dense:
            gradients = map(tf.convert_to_tensor, gradients)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return loss

    return model, step


def time_steps(step: Step, batches: list[Batch]) -> list[Timing]:
    """[(real tokens, seconds of wall clock, seconds of CPU)], one step a batch."""
    from tf_embbert.pretraining.fitting import tensors

    timings = []
    for batch in batches:
        wall, cpu = time.perf_counter(), time.process_time()
        step(tensors(batch)).numpy()
        tokens = int(np.count_nonzero(batch.tokens != PAD))
        timings.append((tokens, time.perf_counter() - wall, time.process_time() - cpu))
    return timings


def time_torch(python: str, model: Any, batches: dict[str, list[Batch]], folder: Path) -> dict[str, Any]:
    """The torch program's answer on the same weights and batches."""
    config = EmbBERTConfig.preset("base")
    sizes = [
        config.vocab_size,
        config.max_length,
        config.hidden_size,
        config.reduced_size,
        config.num_blocks,
        config.kernel_size,
    ]
    arrays = {weight.name.split(":")[0]: weight.numpy() for weight in model.weights}
    for kind, some in batches.items():
        arrays[f"{kind}_batches"] = len(some)
        arrays |= {f"{kind}{i}/{name}": value for i, batch in enumerate(some) for name, value in vars(batch).items()}
    np.savez(folder / "batches.npz", sizes=sizes, **arrays)
    command = [python, "-m", "benchmarks.pretraining.torch_model", str(folder / "batches.npz"), str(BATCHES)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    if done.returncode:
        raise UserError(
            f"{python} -m benchmarks.pretraining.torch_model failed: {done.stderr.strip().splitlines()[-1]}"
        )
    return json.loads(done.stdout)


def summarise(timings: list[Timing]) -> dict[str, float]:
    """Tokens a second over all steps, by wall clock and by CPU, and the median step."""
    tokens, wall, cpu = (sum(column) for column in zip(*timings))
    median = statistics.median(seconds for _, _, seconds in timings)
    return {
        "tokens_per_second": round(tokens / wall),
        "tokens_per_cpu_second": round(tokens / cpu),
        "median_step_cpu_ms": round(1e3 * median, 1),
        "steps": len(timings),
    }


@run_command
def main(arguments: list[str] | None = None) -> None:
    parse = argparse.ArgumentParser(prog="python -m benchmarks.pretraining", description=__doc__.split("\n")[0])
    parse.add_argument("--corpus", nargs="+", required=True)
    parse.add_argument("--torch-python", help="a Python that has torch and numpy")
    parse.add_argument("--rounds", type=int, default=3)
    options = parse.parse_args(arguments)
    os.environ.update(TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1", OMP_NUM_THREADS="1")
    with tempfile.TemporaryDirectory() as folder:
        results = measure(options, Path(folder))
    RESULT.write_text(json.dumps(results, indent=1) + "\n")
    for name, figures in results["variants"].items():
        print(f"{name:45} {figures['tokens_per_second']:8} tokens/s {figures['tokens_per_cpu_second']:8} tokens/CPU s")


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All variants in turn, and the losses of the first batch, which must not hang on the variant."""
    from tf_embbert.pretraining.fitting import tensors

    corpus = prepare_corpus(first_paragraphs(options.corpus, folder), 8192, folder / "corpus", print)
    batches = make_batches(corpus)
    built = {name: (kind, *make_variant(*how)) for name, (kind, *how) in VARIANTS.items()}
    timings: defaultdict[str, list[Timing]] = defaultdict(list)
    losses = {name: float(step(tensors(batches[kind][0]))) for name, (kind, _, step) in built.items()}
    for kind, _, step in built.values():
        time_steps(step, batches[kind])  # traces and compiles every shape
    for _ in range(options.rounds):
        for name, (kind, _, step) in built.items():
            timings[name] += time_steps(step, batches[kind])
        if options.torch_python:
            told = time_torch(options.torch_python, built["straightforward"][1], batches, folder)
            for kind in ("straightforward", "fast"):
                timings[f"PyTorch, {kind}"] += told[kind]
                losses[f"PyTorch {told['torch']}, {kind}"] = told[f"{kind}_loss"]
    return {
        "preset": "base",
        "threads": 1,
        "processor": platform.processor() or platform.machine(),
        "load_average": round(os.getloadavg()[0], 1),
        "losses": losses,
        "variants": {name: summarise(values) for name, values in timings.items()},
    }


if __name__ == "__main__":
    raise SystemExit(main())
