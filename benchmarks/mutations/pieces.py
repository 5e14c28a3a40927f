"""The results of many files in one JSON file, piece by piece; runs at the same time add to the same file."""

import fcntl
import json
import os
from collections import Counter
from pathlib import Path

from benchmarks.mutations.judging import MEMORY_BYTES
from tf_embbert.common.files import write_atomically

PIECE = 500
COUNTS = ("verdicts", "interpreter")
LISTS = ("differences", "failures")


def summary(first: int, outcomes: list[dict], agreement: Counter, differences: list[dict]) -> dict:
    """What became of one piece: counts, the slowest, and every difference and failure by its number."""
    failed = [(i, one) for i, one in enumerate(outcomes) if one["verdict"] in ("crash", "hang")]
    return {
        "verdicts": dict(sorted(Counter(outcome["verdict"] for outcome in outcomes).items())),
        "interpreter": dict(sorted(agreement.items())),
        "slowest_seconds": round(max(outcome["seconds"] for outcome in outcomes), 3),
        "differences": [{**entry, "mutant": first + entry["mutant"]} for entry in differences],
        "failures": [{"mutant": first + i, **one} for i, one in failed],
    }


def totals(pieces: dict[int, dict]) -> dict:
    """The sums of pieces."""
    added: dict = {"count": PIECE * len(pieces)}
    for name in COUNTS:
        added[name] = dict(sorted(sum((Counter(piece[name]) for piece in pieces.values()), Counter()).items()))
    added["slowest_seconds"] = max((piece["slowest_seconds"] for piece in pieces.values()), default=0.0)
    for name in LISTS:
        added[name] = [entry for _, piece in sorted(pieces.items()) for entry in piece[name]]
    return added


def read_pieces(place: Path, seed: int) -> dict[int, dict]:
    """The pieces in a file by the number of their first, none if the file is of another seed or not there."""
    if not place.exists():
        return {}
    held = json.loads(place.read_text())
    return {int(first): piece for first, piece in held.get("pieces", {}).items()} if held["seed"] == seed else {}


def add_piece(place: Path, seed: int, first: int, piece: dict) -> None:
    """Puts a piece among the others of its seed, in place of one with its number."""
    folder = os.open(place.parent, os.O_RDONLY)  # the folder is the lock: each writer replaces the file
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        pieces = read_pieces(place, seed) | {first: piece}
        write_atomically(place, _text(seed, dict(sorted(pieces.items()))))
    finally:
        os.close(folder)


def _text(seed: int, pieces: dict[int, dict]) -> str:
    """JSON with one line for each piece."""
    head = json.dumps({"seed": seed, "memory_limit_bytes": MEMORY_BYTES, **totals(pieces)}, indent=1)
    rows = ",\n".join(f'  "{first}": {json.dumps(piece)}' for first, piece in pieces.items())
    return f'{head[:-2]},\n "pieces": {{\n{rows}\n }}\n}}\n'
