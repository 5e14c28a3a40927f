"""What matters on the way to int8, one choice at a time, on a trained Emotion run.

    python -m benchmarks.quantisation RUN --data-dir DIR

Each line changes one choice of `calibrate` or `quantize` (tf_embbert/quantization). Measured on the selection rows in
the fake-quantised graph (a test holds it to TFLM): accuracy, and the rows answered as the float model answers them,
which tells more than accuracy does. Writes results/quantisation.json.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tf_embbert.common.errors import run_command
from tf_embbert.data.tasks import Rows
from tf_embbert.model.folded import Ranges
from tf_embbert.model.program import Folded
from tf_embbert.run import Run
from tf_embbert.training.fitting import EncodedRows

RESULT = Path(__file__).parent / "results/quantisation.json"
TASK = "emotion"


class Bench:
    """A float run with its rows, ready to be quantised in several ways."""

    def __init__(self, run: Run, data_dir: Path) -> None:
        from tf_embbert.data.tasks import load_task
        from tf_embbert.quantization.fold import fold_model
        from tf_embbert.training.batching import predict_in_order

        task = load_task(TASK, data_dir, seed=run.seed)

        def encode(part: Rows) -> EncodedRows:
            return EncodedRows(
                run.tokenizer.encode(part.texts, part.pairs, max_length=run.max_length).ids, part.labels, task.metric
            )

        self.rows, self.selection = encode(task.rows("train")), encode(task.rows("selection"))
        self.folded, self.seed = fold_model(run.model, run.encoder, run.is_pair), run.seed
        self.teacher = predict_in_order(run.model, self.rows.ids)
        self.expected = predict_in_order(run.model, self.selection.ids).argmax(1)

    def ptq(self, **choices: Any) -> tuple[Folded, Ranges]:
        from tf_embbert.quantization.calibrate import calibrate

        return self.folded, calibrate(self.folded, self.rows.ids, self.seed, **choices)

    def qat(
        self, teacher: np.ndarray | None = None, phases: Sequence[str] = ("ranges", "frozen"), rate: float = 3e-5
    ) -> tuple[Folded, Ranges]:
        from tf_embbert.quantization.quantize import train_quantized
        from tf_embbert.training.fitting import Recipe

        recipe = Recipe(epochs=1, learning_rate=rate, weight_decay=0.0)
        folded, calibrated = self.ptq()
        with tempfile.TemporaryDirectory() as folder:
            weights, ranges, _ = train_quantized(
                folded,
                calibrated,
                self.teacher if teacher is None else teacher,
                self.rows,
                self.selection,
                recipe,
                Path(folder),
                self.seed,
                lambda line: None,
                phases,
                may_stay=False,
            )
        return weights, ranges

    def labels_as_teacher(self) -> np.ndarray:
        """Logits as sure of the label as can be: cross-entropy with the labels, no distillation."""
        return 30.0 * np.eye(self.teacher.shape[1], dtype=np.float32)[self.rows.labels]

    def measure(self, choice: str, weights: Folded, ranges: Ranges) -> dict[str, Any]:
        from tf_embbert.quantization.quantize import QuantizedModel
        from tf_embbert.training.batching import predict_in_order

        answers = predict_in_order(QuantizedModel(weights, ranges).model, self.selection.ids).argmax(1)
        result = {
            "choice": choice,
            "accuracy": 100 * float(np.mean(answers == self.selection.labels)),
            "as_float": 100 * float(np.mean(answers == self.expected)),
        }
        print(result, flush=True)
        return result


def measure_all(bench: Bench) -> list[dict[str, Any]]:
    from tf_embbert.quantization.calibrate import whole_range

    return [
        bench.measure("PTQ as shipped", *bench.ptq()),
        bench.measure("PTQ, ranges from minimum to maximum", *bench.ptq(clip=whole_range)),
        bench.measure("PTQ, mask 4 below the peaks instead of 8", *bench.ptq(mask_depth=4.0)),
        bench.measure("PTQ, mask 16 below", *bench.ptq(mask_depth=16.0)),
        bench.measure("QAT as shipped, kept though it may not help", *bench.qat()),
        bench.measure("QAT, taught by the labels, not by the float model", *bench.qat(bench.labels_as_teacher())),
        bench.measure("QAT at 1e-4 instead of 3e-5", *bench.qat(rate=1e-4)),
        bench.measure("QAT, ranges as calibrated", *bench.qat(phases=("frozen", "frozen"))),
    ]


@run_command
def main(arguments: list[str] | None = None) -> None:
    parse = argparse.ArgumentParser(prog="python -m benchmarks.quantisation", description=__doc__.split("\n")[0])
    parse.add_argument("run", help=f"a run of {TASK}")
    parse.add_argument("--data-dir", required=True)
    options = parse.parse_args(arguments)
    from tf_embbert.run import load_run

    run = load_run(options.run)
    bench = Bench(run, options.data_dir)
    accuracy = 100 * float(np.mean(bench.expected == bench.selection.labels))
    float_line = {"choice": "float", "accuracy": accuracy, "as_float": 100.0}
    result = {
        "task": TASK,
        "rows": len(bench.selection),
        "seed": run.seed,
        "choices": [float_line, *measure_all(bench)],
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
