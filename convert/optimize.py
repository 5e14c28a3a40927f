"""A model that needs less: the same outputs, byte for byte, from a smaller arena and file.

    python -m convert.optimize MODEL.tflite --out SMALLER.tflite [--core ID] [--kernels NAME] [--no-plan] [--json]

What it does, for any model that TFLM runs, is the list `STEPS`; none of them changes what an operator computes. Nothing
is run. Exit status: 0, 1 when TFLM would refuse the model, or 2 on bad input.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from convert.arena_builds import Target, default_kernels, find_build
from convert.arena_lifetimes import offline_offsets
from convert.arena_model import allocate
from convert.check import check_model
from convert.diet import is_plain, slim_model
from convert.flatbuffer import pack_model
from convert.indices import permute_tensors
from convert.inspection import read_model
from convert.offline_plan import write_plan
from convert.order import order_operators
from convert.placement import least_head, place_buffers
from convert.sharing import Sharing
from tf_embbert.arguments import CommandParser
from tf_embbert.errors import UserError, run_command
from tf_embbert.files import write_atomically

CORE = "cortex-m7"  # the same structs and scratch as a Cortex-M4 and M33


@dataclass(frozen=True)
class Stage:
    """What a model needs after a step, in bytes.

    Attributes:
        step: name of the step.
        file: the .tflite file.
        total: arena as TFLM plans it, head (`planned`) and tail (`persistent`).
        least: arena below which no plan can go, shared memory included.
    """

    step: str
    file: int
    total: int
    planned: int
    persistent: int
    least: int

    def is_better(self, other: "Stage") -> bool:
        """Not worse in arena, and better in that or in the file."""
        mine, others = (self.total, self.least, self.file), (other.total, other.least, other.file)
        return self.total <= other.total and self.least <= other.least and mine < others


class Step(NamedTuple):
    """One of the steps; `apply` takes the model and the target."""

    name: str
    apply: Callable[[schema.ModelT, Target], schema.ModelT]


def plan_memory(model: schema.ModelT, target: Target) -> schema.ModelT:
    """A model of one graph with an offline plan for its head, where activations share what `sharing.py` allows."""
    buffers = allocate(model, *target).buffers
    return write_plan(model, buffers, place_buffers(buffers, Sharing(model, buffers)))


STEPS = [
    Step("diet", lambda model, target: slim_model(model)),
    Step("operator order", lambda model, target: order_operators(model)),
    Step("tensor indices", permute_tensors),
    Step("offline plan", plan_memory),
]


def optimize_model(data: bytes, target: Target, steps: list[Step] = STEPS,
                   most_bytes: int | None = None) -> tuple[bytes, list[Stage]]:
    """Applies the steps to a model; one that does not make it better is left out.

    Args:
        data: bytes of a model that TFLM runs.
        target: the build of TFLM that the arena is made small for.
        steps: what to do, in order.
        most_bytes: what the file may not exceed, whatever the arena gains.

    Returns:
        The bytes of the smaller model, and what was needed at first and after each step. Equal arguments give equal
        bytes.
    """
    stages = [measure_stage("as it was", data, target)]
    if offline_offsets(read_model(data)) is not None:
        return _plan_anew(data, stages[0], target, steps, most_bytes)
    for step in steps:
        model = read_model(data)
        if step.name != "diet" and not is_plain(model):
            continue
        changed = pack_model(step.apply(model, target))
        stage = measure_stage(step.name, changed, target)
        if stage.is_better(stages[-1]) and (most_bytes is None or len(changed) <= most_bytes):
            data = changed
        else:
            stage = replace(stages[-1], step=step.name)
        stages.append(stage)
    return data, stages


def _plan_anew(data: bytes, before: Stage, target: Target, steps: list[Step],
               most_bytes: int | None) -> tuple[bytes, list[Stage]]:
    """`optimize_model` of a model with a plan, which holds only for its order and indices: begins without it, and what
    does not end better is left out."""
    fresh, stages = optimize_model(pack_model(slim_model(read_model(data))), target, steps, most_bytes)
    if stages[-1].is_better(before) and (most_bytes is None or len(fresh) <= most_bytes):
        return fresh, [before, *stages[1:]]
    return data, [before, *(replace(before, step=stage.step) for stage in stages[1:])]


def measure_stage(name: str, data: bytes, target: Target) -> Stage:
    """What a model needs now."""
    model = read_model(data)
    needs = allocate(model, *target)
    least = least_head(needs.buffers, Sharing(model, needs.buffers)) if is_plain(model) else needs.planned
    return Stage(name, len(data), needs.total, needs.planned, needs.persistent,
                 min(least + needs.persistent, needs.total))


def _read_supported(path: str) -> bytes | None:
    """A file's model that TFLM runs; None, with the reasons printed, when TFLM would refuse it."""
    refusals = check_model(path)["refusals"]
    for refusal in refusals:
        print(f"TFLM would refuse this model: {refusal['op'] or ''} {refusal['reason']}", file=sys.stderr)
    return None if refusals else Path(path).read_bytes()


def _optimize_file(path: str, model: bytes, target: Target, steps: list[Step]) -> tuple[bytes, list[Stage]]:
    """`optimize_model` of a file that may yet name what is not in it; the new file is never larger."""
    try:
        return optimize_model(model, target, steps, most_bytes=len(model))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is a damaged TFLite flatbuffer ({type(error).__name__}: {error})") from error


def _print_stages(path: str, stages: list[Stage]) -> None:
    table = Table("step", "file", "arena", "head", "tail", "arena of the best plan", title=escape(path))
    for column in table.columns[1:]:
        column.justify = "right"
    for stage in stages:
        row = (stage.file, stage.total, stage.planned, stage.persistent, stage.least)
        table.add_row(stage.step, *(f"{number:,}" for number in row))
    Console().print(table)


@run_command
def main(arguments: list[str] | None = None) -> int:
    parser = CommandParser(prog="python -m convert.optimize", description="The same outputs from a smaller arena.")
    parser.add_argument("model", help="a .tflite file")
    parser.add_argument("--out", required=True, metavar="FILE", help="the file to write")
    parser.add_argument("--core", default=CORE, metavar="ID", help=f"whose arena is made small (default: {CORE})")
    parser.add_argument("--kernels", choices=("cmsis_nn", "reference"), help="default: those of the core's firmware")
    parser.add_argument("--no-plan", action="store_true", help="leave the planning to TFLM: no metadata in the file")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    options = parser.parse_args(arguments)
    target = find_build(options.core, options.kernels or default_kernels(options.core))
    out = Path(options.out)
    if not out.absolute().parent.is_dir():
        raise UserError(f"cannot write {out}: there is no folder {out.parent}")
    model = _read_supported(options.model)
    if model is None:
        return 1
    smaller, stages = _optimize_file(options.model, model, target, STEPS[:-1] if options.no_plan else STEPS)
    write_atomically(out, smaller)
    if options.json:
        print(json.dumps({"model": options.model, "out": options.out, "stages": [asdict(s) for s in stages]}, indent=1))
    else:
        _print_stages(options.model, stages)
    return 0


if __name__ == "__main__":
    sys.exit(main())
