"""Instructions of one inference, counted under QEMU for every operator, and the costs per kernel fitted to them.

    python -m benchmarks.instructions --tflm-root DIR [--core ID] [--kernels NAME] [MODEL.tflite ...]

Counts what is not there yet of the same bytes and tools, then fits. Writes results/instructions.json (counts, the
clock's check, errors of the fit) and convert/tflm/instructions.yaml, with GCC 14 in PATH those with its name behind
theirs. Models and inputs are those of benchmarks.arena_firmware and of benchmarks/firmware/kinds, two that come with
TFLM, and those named; a text fills its model's length. The fit sees two thirds of the models; which, a seed says
(`held_out_models`).
"""

import argparse
import dataclasses
import hashlib
import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import yaml

from benchmarks.arena_firmware import add_firmware_arguments, named_models
from benchmarks.common.errors import ninetieth_and_worst
from benchmarks.firmware import fused, kinds
from benchmarks.firmware.inputs import join, seeded_inputs
from benchmarks.firmware.models import read_models
from benchmarks.firmware.results import Results
from benchmarks.firmware.runner import BOARDS, KERNELS, Firmware, Run, build_firmware, describe_tools
from convert.tflite.view import Model, view_model
from convert.tflm.compilers import COMPILERS, name_by_compiler
from convert.tflm.instructions import OURS, costs_file, estimate_instructions, operator_units
from tf_embbert.common.arguments import CommandParser
from tf_embbert.common.errors import UserError, run_command
from tf_embbert.common.files import write_atomically

RESULT = Path(__file__).parent / "results/instructions.json"  # of the first compiler
TFLM_MODELS = "tensorflow/lite/micro/models"
WITH_OURS = (*KERNELS, "fast")  # fast: those of tflm_app/kernels, and CMSIS-NN's for all else
SEED = 16  # of the third that the fit does not see: it is judged on that
OTHER_SEEDS = (17, 18, 19, 20, 21)  # of thirds that other fits do not see: how much of it is luck
OTHER_PLACES = [(core, "cmsis_nn") for core in BOARDS]
ALWAYS_HELD_OUT = ("embbert-base-256", "embbert-base-64")
LOOP_ROUNDS = (1000, 1_000_000, 20_000_000)
COARSE = 2000  # instructions of an operator below which a tick more or less shows
NANOSECONDS = 1_000_000_000  # in a second; QEMU's -icount shift=0 runs an instruction in each
HEADER = (
    "# Instructions by core, kernels, kind of operator and unit (convert/tflm/instructions.py explains the units).\n"
    "# Fitted by `python -m benchmarks.instructions` to the counts in benchmarks/results/{result}.\n"
)


def parser() -> CommandParser:
    parse = CommandParser(prog="python -m benchmarks.instructions", description=__doc__.split("\n")[0])
    add_firmware_arguments(parse, WITH_OURS)
    return parse


def models_to_count(paths: list[Path], tflm_root: Path) -> dict[str, bytes]:
    """Those of the arena's benchmark, the kinds that people have, a convolutional and a recurrent one of TFLM's own
    (not committed here), and those of `paths`.
    """
    theirs = [Path(tflm_root, TFLM_MODELS, name) for name in ("person_detect.tflite", "keyword_scrambled_8bit.tflite")]
    given = named_models(paths) if paths else {}
    common = read_models(kinds.FOLDER) | read_models(fused.FOLDER)
    return named_models([]) | common | {path.stem: path.read_bytes() for path in theirs if path.exists()} | given


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


def build(core: str, kernels: str, options: argparse.Namespace) -> Firmware:
    theirs, ours = ("cmsis_nn", "fast") if kernels == "fast" else (kernels, "stock")
    firmware = build_firmware(core, theirs, options.tflm_root, options.build, ours=ours)
    return dataclasses.replace(firmware, kernels=kernels)


def check_clock(firmware: Firmware) -> dict:
    """What the clock says of loops of known length: {core, loops: [[instructions, counted]]}."""
    runs = [(2 * rounds, firmware.loop(rounds)) for rounds in LOOP_ROUNDS]
    return {
        "core": firmware.core,
        "kernels": firmware.kernels,
        "loops": [[known, to_instructions(run.ticks, run)] for known, run in runs],
    }


def compiler_of(tools: dict) -> str:
    """The one of COMPILERS that what was measured was compiled with.

    Raises:
        UserError: another one.
    """
    major = re.search(r"\) (\d+)\.", tools["compiler"])
    name = f"gcc-{major[1]}" if major else tools["compiler"]
    if name not in COMPILERS:
        raise UserError(f"the compiler is {name}: instructions are kept for {' and '.join(COMPILERS)}")
    return name


def result_file(compiler: str) -> Path:
    return RESULT.with_stem(name_by_compiler(RESULT.stem, compiler))


def count_all(options: argparse.Namespace, chosen: dict[str, bytes], results: Results) -> None:
    for core in options.core or BOARDS:
        for kernels in options.kernels or WITH_OURS:
            firmware = build(core, kernels, options)
            results.add("clock", ("core", "kernels"), check_clock(firmware))
            for name, model in chosen.items():
                sha256 = hashlib.sha256(model).hexdigest()
                if not results.has(model=name, model_sha256=sha256, core=core, kernels=kernels):
                    entry = count(firmware, name, model)
                    results.add("measured", ("model", "core", "kernels"), entry)
                    print(name, core, kernels, f"{entry['instructions']:,}")


def held_out_models(entries: list[dict], units: dict[str, list], seed: int = SEED) -> set[str]:
    """The names of a third of the measured models, those of the base preset among them: the others in a seeded order,
    each as long as every unit of its operators is left in two models that were measured wherever it was.

    Args:
        entries: `measured` of the results.
        units: `operator_units` of each model by the hash of its bytes.
        seed: of the order.
    """
    places: defaultdict[str, set] = defaultdict(set)
    has = {}
    for entry in entries:
        places[entry["model"]].add((entry["core"], entry["kernels"]))
        operators = units[entry["model_sha256"]]
        has[entry["model"]] = {(kind, unit) for kind, amounts in operators for unit in amounts if amounts[unit]}
    held_out = set(ALWAYS_HELD_OUT) & has.keys()
    joined: list[str] = []
    for wave in sorted(set(map(wave_of, has))):  # models that join later do not change what is held out of those before
        group = sorted(name for name in has.keys() - set(ALWAYS_HELD_OUT) if wave_of(name) == wave)
        joined += group
        most = len(held_out) + len(group) / 3 if wave else (len(held_out) + len(group)) / 3
        for index in np.random.default_rng(seed).permutation(len(group)):
            name = group[index]
            seen = [has[other] for other in joined if other not in held_out | {name} and places[other] >= places[name]]
            seen_twice = all(sum(unit in some for some in seen) >= 2 for unit in has[name])
            if seen_twice and len(held_out) < most:
                held_out.add(name)
    return held_out


def wave_of(name: str) -> int:
    """When a model joined those that were measured: 0 with the first."""
    if name in map(fused.name_of, fused.SHORT):
        return 3
    return 2 if name in kinds.MORE else int(name.endswith("-int4"))


def fit(entries: list[dict], views: dict[str, Model]) -> dict:
    """Costs {core: {kernels: {kind: {unit: instructions}}}} of the measured entries; with the kernels 'fast' only of
    what these compute themselves, for all else is CMSIS-NN's.

    Args:
        entries: `measured` of the results, without those held out.
        views: the models by the hash of their bytes.
    """
    samples = defaultdict(list)
    for entry in entries:
        core, kernels = entry["core"], entry["kernels"]
        units = operator_units(views[entry["model_sha256"]], core, kernels)
        for (kind, amounts), (_, counted) in zip(units, entry["ops"], strict=True):
            if kernels != "fast" or kind.endswith(OURS):
                samples[core, kernels, kind].append((amounts, counted))
    costs: defaultdict[str, defaultdict[str, dict]] = defaultdict(lambda: defaultdict(dict))
    for (core, kernels, kind), rows in sorted(samples.items()):
        costs[core][kernels][kind] = fit_kind(rows)
    return {core: dict(by_kernels) for core, by_kernels in costs.items()}


def fit_kind(rows: list[tuple[dict, int]]) -> dict[str, float]:
    """Non-negative costs of a kind's units by least squares, each operator weighed by its count: between the error
    itself, to which only the largest would matter, and the relative one, to which the totals would not. A unit that
    none of them has gets no cost.
    """
    from scipy.optimize import nnls

    names = sorted({unit for amounts, _ in rows for unit, amount in amounts.items() if amount})
    counted = np.array([count for _, count in rows], float)
    amounts = np.array([[amounts.get(unit, 0) for unit in names] for amounts, _ in rows], float)
    weights = 1 / np.sqrt(np.maximum(counted, COARSE))
    found, _ = nnls(amounts * weights[:, None], counted * weights)
    return {unit: float(f"{cost:.5g}") for unit, cost in zip(names, found)}


def errors(entries: list[dict], views: dict[str, Model], held_out: set[str], costs: dict) -> list[dict]:
    """The estimate of each measured model beside its count; `error` in percent of it, None where one operator or more
    has no cost.
    """
    rows = []
    for entry in entries:
        estimate = estimate_instructions(views[entry["model_sha256"]], entry["core"], entry["kernels"], costs=costs)
        assert estimate is not None  # of every core that was counted there are costs
        rows.append(
            {
                "model": entry["model"],
                "core": entry["core"],
                "kernels": entry["kernels"],
                "held_out": entry["model"] in held_out,
                "counted": entry["instructions"],
                "estimate": estimate["total"],
                "unknown": estimate["unknown"],
                "error": None
                if estimate["unknown"]
                else round(100 * (estimate["total"] / entry["instructions"] - 1), 1),
            }
        )
    return rows


def errors_of_third(entries: list[dict], views: dict[str, Model], units: dict[str, list], seed: int) -> list[dict]:
    """The errors on the third that a seed draws, by a fit that does not see it."""
    held_out = held_out_models(entries, units, seed)
    seen, unseen = ([e for e in entries if (e["model"] in held_out) == out] for out in (False, True))
    return errors(unseen, views, held_out, fit(seen, views))


def other_thirds(entries: list[dict], views: dict[str, Model], units: dict[str, list]) -> list[dict]:
    """What the errors would have been had other seeds drawn what the fit does not see: a row a seed and place."""
    entries = [entry for entry in entries if (entry["core"], entry["kernels"]) in OTHER_PLACES]
    counted = {(entry["core"], entry["kernels"]) for entry in entries}
    found = []
    for seed in OTHER_SEEDS:
        rows = errors_of_third(entries, views, units, seed)
        for core, kernels in filter(counted.__contains__, OTHER_PLACES):
            here = [row for row in rows if (row["core"], row["kernels"]) == (core, kernels) and not row["unknown"]]
            tenth, worst = ninetieth_and_worst([row["error"] for row in here])
            place = {"seed": seed, "core": core, "kernels": kernels, "models": len(here)}
            named = sorted(here, key=lambda row: abs(row["error"]))[-1]["model"]
            found.append({**place, "tenth": tenth, "worst": worst, "worst_model": named})
    return found


def fit_all(chosen: dict[str, bytes], compiler: str, results: Results) -> None:
    by_hash = {hashlib.sha256(model).hexdigest(): model for model in chosen.values()}
    entries = [entry for entry in results.content["measured"] if entry["model_sha256"] in by_hash]
    views = {sha256: view_model(model) for sha256, model in by_hash.items()}
    units = {sha256: operator_units(view) for sha256, view in views.items()}
    held_out = held_out_models(entries, units)
    costs = fit([entry for entry in entries if entry["model"] not in held_out], views)
    header = HEADER.format(result=results.path.name)
    write_atomically(costs_file(compiler), header + yaml.safe_dump(costs, default_flow_style=None, width=120))
    results.replace("errors", errors(entries, views, held_out, costs))
    results.replace("other_thirds", other_thirds(entries, views, units))
    print_errors(results.content["errors"])


def print_errors(rows: list[dict]) -> None:
    for row in rows:
        error = "unknown" if row["error"] is None else f"{row['error']:+.1f} %"
        place = f"{'held out' if row['held_out'] else '        '} {row['core']} {row['kernels']} {row['model']}"
        print(f"{error:>9} {place} {row['counted']:,}", *row["unknown"])


@run_command
def main(arguments: list[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    chosen, tools = (
        models_to_count(options.models, options.tflm_root),
        describe_tools(options.tflm_root, options.tflm_commit),
    )
    compiler = compiler_of(tools)
    results = Results(result_file(compiler), tools)
    count_all(options, chosen, results)
    fit_all(chosen, compiler, results)


if __name__ == "__main__":
    raise SystemExit(main())
