"""What the device needs: arena, stack, flash, instructions."""

from benchmarks.common.errors import ninetieth_and_worst
from benchmarks.firmware.runner import BOARDS
from benchmarks.tables.common import SHORT_CORES, lines_of, millions, read_result
from convert.tflm.compilers import COMPILERS, name_by_compiler

BASE, FUSED = "embbert-base-256", ("fused-256", "fused-256-in-81920", "fused-64")  # in kernels.json


def device_short_table() -> str:
    """Arena and instructions of base with CMSIS-NN, a column a core."""
    arenas, counts = (read_result(f"{name}.json")["measured"] for name in ("arena_firmware", "instructions"))
    rows = [
        [f"{what}, L = {length}", *(show(value) for value in short_row(measured, length, cell))]
        for what, measured, cell, show in (
            ("arena", arenas, "total", "{:,} B".format),
            ("instructions", counts, "instructions", millions),
        )
        for length in (64, 256)
    ]
    return lines_of("| base, CMSIS-NN | Cortex-M4 | Cortex-M7 | Cortex-M55 |", rows)


def short_row(figures: list[dict], length: int, cell: str) -> list[int]:
    """A figure of base at a length, on each of the README's cores."""
    found = {
        e["core"]: e[cell] for e in figures if (e["model"], e["kernels"]) == (f"embbert-base-{length}", "cmsis_nn")
    }
    return [found[core] for core in SHORT_CORES]


def app_table() -> str:
    """A line a board and set of kernels."""
    rows = [
        [
            r["board"],
            r["kernels"],
            str(r["length"]),
            f"{r['texts_equal']} of {r['texts']}",
            f"{r['golden_equal']} of {r['golden']}",
            *(f"{size:,} B" for size in (r["arena"], r["stack"], r["text"] + r["data"], r["own_code"])),
        ]
        for r in read_result("app.json")["runs"]
    ]
    header = "| board | kernels | L | texts as Python | golden rows | arena | stack | flash | own code |"
    return lines_of(header, rows)


def flash_table() -> str:
    """A column an app: what each part of it takes."""
    entries = sorted(
        read_result("flash.json")["measured"], key=lambda e: (e["length"], e["plan"] != "offline", e["plan"], e["own"])
    )
    names = [f"L = {e['length']}, {e['plan']}, {e['own']}" for e in entries]
    parts = entries[0]["bytes"]
    rows = [[part, *(f"{entry['bytes'][part]:,}" for entry in entries)] for part in parts]
    return lines_of(f"| bytes | {' | '.join(names)} |", rows)


def int4_table() -> str:
    """A line a task: blocks with dense weights of 8 bits, and of 4."""
    rows = [
        [
            f"{e['task']}, {e['split']} ({e['rows']:,})",
            e["metric"],
            *(f"{e[name]:.2f}" for name in ("float", "fused", "fused-int4")),
            *(f"{size:,} B" for size in e["bytes"].values()),
        ]
        for e in read_result("int4.json")["measured"]
    ]
    return lines_of("| task, split (rows) | metric | float | fused | fused-int4 | bytes | bytes, int4 |", rows)


def kernels_table() -> str:
    """A line for each model that is not ours: instructions with our kernels, those with TFLM's being 1."""
    ratios: dict[str, dict[str, str]] = {}
    for entry in read_result("kernels.json")["measured"]:
        if entry["model"] != BASE and not entry["model"].startswith("fused-"):
            ratio = entry["fast"]["instructions"] / entry["stock"]["instructions"]
            said = f"{ratio:.2f}" + (", other bytes" if not entry["equal"] else "")
            ratios.setdefault(entry["model"], {})[entry["core"]] = said
    rows = [[name, *(by_core.get(core, "") for core in BOARDS)] for name, by_core in sorted(ratios.items())]
    cores = " | ".join(core.replace("cortex-m", "Cortex-M") for core in BOARDS)
    return lines_of(f"| instructions, TFLM's = 1 | {cores} |", rows)


def fused_table() -> str:
    """A line a core: what the base preset takes with our kernels, as it is exported and with blocks of one operator."""
    found = {(entry["model"], entry["core"]): entry for entry in read_result("kernels.json")["measured"]}
    cores = sorted({core for model, core in found if model in FUSED})
    rows = []
    for core in cores:
        entries = [found[model, core]["fast"] for model in (BASE, *FUSED)]
        rows.append([core, *(f"{one['arena']:,} B, {millions(one['instructions'])}" for one in entries)])
    return lines_of("| arena, instructions | plan offline | fused | fused, arena 81,920 B | fused, L = 64 |", rows)


def fused_lengths_table() -> str:
    """A line a length: what blocks of one operator take with tiles of 16 and of 32 rows."""
    found = {(e["length"], e["tile_rows"], e["core"]): e for e in read_result("fused_lengths.json")["base"]}
    rows = []
    for length in sorted({length for length, _, _ in found}):
        places = [(length, tile_rows, core) for core in ("cortex-m4", "cortex-m55") for tile_rows in (16, 32)]
        rows.append(
            [str(length), *(f"{found[at]['arena']:,} B, {millions(found[at]['instructions'])}" for at in places)]
        )
    return lines_of("| L | Cortex-M4, 16 rows | 32 rows | Cortex-M55, 16 rows | 32 rows |", rows)


def compilers_table() -> str:
    """What the base preset takes on a Cortex-M55 by compiler: its two dearest kinds of operators, and an inference."""
    rows = []
    for compiler in COMPILERS:
        measured = read_result(f"{name_by_compiler('instructions', compiler)}.json")["measured"]
        found = {e["kernels"]: e for e in measured if (e["model"], e["core"]) == (BASE, "cortex-m55")}
        entries = [found["cmsis_nn"], found["fast"]]
        taken = {
            name: [sum(count for kind, count in entry["ops"] if kind == name) for entry in entries]
            for name in ("FULLY_CONNECTED", "SOFTMAX")
        }
        taken["all"] = [entry["instructions"] for entry in entries]
        rows += [[compiler, name, *(f"{count / 1e6:.1f} M" for count in counts)] for name, counts in taken.items()]
    return lines_of("| Cortex-M55 | operators | TFLM's kernels | ours |", rows)


def estimate_errors_table() -> str:
    """A line for each compiler, core and set of kernels: how far the estimates are off on the models that the fit did
    not see.
    """
    rows = []
    for compiler in COMPILERS:
        errors = [
            e for e in read_result(f"{name_by_compiler('instructions', compiler)}.json")["errors"] if e["held_out"]
        ]
        for core, kernels in sorted({(row["core"], row["kernels"]) for row in errors}):
            found = [row["error"] for row in errors if (row["core"], row["kernels"]) == (core, kernels)]
            tenth, worst = ninetieth_and_worst([error for error in found if error is not None])
            off = f"{tenth:.1f} %", f"{worst:.1f} %"
            rows.append([core, kernels, compiler, str(len(found)), *off, str(found.count(None))])
    return lines_of("| core | kernels | compiler | models held out | 90th percentile | worst | unknown |", rows)


def other_thirds_table() -> str:
    """A line for each seed of another third: how far estimates would be off on it, by a fit that did not see it."""
    rows, found = [], read_result("instructions.json")["other_thirds"]
    for seed in sorted({row["seed"] for row in found}):
        here = [row for row in found if row["seed"] == seed]
        worst = max(here, key=lambda row: row["worst"])
        tenths = [f"{row['tenth']:.1f}" for row in here]
        rows.append([str(seed), str(here[0]["models"]), " / ".join(tenths) + " %", f"{worst['worst']:.1f} %"])
        rows[-1].append(f"{worst['worst_model']}, {worst['core']}")
    cores = " / ".join(row["core"].removeprefix("cortex-").upper() for row in here)
    return lines_of(f"| seed | models held out | 90th percentile, {cores} | worst | of |", rows)


def lengths_table() -> str:
    """One length in a firmware, and several that share their weights."""
    result = read_result("lengths.json")
    size, texts, longest = result["bytes"], result["texts"], result["lengths"][-1]
    separately = f"(four files: {size['separately']:,} B)"
    rows = [
        ["`model.tflite`", f"{size['files'][str(longest)]:,} B", f"{size['shared']:,} B {separately}"],
        ["arena", f"{size['arenas'][str(longest)]:,} B", f"{size['arena']:,} B"],
    ]
    for one, shared in zip(texts["one"], texts["shared"]):
        cost = f"{millions(shared['instructions'])} at L = {shared['length']}"
        rows.append([f"instructions, a text of {one['tokens']} tokens", millions(one["instructions"]), cost])
    for task, figures in result["tasks"].items():
        name = f"mean of {figures['texts']:,} texts of {task} ({figures['mean_tokens']:.0f} tokens)"
        rows.append([name, millions(figures["one_length"]), millions(figures["all_lengths"])])
    several = ", ".join(map(str, result["lengths"]))
    return lines_of(f"| base, Cortex-M7, CMSIS-NN | L = {longest} | L = {several} |", rows)
