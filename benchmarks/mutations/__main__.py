"""Mutated models through check, arena and optimize.

    python -m benchmarks.mutations structure --count 100000 --seed 1
    python -m benchmarks.mutations bytes --count 10000 --seed 1

Good models (one for each operator that TFLM registers) are damaged at random, byte by byte or part by part; all that
the rules accept, and all that they refuse by a rule that TFLM checks, are also put to TFLM's interpreter. Writes
results/mutations_structure.json or results/mutations_bytes.json after every batch.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from benchmarks.mutations.flips import mutants
from benchmarks.mutations.judging import MEMORY_BYTES, compare, judge_all
from benchmarks.mutations.structure import structure_mutants
from tf_embbert.common.errors import run_command

RESULTS = Path(__file__).resolve().parents[1] / "results"
BATCH = 500


def good_models() -> list[bytes]:
    """A tiny model for each operator, from the tests."""
    from tests.support.agreement_bases import BASES

    return [spec.build() for _, spec in sorted(BASES.items())]


def run(make: Callable[[int, int], list[bytes]], count: int, seed: int, report: Callable[[dict], None]) -> dict:
    """Judges so many files, batch by batch.

    Args:
        make: gives the files from a number to before another.
        count: how many.
        seed: of their making, for the results.
        report: called with the results so far.

    Returns:
        What became of them: verdicts, agreement with the interpreter, time, memory, and every failure.
    """
    verdicts: Counter[str] = Counter()
    agreement: Counter[str] = Counter()
    differences: list[dict] = []
    failures: list[dict] = []
    slowest = 0.0
    for first in range(0, count, BATCH):
        files = make(first, min(first + BATCH, count))
        outcomes = judge_all(files)
        counts, differ = compare(files, outcomes)
        verdicts += Counter(outcome["verdict"] for outcome in outcomes)
        agreement += counts
        differences += [{**entry, "mutant": entry["mutant"] + first} for entry in differ]
        failed = [(i, one) for i, one in enumerate(outcomes) if one["verdict"] in ("crash", "hang")]
        failures += [{"mutant": first + i, **one} for i, one in failed]
        slowest = max(slowest, *(outcome["seconds"] for outcome in outcomes))
        results = {
            "count": first + len(files),
            "seed": seed,
            "verdicts": dict(sorted(verdicts.items())),
            "slowest_seconds": round(slowest, 3),
            "memory_limit_bytes": MEMORY_BYTES,
            "interpreter": dict(sorted(agreement.items())),
            "differences": differences,
            "failures": failures,
        }
        report(results)
    return results


@run_command
def main(arguments: list[str] | None = None) -> None:
    parse = argparse.ArgumentParser(prog="python -m benchmarks.mutations", description=__doc__.split("\n")[0])
    parse.add_argument("kind", choices=("structure", "bytes"))
    parse.add_argument("--count", type=int, default=10000)
    parse.add_argument("--first", type=int, default=0, help="the number of the first (structure)")
    parse.add_argument("--seed", type=int, default=1)
    options = parse.parse_args(arguments)
    models, place = good_models(), RESULTS / f"mutations_{options.kind}.json"
    flipped = mutants(models, options.count, options.seed) if options.kind == "bytes" else []

    def make(low: int, high: int) -> list[bytes]:
        if options.kind == "bytes":
            return flipped[low:high]
        return structure_mutants(models, range(options.first + low, options.first + high), options.seed)

    def write(results: dict) -> None:
        place.write_text(json.dumps(results, indent=1) + "\n")

    results = run(make, options.count, options.seed, write)
    print(json.dumps({name: value for name, value in results.items() if name not in ("differences", "failures")}))


if __name__ == "__main__":
    sys.exit(main())
