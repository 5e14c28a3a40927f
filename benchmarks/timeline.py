"""Draws the memory timeline of base at 256 tokens for the README: `python -m benchmarks.timeline`.

The picture, `results/arena_timeline.png`, is the one in `report.html`, of the model that `make base256` converts.
"""

import argparse
from pathlib import Path

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from benchmarks.common.base import build_base
from convert.bundle.report import DRAWN, KERNEL_NAMES
from convert.bundle.timeline import Box, Timeline, lay_out
from convert.tflite.view import view_model
from convert.tflm.allocator import allocate
from convert.tflm.builds import BUILDS
from tf_embbert.common.errors import run_command

HERE = Path(__file__).parent
PICTURE = HERE / "results/arena_timeline.png"
LENGTH = 256
# Okabe and Ito's colours, told apart by colour-blind readers too; as in templates/report.css
COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#d9cb1f", "#8a8f98")


def draw(timeline: Timeline, title: str) -> Figure:
    """A figure of a timeline: x the operator, the start being -1, and y the head in KiB."""
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    axes = figure.subplots()
    colors = dict(zip(timeline.kinds, COLORS))
    for box in timeline.boxes:
        draw_box(axes, box, colors.get(box.kind, COLORS[-1]), len(timeline.operators) / 40)
    steps = range(-1, len(timeline.operators))
    axes.stairs([alive / 1024 for alive in timeline.alive], steps, color="black", linewidth=1)
    axes.axvspan(timeline.peak - 1, timeline.peak, fill=False, edgecolor="black", linestyle="--")
    axes.set(
        xlim=(-1, steps[-1]),
        ylim=(0, timeline.height / 1024 * 1.02),
        xlabel="operator",
        ylabel="KiB of the arena's head",
        title=title,
    )
    handles: list[Artist] = [Patch(color=colors[kind], label=kind) for kind in timeline.kinds]
    handles += [
        Line2D([], [], color="black", linewidth=1, label="alive"),
        Line2D([], [], color="black", linestyle="--", label=f"peak: {timeline.operators[timeline.peak]}"),
    ]
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=5, frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def draw_box(axes: Axes, box: Box, color: str, room: float) -> None:
    """A buffer, with its KiB in it where it lives for more than `room` steps."""
    x, y, width, height = box.first - 1, box.offset / 1024, box.last - box.first + 1, box.nbytes / 1024
    axes.add_patch(Rectangle((x, y), width, height, facecolor=color, edgecolor="white", linewidth=0.8))
    if width > room and height > 4:
        axes.text(
            x + width / 2,
            y + height / 2,
            f"{height:.0f}",
            ha="center",
            va="center",
            fontsize=8,
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.75},
        )


@run_command
def main(arguments: list[str] | None = None) -> None:
    parse = argparse.ArgumentParser(prog="python -m benchmarks.timeline", description=__doc__.split("\n")[0])
    parse.add_argument("--out", type=Path, default=PICTURE, metavar="FILE.png")
    options = parse.parse_args(arguments)
    model = view_model(build_base(LENGTH)[0])
    allocation = allocate(model, *BUILDS[DRAWN])
    core, kernels = DRAWN[0], KERNEL_NAMES[DRAWN[1]]
    title = f"base, {LENGTH} tokens, {core}, {kernels}: {allocation.total:,} B of arena"
    figure = draw(lay_out(model, allocation), title)
    figure.savefig(options.out, dpi=130, metadata={"Software": None})  # no version in it: the same bytes again


if __name__ == "__main__":
    raise SystemExit(main())
