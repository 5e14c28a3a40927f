"""The tables of README.md, docs/ and the kernels' page, each made of result files.

A table lies between `<!-- table NAME -->` and `<!-- end -->`, each once; a test holds the pages to what this makes, and
`python -m benchmarks.tables` writes them.
"""

import re
from collections import Counter
from collections.abc import Iterable

from benchmarks import near_copies
from benchmarks.baselines import table as baselines
from benchmarks.own_data import table as own_data
from benchmarks.own_data.tasks import RESULTS, WITHOUT_TORCH
from benchmarks.tables import accuracy, device, memory, training
from benchmarks.tables.common import HERE, lines_of

ROOT = HERE.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "tflm_app/kernels/README.md"]
MARK = re.compile(r"(<!-- table ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

TABLES = {
    "ablation": lambda: lines_of(baselines.ABLATION_HEADER, baselines.ablation_rows()),
    "accuracy": accuracy.general_table,
    "accuracy-by-hand": accuracy.by_hand_table,
    "accuracy-short": accuracy.accuracy_short_table,
    "app": device.app_table,
    "baselines": lambda: lines_of(baselines.ACCURACY_HEADER, baselines.accuracy_rows()),
    "baselines-short": lambda: lines_of(baselines.SHORT_HEADER, baselines.short_rows()),
    "baseline-sizes": lambda: lines_of(baselines.SIZES_HEADER, baselines.sizes_rows()),
    "bucketing": training.bucketing_table,
    "compilers": device.compilers_table,
    "conversion": accuracy.conversion_table,
    "device-short": device.device_short_table,
    "distribution": training.distribution_table,
    "estimate-errors": device.estimate_errors_table,
    "export": memory.export_table,
    "flash": device.flash_table,
    "foreign": memory.foreign_table,
    "forms": memory.forms_table,
    "ideas": memory.ideas_table,
    "fused": device.fused_table,
    "fused-lengths": device.fused_lengths_table,
    "int4": device.int4_table,
    "kernels": device.kernels_table,
    "lengths": device.lengths_table,
    "memory": memory.memory_table,
    "near-copies": lambda: lines_of(near_copies.HEADER, near_copies.near_copies_rows()),
    "ngrams": accuracy.ngrams_table,
    "other-thirds": device.other_thirds_table,
    "own-data": lambda: lines_of(own_data.HEADER, own_data.own_data_rows()),
    "own-data-means": lambda: lines_of(own_data.MEANS_HEADER, own_data.means_rows()),
    "own-data-without-torch": lambda: lines_of(own_data.HEADER, own_data.own_data_rows(RESULTS / WITHOUT_TORCH)),
    "quantisation": accuracy.quantisation_table,
    "reckoned": memory.reckoned_table,
    "tool-speed": memory.tool_speed_table,
    "windows": lambda: lines_of(own_data.WINDOWS_HEADER, own_data.windows_rows()),
}


def with_tables(text: str) -> str:
    """A page's text with every table in it made anew."""
    return MARK.sub(lambda mark: f"{mark[1]}{TABLES[mark[2]]()}\n{mark[3]}", text)


def require_each_once(texts: Iterable[str]) -> None:
    """SystemExit unless the pages have each table once, and no other."""
    found = Counter(mark[2] for text in texts for mark in MARK.finditer(text))
    if wrong := sorted(name for name in TABLES.keys() | found if (name in TABLES, found[name]) != (True, 1)):
        raise SystemExit(f"README.md and docs/ must have each table of benchmarks.tables once: {', '.join(wrong)}")
