"""What the memory planner does, and what it costs to run."""

from benchmarks.tables.common import lines_of, millions, read_result


def memory_table() -> str:
    """A line a length, core and set of kernels; cores of equal arenas are told apart by their instructions."""
    counted = {(e["model"], e["core"], e["kernels"]): e for e in read_result("instructions.json")["measured"]}
    rows = []
    for entry in read_result("arena_firmware.json")["measured"]:
        name, _, length = entry["model"].rpartition("-")
        if name == "embbert-base":
            instructions = counted[entry["model"], entry["core"], entry["kernels"]]["instructions"]
            sizes = [f"{entry['total']:,} B", f"{entry['stack']:,} B", millions(instructions)]
            rows.append([length, entry["core"], entry["kernels"], *sizes])
    return lines_of("| L | core | kernels | arena | stack | instructions |", rows)


def export_table() -> str:
    """A line a step of the export at 256 tokens."""
    stages = read_result("optimisation.json")["exports"]["256"]["stages"]
    keys = ("total", "planned", "persistent", "file")
    rows = [[stage["step"], *(f"{stage[key]:,} B" for key in keys)] for stage in stages]
    return lines_of("| base at L = 256, after | arena | head | tail | `model.tflite` |", rows)


def idea_cells(idea: dict) -> list[str]:
    """Arena, bytes and instructions of an idea that was measured, on a Cortex-M7."""
    measured = idea["measured"]
    qemu = measured["qemu"]
    return [f"{qemu['arena']:,} B", f"{measured['file']:,} B", millions(qemu["instructions"])]


def forms_table() -> str:
    """A line for each form of one model that `convert.py` makes at 256 tokens, and for the plain graph."""
    start, *ideas = read_result("optimisation.json")["ideas"]
    rows = [[idea["idea"], *idea_cells(idea)] for idea in [start, *(idea for idea in ideas if idea["kept"])]]
    return lines_of("| base at L = 256 | arena | `model.tflite` | instructions |", rows)


def ideas_table() -> str:
    """Every idea that was built and measured, what was expected of it, and whether it was kept."""
    ideas = [idea for idea in read_result("optimisation.json")["ideas"] if idea["measured"]]
    rows = [[i["idea"], i["expected"], *idea_cells(i), "kept" if i["kept"] else ""] for i in ideas]
    return lines_of("| idea | expected | arena | `model.tflite` | instructions | |", rows)


def reckoned_table() -> str:
    """The ideas that were calculated and not built."""
    ideas = [idea for idea in read_result("optimisation.json")["ideas"] if not idea["measured"]]
    return lines_of("| idea | expected | why not |", [[i["idea"], i["expected"], i["why"]] for i in ideas])


def foreign_table() -> str:
    """What `convert.optimize` makes of models that are not EmbBERT."""
    rows = [
        [f"`{m['model']}`", *(f"{m[when][what]:,} B" for what in ("arena", "file") for when in ("before", "after"))]
        for m in read_result("optimisation.json")["foreign"]
    ]
    return lines_of("| model | arena | optimised | file | optimised |", rows)


def tool_speed_table() -> str:
    """A line a model: its file, seconds of the model tools, and the most memory of them."""
    rows = []
    for model in read_result("tool_speed.json")["models"]:
        seconds = [f"{model[command]['seconds']:.2f}" for command in ("check", "arena", "boards", "optimize")]
        memory = max(model[command]["memory"] for command in ("check", "arena", "boards", "optimize"))
        rows.append([model["name"], f"{model['bytes']:,}", *seconds, f"{memory / 1e6:.0f}"])
    return lines_of("| shapes of | bytes | check, s | arena, s | boards, s | optimize, s | memory, MB |", rows)
