"""Instructions of one inference, counted under QEMU for every operator, and the costs per kernel fitted to them.

    python -m benchmarks.instructions --tflm-root DIR [--core ID] [--kernels NAME] [MODEL.tflite ...]

Counts what is not there yet of the same bytes and tools, then fits. Writes results/instructions.json (counts, the
clock's check, errors of the fit) and convert/tflm/instructions.yaml. Models and inputs are those of
benchmarks.arena_firmware, two that come with TFLM, and those named; a text fills its model's length.
"""

import argparse
import hashlib
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import yaml

from benchmarks.arena_firmware import add_firmware_arguments, named_models
from benchmarks.firmware.inputs import join, seeded_inputs
from benchmarks.firmware.results import Results
from benchmarks.firmware.runner import BOARDS, KERNELS, Firmware, Run, build_firmware, describe_tools
from convert.tflite.view import view_model
from convert.tflm.instructions import COSTS, estimate_instructions, load_costs, operator_units
from tf_embbert.common.arguments import CommandParser
from tf_embbert.common.errors import UserError, run_command
from tf_embbert.common.files import write_atomically

RESULT = Path(__file__).parent / "results/instructions.json"
TFLM_MODELS = "tensorflow/lite/micro/models"
# Models the fit does not see: it is judged on them.
HELD_OUT = (
    "embbert-base-256",
    "embbert-base-64",
    "attention-per-channel",
    "convolution-1d",
    "person_detect",
    "keyword_scrambled_8bit",
)
LOOP_ROUNDS = (1000, 1_000_000, 20_000_000)
COARSE = 2000  # instructions of an operator below which a tick more or less shows
NANOSECONDS = 1_000_000_000  # in a second; QEMU's -icount shift=0 runs an instruction in each
HEADER = (
    "# Instructions by core, kernels, kind of operator and unit (convert/tflm/instructions.py explains the units).\n"
    "# Fitted by `python -m benchmarks.instructions` to the counts in benchmarks/results/instructions.json.\n"
)


def parser() -> CommandParser:
    parse = CommandParser(prog="python -m benchmarks.instructions", description=__doc__.split("\n")[0])
    add_firmware_arguments(parse)
    return parse


def models_to_count(paths: list[Path], tflm_root: Path) -> dict[str, bytes]:
    """Those of the arena's benchmark, a convolutional and a recurrent one of TFLM's own (not committed here), and
    those of `paths`.
    """
    theirs = [Path(tflm_root, TFLM_MODELS, name) for name in ("person_detect.tflite", "keyword_scrambled_8bit.tflite")]
    given = named_models(paths) if paths else {}
    return named_models([]) | {path.stem: path.read_bytes() for path in theirs if path.exists()} | given


def count(firmware: Firmware, name: str, model: bytes) -> dict:
    """One entry of the results: instructions of an inference, in all and by operator in the order of execution.

    The clock is coarse (25 to 50 instructions a tick), and each operator is off by at most one tick.
    """
    run = firmware.run(model, inputs=join(seeded_inputs(model)), count=True)
    if run.status:
        raise UserError(f"{firmware.core} does not run {name}: {' '.join(run.log.split())}")
    return {
        "model": name,
        "model_sha256": hashlib.sha256(model).hexdigest(),
        "core": firmware.core,
        "board": BOARDS[firmware.core],
        "kernels": firmware.kernels,
        "instructions": to_instructions(run.ticks, run),
        "ops": [[kind, to_instructions(ticks, run)] for kind, ticks in run.ops],
    }


def to_instructions(ticks: int, run: Run) -> int:
    return round(ticks * NANOSECONDS / run.ticks_per_second)


def check_clock(firmware: Firmware) -> dict:
    """What the clock says of loops of known length: {core, loops: [[instructions, counted]]}."""
    runs = [(2 * rounds, firmware.loop(rounds)) for rounds in LOOP_ROUNDS]
    return {
        "core": firmware.core,
        "kernels": firmware.kernels,
        "loops": [[known, to_instructions(run.ticks, run)] for known, run in runs],
    }


def count_all(options: argparse.Namespace, chosen: dict[str, bytes]) -> None:
    results = Results(RESULT, describe_tools(options.tflm_root, options.tflm_commit))
    for core in options.core or BOARDS:
        for kernels in options.kernels or KERNELS:
            firmware = build_firmware(core, kernels, options.tflm_root, options.build)
            results.add("clock", ("core", "kernels"), check_clock(firmware))
            for name, model in chosen.items():
                sha256 = hashlib.sha256(model).hexdigest()
                if not results.has(model=name, model_sha256=sha256, core=core, kernels=kernels):
                    entry = count(firmware, name, model)
                    results.add("measured", ("model", "core", "kernels"), entry)
                    print(name, core, kernels, f"{entry['instructions']:,}")


def fit(entries: list[dict], units: dict[str, list]) -> dict:
    """Costs {core: {kernels: {kind: {unit: instructions}}}} of the measured entries.

    Args:
        entries: `measured` of the results, without those held out.
        units: `operator_units` of each model by the hash of its bytes.
    """
    samples = defaultdict(list)
    for entry in entries:
        for (kind, amounts), (_, counted) in zip(units[entry["model_sha256"]], entry["ops"], strict=True):
            samples[entry["core"], entry["kernels"], kind].append((amounts, counted))
    costs: defaultdict[str, defaultdict[str, dict]] = defaultdict(lambda: defaultdict(dict))
    for (core, kernels, kind), rows in sorted(samples.items()):
        costs[core][kernels][kind] = fit_kind(rows)
    return {core: dict(by_kernels) for core, by_kernels in costs.items()}


def fit_kind(rows: list[tuple[dict, int]]) -> dict[str, float]:
    """Non-negative costs of a kind's units by least squares, each operator weighed by its count: between the error
    itself, to which only the largest would matter, and the relative one, to which the totals would not.
    """
    from scipy.optimize import nnls

    names = sorted({unit for amounts, _ in rows for unit in amounts})
    counted = np.array([count for _, count in rows], float)
    amounts = np.array([[amounts.get(unit, 0) for unit in names] for amounts, _ in rows], float)
    weights = 1 / np.sqrt(np.maximum(counted, COARSE))
    found, _ = nnls(amounts * weights[:, None], counted * weights)
    return {unit: float(f"{cost:.5g}") for unit, cost in zip(names, found)}


def errors(entries: list[dict], models: dict[str, bytes]) -> list[dict]:
    """The estimate of each measured model beside its count; `error` in percent of it."""
    rows = []
    for entry in entries:
        estimate = estimate_instructions(models[entry["model_sha256"]], entry["core"], entry["kernels"])
        assert estimate is not None  # of every core that was counted there are costs
        rows.append(
            {
                "model": entry["model"],
                "core": entry["core"],
                "kernels": entry["kernels"],
                "held_out": entry["model"] in HELD_OUT,
                "counted": entry["instructions"],
                "estimate": estimate["total"],
                "unknown": estimate["unknown"],
                "error": round(100 * (estimate["total"] / entry["instructions"] - 1), 1),
            }
        )
    return rows


def fit_all(chosen: dict[str, bytes]) -> None:
    content = json.loads(RESULT.read_text())
    by_hash = {hashlib.sha256(model).hexdigest(): model for model in chosen.values()}
    entries = [entry for entry in content["measured"] if entry["model_sha256"] in by_hash]
    units = {sha256: operator_units(view_model(model)) for sha256, model in by_hash.items()}
    costs = fit([entry for entry in entries if entry["model"] not in HELD_OUT], units)
    write_atomically(COSTS, HEADER + yaml.safe_dump(costs, default_flow_style=None, width=120))
    load_costs.cache_clear()
    results = Results(RESULT, {})
    results.replace("errors", errors(entries, by_hash))
    for row in results.content["errors"]:
        print(
            f"{row['error']:+7.1f} % {'held out' if row['held_out'] else '        '} {row['core']} {row['kernels']} "
            f"{row['model']} {row['counted']:,}",
            *row["unknown"],
        )


@run_command
def main(arguments: list[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    chosen = models_to_count(options.models, options.tflm_root)
    count_all(options, chosen)
    fit_all(chosen)


if __name__ == "__main__":
    raise SystemExit(main())
