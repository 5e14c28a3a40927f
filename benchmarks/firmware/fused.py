"""Models with EMBBERT_BLOCKs that the firmware measures: random weights of several widths, lengths and tiles.

    python -m benchmarks.firmware.fused

Writes benchmarks/firmware/fused/*.tflite. As those of `models.py` they are committed and stay as they are.
"""

from pathlib import Path
from typing import NamedTuple

from benchmarks.baselines.sizes import random_model
from convert.lowering.graph import Graph
from convert.lowering.lower import lower_mixed
from convert.lowering.mixtures import mixture_ranges
from convert.lowering.to_tflite import write_model
from convert.passes.fuse import fuse_blocks
from tf_embbert.model.config import EmbBERTConfig
from tf_embbert.model.folded import FoldedModel

FOLDER = Path(__file__).parent / "fused"
TOKENS = 64


class Form(NamedTuple):
    """d, L, taps of the convolution, rows of a tile, its activation, and bits of the dense weights."""

    width: int
    length: int
    taps: int
    tile_rows: int
    activation: str = "silu"
    bits: int = 8


# Convolutions of few taps, whose lines are mostly begun and ended; in narrow blocks, where that shows.
SHORT = (
    Form(32, 30, 1, 12),
    Form(36, 24, 3, 5),
    Form(40, 20, 2, 9),
    Form(44, 22, 5, 3),
    Form(48, 28, 4, 6),
    Form(64, 40, 6, 10),
)
FORMS = (
    Form(32, 40, 8, 4),
    Form(64, 64, 8, 16),
    Form(64, 200, 16, 32, "hard_swish"),
    Form(96, 33, 5, 8),
    Form(128, 48, 16, 16),
    Form(128, 130, 32, 32),
    Form(128, 300, 32, 8),
    Form(160, 96, 32, 16, "hard_swish"),
    Form(36, 17, 1, 7),
    Form(48, 120, 16, 8),
    Form(64, 128, 32, 4),
    Form(96, 64, 24, 32),
    Form(128, 90, 8, 4),
    Form(160, 40, 16, 8),
    Form(32, 100, 8, 16),
    Form(64, 96, 8, 8),
    Form(64, 160, 16, 16),
    Form(128, 64, 32, 16),
    Form(128, 192, 32, 16),
    Form(128, 256, 32, 32),
    Form(32, 40, 8, 4, bits=4),
    Form(64, 96, 8, 8, bits=4),
    Form(96, 64, 24, 32, "hard_swish", bits=4),
    Form(128, 90, 8, 4, bits=4),
    Form(128, 192, 32, 16, bits=4),
    Form(160, 130, 16, 32, bits=4),
    Form(48, 120, 16, 8, bits=4),
    Form(64, 160, 16, 32, bits=4),
    Form(96, 33, 8, 16, bits=4),
    Form(128, 130, 32, 32, bits=4),
    Form(160, 48, 16, 8, bits=4),
    *SHORT,
)


def name_of(form: Form) -> str:
    return f"fused-{form.width}-{form.length}-{form.taps}-{form.tile_rows}{'-int4' * (form.bits == 4)}"


def make_model(form: Form) -> bytes:
    """A model of blocks."""
    config = EmbBERTConfig(
        vocab_size=TOKENS,
        max_length=form.length,
        hidden_size=form.width,
        reduced_size=8,
        num_blocks=2,
        kernel_size=form.taps,
        activation=form.activation,
    )
    return write_model(fuse_blocks(mixed_graph(config, form.bits), form.tile_rows))


def mixed_graph(config: EmbBERTConfig, bits: int = 8) -> Graph:
    """What blocks are fused in, of random weights and as long as the config's texts."""
    _, (weights, ranges), rows = random_model(config, config.max_length)
    assert isinstance(weights, FoldedModel)
    return lower_mixed(weights, {**ranges, **mixture_ranges(weights, rows)}, config.max_length, bits)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for form in FORMS:
        (FOLDER / f"{name_of(form)}.tflite").write_bytes(make_model(form))


if __name__ == "__main__":
    main()
