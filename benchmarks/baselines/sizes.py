"""What EmbBERT and the paper's other models need of a device, of random weights: nothing here depends on training.

    python -m benchmarks.baselines.sizes [--model bert ..] [--length 64 256] [--rows 20]

Parameters with a head of two classes, the file as `convert` makes it, its arena on a Cortex-M4 and a Cortex-M55 with
CMSIS-NN, instructions of a text that fills L on a Cortex-M7 as `convert.arena` estimates them (of a loop, those of its
body for every token; "at least" where an operator was not measured), and rows on which TFLM answers what TFLite's
reference kernels answer, of at most 511 tokens (rule softmax_sum of SUPPORTED_OPS.md). Resumable: a model and length
that are in results/baselines/sizes.json are left out.
"""

import argparse
import json
from typing import Any

import numpy as np

from benchmarks.baselines.__main__ import MODELS, RESULTS
from convert.export.build import build_model
from convert.lowering.lower import lower_model
from convert.lowering.to_tflite import write_model
from convert.tflm.arena import plan_arena
from convert.tflm.instructions import estimate_instructions
from convert.tflm.rules.cautions import SUM_TOO_LARGE
from convert.tflm.support import check_bytes
from tf_embbert.baselines.config import BaselineConfig
from tf_embbert.common.errors import run_command
from tf_embbert.common.files import write_atomically
from tf_embbert.model.config import CLS, PRESETS, SEP, EmbBERTConfig, ModelConfig
from tf_embbert.run import Array, Quantised

SIZES = RESULTS / "sizes.json"
ROWS = 20
CLASSES = 2


def sizes_of(name: str) -> ModelConfig:
    """The sizes of a baseline, or of a preset of EmbBERT: embbert, embbert-tiny."""
    if name in BaselineConfig.presets:
        return BaselineConfig.preset(name)
    return EmbBERTConfig.preset(name.removeprefix("embbert").lstrip("-") or "base")


def measure(name: str, length: int, count: int) -> dict[str, Any]:
    """One model at a length, with so many rows."""
    config = sizes_of(name)
    parameters, quantised, rows = random_model(config, length, count)
    model = build_model(*quantised, length)
    arena = {core: plan_arena(model, core, "cmsis_nn")["total"] for core in ("cortex-m4", "cortex-m55")}
    return {
        "model": name,
        "length": length,
        "parameters": parameters,
        "bytes": len(model),
        "arena": arena,
        "instructions": instructions(model, quantised, length),
        "refusals": len(check_bytes(model, name)["refusals"]),
        "rows": len(rows),
        "equal": equal_rows(model, rows, length),
    }


def random_model(config: ModelConfig, length: int, count: int = ROWS) -> tuple[int, Quantised, list[Array]]:
    """Parameters, integers and rows of a model that was not trained."""
    import tf_keras as keras

    from tf_embbert.quantization.variants import calibrate_model

    keras.utils.set_random_seed(0)
    rng, model = np.random.default_rng(0), config.build(CLASSES)
    longest = min(length, SUM_TOO_LARGE - 1)  # of random weights all keys are alike
    counts = [longest, *rng.integers(2, longest + 1, count - 1)]
    rows = [rng.integers(SEP + 1, config.vocab_size, tokens).astype(np.int32) for tokens in counts]
    for row in rows:
        row[0] = CLS
    return model.count_params(), calibrate_model(model, False, rows, seed=0), rows


def instructions(model: bytes, quantised: Quantised, length: int) -> dict[str, Any]:
    """{total, at_least} of a text of L tokens on a Cortex-M7."""
    found = [estimate_instructions(model, "cortex-m7", "cmsis_nn")]
    graph = lower_model(*quantised, length)
    if graph.subgraphs:
        found += [estimate_instructions(write_model(graph.subgraphs[1]), "cortex-m7", "cmsis_nn")] * length
    known = [one for one in found if one]
    return {"total": sum(one["total"] or 0 for one in known), "at_least": any(one["at_least"] for one in known)}


def equal_rows(model: bytes, rows: list[Array], length: int) -> int:
    """On how many rows TFLM's bytes are TFLite's."""
    from convert.tflm.interpreters import TFLiteReferenceRunner, TFLMRunner

    tflm, reference = TFLMRunner(model), TFLiteReferenceRunner(model)
    padded = [np.pad(row, (0, length - len(row))) for row in rows]
    return sum(np.array_equal(tflm(row), reference(row)) for row in padded)


@run_command
def main(arguments: list[str] | None = None) -> None:
    parse = argparse.ArgumentParser(prog="python -m benchmarks.baselines.sizes", description=__doc__.split("\n")[0])
    presets = [f"embbert-{name}" for name in PRESETS if name != "base"]
    parse.add_argument("--model", nargs="+", choices=[*MODELS, *presets], default=MODELS)
    parse.add_argument("--length", nargs="+", type=int, default=[64, 256])
    parse.add_argument("--rows", type=int, default=ROWS, help="that calibrate, and are compared")
    options = parse.parse_args(arguments)
    found = json.loads(SIZES.read_text()) if SIZES.exists() else []
    RESULTS.mkdir(parents=True, exist_ok=True)
    for length in options.length:
        for name in options.model:
            if not any((one["model"], one["length"]) == (name, length) for one in found):
                found.append(measure(name, length, options.rows))
                write_atomically(SIZES, json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
