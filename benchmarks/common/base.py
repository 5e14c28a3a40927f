"""The base preset that figures are of: the committed run, converted as `make base256` and its siblings do."""

from pathlib import Path

from convert.export.build import build_model
from tf_embbert.run import load_run

BASE = Path(__file__).parents[1] / "base256"
ARENA_BUDGETS = {256: 114_688}  # by length, in bytes; the others take the smallest arena


def build_base(*lengths: int) -> list[bytes]:
    """The .tflite model of each length, alone in its file."""
    run = load_run(BASE)
    return [build_model(run.weights, run.ranges, length, arena=ARENA_BUDGETS.get(length)) for length in lengths]
