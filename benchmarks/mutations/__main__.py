"""Mutated models through check, arena and optimize.

    python -m benchmarks.mutations structure --count 100000 --seed 1
    python -m benchmarks.mutations bytes --count 10000 --seed 1

Good models (one for each operator that TFLM registers) are damaged at random, byte by byte or part by part; all that
the rules accept, and all that they refuse by a rule that TFLM checks, are also put to TFLM's interpreter.

Files are judged in pieces of 500, each written to results/mutations_structure.json or results/mutations_bytes.json as
soon as it is done. A piece that is there is not judged again, but with `--again`: a run that was stopped goes on where
it was, several runs at once add up, and what a change touches is judged anew.
"""

import argparse
import sys
from pathlib import Path

from benchmarks.mutations.flips import mutants
from benchmarks.mutations.judging import compare, judge_all
from benchmarks.mutations.pieces import PIECE, add_piece, read_pieces, summary, totals
from benchmarks.mutations.structure import structure_mutants
from tf_embbert.common.errors import run_command

RESULTS = Path(__file__).resolve().parents[1] / "results"


def good_models() -> list[bytes]:
    """A tiny model for each operator, from the tests."""
    from tests.support.agreement_bases import BASES

    return [spec.build() for _, spec in sorted(BASES.items())]


def make_piece(kind: str, first: int, seed: int) -> list[bytes]:
    """The damaged files from a number on."""
    end = first + PIECE
    if kind == "bytes":
        return mutants(good_models(), end, seed)[first:]
    return structure_mutants(good_models(), range(first, end), seed)


def judge_piece(files: list[bytes], first: int) -> dict:
    """What became of files, of which the first has a number: as `pieces.summary` gives it."""
    outcomes = judge_all(files)
    agreement, differences = compare(files, outcomes)
    return summary(first, outcomes, agreement, differences)


@run_command
def main(arguments: list[str] | None = None) -> None:
    parse = argparse.ArgumentParser(prog="python -m benchmarks.mutations", description=__doc__.split("\n")[0])
    parse.add_argument("kind", choices=("structure", "bytes"))
    parse.add_argument("--count", type=int, default=10000, help=f"how many, in pieces of {PIECE} (default: 10000)")
    parse.add_argument("--first", type=int, default=0, help="the number of the first (default: 0)")
    parse.add_argument("--seed", type=int, default=1)
    parse.add_argument("--again", action="store_true", help="judge pieces that were judged before, too")
    parse.add_argument("--results", type=Path, metavar="FILE", help="another file than results/mutations_KIND.json")
    options = parse.parse_args(arguments)
    place = options.results or RESULTS / f"mutations_{options.kind}.json"
    start = options.first // PIECE * PIECE
    for first in range(start, options.first + options.count, PIECE):
        if not options.again and first in read_pieces(place, options.seed):
            continue
        piece = judge_piece(make_piece(options.kind, first, options.seed), first)
        add_piece(place, options.seed, first, piece)
        print(f"{first} to {first + PIECE - 1}: {piece['verdicts']} {len(piece['differences'])} differ", flush=True)
    print(totals(read_pieces(place, options.seed)))


if __name__ == "__main__":
    sys.exit(main())
