"""Mutated models through the check and the arena: none may crash them, hang them or cost more than 1 GB.

    python -m benchmarks.mutations --count 10000 --seed 1

Good models (one for each operator that TFLM registers) are damaged at random; all that the rules accept, and all that
they refuse though the file can be read, are also put to TFLM's interpreter. Writes results/mutations.json.
"""

import argparse
import json
import multiprocessing
import resource
import signal
import sys
import time
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from tf_embbert.common.errors import UserError, run_command

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks/results/mutations.json"
MEMORY_BYTES, SECONDS = 1 << 30, 5
ARENA_BYTES = 1 << 22
WORDS = (0, 1, 2, 3, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
NO_ROOM = ("Failed to resize buffer", "Failed to allocate", "Requested", "not enough arena")


def good_models() -> list[bytes]:
    """A tiny model for each operator, from the tests."""
    from tests.support.agreement_bases import BASES

    return [spec.build() for _, spec in sorted(BASES.items())]


def mutants(models: list[bytes], count: int, seed: int) -> list[bytes]:
    """`count` damaged models, the same for the same seed."""
    rng = np.random.default_rng(seed)
    return [mutate(models[rng.integers(len(models))], rng) for _ in range(count)]


def mutate(model: bytes, rng: np.random.Generator) -> bytes:
    """A model with one to three damages."""
    data = bytearray(model)
    for _ in range(rng.choice((1, 2, 3), p=(0.7, 0.2, 0.1))):
        damage = (_flip_bit, _set_byte, _set_word, _cut, _copy, _clear)[
            rng.choice(6, p=(0.25, 0.35, 0.25, 0.05, 0.05, 0.05))
        ]
        damage(data, rng)
    return bytes(data)


def _flip_bit(data: bytearray, rng: np.random.Generator) -> None:
    if data:
        data[rng.integers(len(data))] ^= 1 << rng.integers(8)


def _set_byte(data: bytearray, rng: np.random.Generator) -> None:
    if data:
        data[rng.integers(len(data))] = rng.integers(256)


def _set_word(data: bytearray, rng: np.random.Generator) -> None:
    place = int(rng.integers(max(len(data) // 4, 1))) * 4
    value = rng.choice(WORDS) if rng.integers(2) else rng.integers(1 << 16)
    data[place : place + 4] = int(value).to_bytes(4, "little")


def _cut(data: bytearray, rng: np.random.Generator) -> None:
    del data[rng.integers(len(data) + 1) :]


def _copy(data: bytearray, rng: np.random.Generator) -> None:
    source, target, size = (int(n) for n in rng.integers(1, [max(len(data), 2), max(len(data), 2), 64]))
    data[target : target + size] = data[source : source + size]


def _clear(data: bytearray, rng: np.random.Generator) -> None:
    place, size = (int(n) for n in rng.integers(1, [max(len(data), 2), 32]))
    data[place : place + size] = bytes(len(data[place : place + size]))


def judge(data: bytes) -> dict:
    """What check and arena make of a file: {verdict, rules}; verdicts are damaged, refused, supported, and failures."""
    from convert.tflm.arena import plan_arena
    from convert.tflm.support import check_bytes

    began = time.monotonic()
    try:
        report = check_bytes(data, "mutant", "reference")
        if report["supported"]:
            plan_arena(data)
        outcome = {
            "verdict": "supported" if report["supported"] else "refused",
            "rules": [refusal["rule"] for refusal in report["refusals"]],
        }
    except UserError:
        outcome = {"verdict": "damaged", "rules": []}
    except Exception as error:
        outcome = {"verdict": "crash", "rules": [], "error": f"{type(error).__name__}: {error}"}
    return outcome | {"seconds": time.monotonic() - began}


def judge_all(files: list[bytes]) -> list[dict]:
    """`judge` of files, in a child process of limited memory and time; what ends the child is a failure of its file."""
    outcomes: list[dict] = []
    while len(outcomes) < len(files):
        receiver, sender = multiprocessing.Pipe(duplex=False)
        child = multiprocessing.get_context("fork").Process(target=_work, args=(files[len(outcomes) :], sender))
        child.start()
        sender.close()
        outcomes += _received(receiver)
        child.join()
        if child.exitcode and len(outcomes) < len(files):
            kind = "hang" if child.exitcode == -signal.SIGALRM else "crash"
            outcomes.append({"verdict": kind, "rules": [], "seconds": SECONDS, "error": f"exit {child.exitcode}"})
    return outcomes


def _received(receiver: Connection) -> list[dict]:
    outcomes = []
    while True:
        try:
            outcomes.append(receiver.recv())
        except EOFError:
            return outcomes


def _work(files: list[bytes], sender: Connection) -> None:
    import convert.arena
    import convert.check  # noqa: F401 (before the limit)

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    for data in files:
        signal.alarm(SECONDS)
        sender.send(judge(data))
    signal.alarm(0)


def compare(files: list[bytes], outcomes: list[dict]) -> tuple[Counter, list[dict]]:
    """How often verdict and interpreter agree, and where they do not."""
    from convert.tflm.rules.registry import RULES
    from convert.tflm.rules.structure import STRUCTURE
    from tests.support.agreement_truth import measure

    unchecked = {rule.name for rules in (RULES, STRUCTURE) for rule in rules if rule.unchecked}
    readable = [i for i, outcome in enumerate(outcomes) if outcome["verdict"] in ("supported", "refused")]
    counts: Counter[str] = Counter()
    differences = []
    for i, truth in zip(readable, measure([files[i] for i in readable], ARENA_BYTES)):
        kind = _kind(outcomes[i], truth, unchecked)
        counts[kind] += 1
        if kind.startswith("false"):
            differences.append({"mutant": i, "kind": kind, "rules": outcomes[i]["rules"], "said": truth["log"][-2:]})
    return counts, differences


def _kind(outcome: dict, truth: dict, unchecked: set[str]) -> str:
    supported = outcome["verdict"] == "supported"
    if supported == truth["runs"]:
        return "agree"
    if supported:
        no_room = any(word in line for line in truth["log"] for word in NO_ROOM)
        return "too large for the interpreter's arena" if no_room else "false pass"
    return "refused as unsafe, ran by luck" if unchecked & set(outcome["rules"]) else "false refusal"


@run_command
def main(arguments: list[str] | None = None) -> None:
    parse = argparse.ArgumentParser(prog="python -m benchmarks.mutations", description=__doc__.split("\n")[0])
    parse.add_argument("--count", type=int, default=10000)
    parse.add_argument("--seed", type=int, default=1)
    options = parse.parse_args(arguments)
    files = mutants(good_models(), options.count, options.seed)
    outcomes = judge_all(files)
    counts, differences = compare(files, outcomes)
    results = {
        "count": options.count,
        "seed": options.seed,
        "verdicts": dict(sorted(Counter(outcome["verdict"] for outcome in outcomes).items())),
        "slowest_seconds": round(max(outcome["seconds"] for outcome in outcomes), 3),
        "peak_bytes": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024,
        "interpreter": dict(sorted(counts.items())),
        "differences": differences,
        "failures": [
            {"mutant": i, **outcome} for i, outcome in enumerate(outcomes) if outcome["verdict"] in ("crash", "hang")
        ],
    }
    RESULT.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps({name: value for name, value in results.items() if name not in ("differences", "failures")}))


if __name__ == "__main__":
    sys.exit(main())
