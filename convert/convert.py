"""A run to a bundle: lower, check, verify, measure, write.

    python convert/convert.py RUN --out BUNDLE [--seq-len N] [--shorter N ...] [--core CORE] [--arena-budget BYTES]
                              [--board ID ...] [--plan {offline,stock}] [--force]

Works from any folder, as does `python -m convert.convert`. Exit status: 0, 1 when a board named with --board is too
small or the interpreters differ on a row (the bundle is written either way), or 2 on bad input with nothing written.
"""

import sys
from pathlib import Path

if not __package__:  # run as a script: this folder is on the path, and `import convert` would find this very file
    HERE = Path(__file__).resolve().parent
    sys.path = [str(HERE.parent)] + [entry for entry in sys.path if Path(entry or ".").resolve() != HERE]

from collections.abc import Callable, Sequence

import numpy as np
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from convert.arena import plan_arenas
from convert.arena_builds import BUILDS, CORES, default_kernels
from convert.boards import all_fit, find_boards, judge_run, list_boards, print_verdicts
from convert.build import PLANS, Built, shortest_length
from convert.build_lengths import build_lengths
from convert.bundle import MANIFEST, golden_rows, json_bytes, labels_text, require_free, write_folder
from convert.check import check_bytes, entry_text
from convert.interpreters import InterpreterError
from convert.lengths import rows_by_length, split_lengths
from convert.manifest import bundle_sha256, length_offsets, make_manifest
from convert.optimize import CORE
from convert.report import REPORT, make_report
from convert.sources import firmware_sources
from convert.verify import Answers, compare_interpreters
from tf_embbert.arguments import CommandParser, positive_int
from tf_embbert.errors import UserError, run_command
from tf_embbert.run import Run, load_run
from tf_embbert.tokenizer import segments

GOLDEN_ROWS = 8


def convert_run(run: Run, out: str | Path, seq_len: int | None = None, force: bool = False,
                step: Callable[[str], None] = lambda text: None, boards: Sequence[str] = (),
                shorter: Sequence[int] = (), core: str = CORE, arena_budget: int | None = None,
                plan: str = PLANS[0]) -> dict:
    """Converts a run and writes its bundle.

    Args:
        run: the run, as `load_run` gives it.
        out: the bundle's folder.
        seq_len: number of token ids the model takes, at most; by default the run's own length.
        force: replace the bundle that is there.
        step: called with the name of each step as it begins.
        boards: ids of boards for which a length that fits is looked for.
        shorter: lengths that the file serves too, with the same weights.
        core, arena_budget, plan: as `build_model` takes them; it is an error if no form fits the budget.

    Returns:
        The manifest.

    Raises:
        UserError: a length does not fit the run, no form found fits the arena, or the folder exists.
        InterpreterError: an interpreter refuses the model, or a tensor of it is float.
    """
    require_free(out, force)
    lengths = _lengths(run, seq_len, shorter)
    step("lowering to int8")
    built, offsets = build_lengths(run.weights, run.ranges, lengths, core, arena_budget, plan)
    _require_within(arena_budget, built, lengths[-1], core)
    model, models = built.model, split_lengths(built.model, offsets)
    step("checking: does TFLM run every operator")
    for each in models.values():
        _require_supported(each)
    step(f"verifying {len(run.sample_texts)} rows: TFLM against TFLite reference")
    answers = {length: compare_interpreters(each, _encode(run, length)) for length, each in models.items()}
    step("planning the arena, and what fits which board")
    verdicts = judge_run(list_boards(), run, model, lengths[-1], boards, core, plan)
    step("writing the bundle")
    golden, arena = _golden(run, models, answers), _arena(models)
    files = {"model.tflite": model, "tokenizer.json": run.tokenizer.to_json().encode(),
             "labels.txt": labels_text(run.labels), "golden.json": json_bytes({"rows": golden}),
             **firmware_sources(run.name, model, offsets, run.tokenizer, run.labels, golden, arena)}
    equal = np.concatenate([both.equal for both in answers.values()])
    verification = {"rows": len(equal), "equal": int(equal.sum()), "golden": len(golden)}
    manifest = make_manifest(run, files, offsets, built.stages, arena, verdicts, verification,
                             {"core": core, "arena_budget": arena_budget, "plan": plan})
    files[REPORT] = make_report(manifest, model, golden)
    manifest["bundle_sha256"] = bundle_sha256(files)
    write_folder(out, {**files, MANIFEST: json_bytes(manifest)}, force)
    return manifest


def _lengths(run: Run, seq_len: int | None, shorter: Sequence[int]) -> list[int]:
    """All lengths, the shortest first."""
    shortest = shortest_length(run.is_pair)
    length = run.max_length if seq_len is None else seq_len
    if not shortest <= length <= run.max_length:
        raise UserError(f"--seq-len {length} is not within {shortest}..{run.max_length}: the run was trained at "
                        f"{run.max_length}")
    for other in shorter:
        if not shortest <= other < length:
            raise UserError(f"--shorter {other} is not within {shortest}..{length - 1}: the longest length is {length}")
    return sorted({length, *shorter})


def _require_within(budget: int | None, built: Built, length: int, core: str) -> None:
    needed = built.stages[-1].total
    if budget is not None and needed > budget:
        raise UserError(f"--arena-budget {budget}: the smallest arena found at length {length} on {core} is "
                        f"{needed:,} B, {needed - budget:,} B more; a smaller --seq-len needs less")


def _arena(models: dict[int, bytes]) -> dict[str, dict[str, dict]]:
    """{core: {kernels: figures}} of every build that there are figures of, for the length that needs most."""
    figures = ("total", "used", "planned", "lower_bound", "persistent", "scratch")
    arena = {}
    for plans in zip(*(plan_arenas(model, list(BUILDS)) for model in models.values())):
        plan = max(plans, key=lambda one: one["total"])
        arena.setdefault(plan["core"], {})[plan["kernels"]] = {name: plan[name] for name in figures}
    return arena


def _require_supported(model: bytes) -> None:
    report = check_bytes(model, "the converted model")
    problems = [entry_text(refusal) for refusal in report["refusals"]]
    problems += [f"tensor {tensor['index']} is {tensor['type']}" for tensor in report["float_tensors"]]
    if problems:
        raise InterpreterError("the converted model is not one for TFLM: " + "; ".join(problems))


def _encode(run: Run, length: int) -> list[np.ndarray]:
    """Token ids of the sample texts, cut to a length."""
    first, second = zip(*run.sample_texts)
    return run.tokenizer.encode(list(first), list(second) if run.is_pair else None, max_length=length).ids


def _golden(run: Run, models: dict[int, bytes], answers: dict[int, Answers]) -> list[dict]:
    """Golden rows: of each length some of the verified texts that go to it, spread evenly."""
    ids, golden = _encode(run, max(models)), []
    for length, rows in rows_by_length(models, ids).items():
        few = max(GOLDEN_ROWS // len(models), 1)
        chosen = [rows[index] for index in np.unique(np.linspace(0, len(rows) - 1, few).astype(int))]
        some = [ids[row] for row in chosen]
        second = [segments(row) for row in some] if run.is_pair else None
        golden += golden_rows(models[length], [run.sample_texts[row] for row in chosen], some, second,
                              answers[length].tflm[chosen], run.labels)
    return golden


def _warn(console: Console, run: Run, manifest: dict, asked: bool) -> None:
    length = manifest["model"]["sequence_length"]
    if asked and length > run.longest:  # the run's own length is rounded up, which is no news
        console.print(f"[yellow]warning[/] length {length} is above the longest text seen in training ({run.longest})",
                      soft_wrap=True)
    served = list(length_offsets(manifest))
    if served != [run.max_length]:
        console.print(f"[yellow]warning[/] accuracy was measured at length {run.max_length}, not at "
                      f"{' / '.join(map(str, served))}; `python -m tf_embbert.evaluate` measures", soft_wrap=True)


def _print_summary(console: Console, out: str, manifest: dict, named: list[str]) -> None:
    accuracy, model = manifest["accuracy"], manifest["model"]
    measured = f"{accuracy['metric']} on {accuracy['split']}, {accuracy['rows']} rows"
    table = Table("figure", "value", title=f"{manifest['name']}: {out}", caption=measured)
    for label, key in (("float", "float"), ("int8 PTQ in TFLM", "ptq_tflm"), ("int8 QAT in TFLM", "qat_tflm"),
                       (f"this model ({accuracy['chosen']})", "int8_tflm")):
        value = accuracy[key]
        table.add_row(f"{accuracy['metric']}, {label}", "not measured" if value is None else f"{value:.2f}")
    table.add_row("model.tflite", f"{model['bytes']:,} B")
    for part in model.get("lengths", [model]):
        table.add_row(f"MACs, L = {part['sequence_length']}", f"{part['macs'] / 1e6:.1f} M")
    for core, figures in manifest["arena"].items():
        kernels = default_kernels(core)
        table.add_row(f"arena, {core}, {kernels}", f"{figures[kernels]['total']:,} B")
    verification = manifest["verification"]
    table.add_row("TFLM = TFLite reference", f"{verification['equal']} of {verification['rows']} rows")
    fitting = [board["id"] for board in manifest["boards"] if board["fits"]]
    table.add_row(f"boards, {len(fitting)} of {len(manifest['boards'])} fit", ", ".join(fitting))
    console.print(table)
    if named:
        print_verdicts(console, [board for board in manifest["boards"] if board["id"] in named])


@run_command
def main(arguments: list[str] | None = None) -> int:
    parser = CommandParser(prog="convert.py", description="Converts a run into a bundle.")
    parser.add_argument("run", help="a run's folder")
    parser.add_argument("--out", required=True, metavar="BUNDLE", help="the bundle's folder")
    parser.add_argument("--seq-len", type=int, metavar="N",
                        help="token ids the model takes (default: the length of the run)")
    parser.add_argument("--shorter", nargs="+", action="extend", default=[], type=int, metavar="N",
                        help="lengths that the same file serves too: a text goes to the shortest that holds it")
    parser.add_argument("--core", choices=CORES, default=CORE, metavar="CORE",
                        help="with CMSIS-NN kernels, whose arena is made small; the model runs on all of "
                             f"{', '.join(CORES)} (default: {CORE}, which needs what M4 and M33 need)")
    parser.add_argument("--arena-budget", type=positive_int, metavar="BYTES",
                        help="the fastest form found whose arena on --core takes no more (default: the form with the "
                             "smallest arena found)")
    parser.add_argument("--board", nargs="+", action="extend", default=[], metavar="ID",
                        help="exit 1 if it does not fit one of these; `python -m convert.boards` lists them")
    parser.add_argument("--plan", choices=PLANS, default=PLANS[0],
                        help="offline: the file says where each activation lies, the smallest arena; stock: TFLM's "
                             "planner does, for firmware that ignores such metadata or may not use it "
                             "(default: %(default)s)")
    parser.add_argument("--force", action="store_true", help="replace the bundle that is there")
    options = parser.parse_args(arguments)
    require_free(options.out, options.force)
    find_boards(options.board)
    run = load_run(options.run)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    errors = Console(stderr=True)
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_interactive) as progress:
        task = progress.add_task("loading")
        manifest = convert_run(run, options.out, options.seq_len, options.force,
                               lambda text: progress.update(task, description=text), options.board, options.shorter,
                               options.core, options.arena_budget, options.plan)
    console = Console()
    _warn(console, run, manifest, options.seq_len is not None)
    _print_summary(console, options.out, manifest, options.board)
    equal = manifest["verification"]["equal"] == manifest["verification"]["rows"]
    return 0 if equal and all_fit(manifest["boards"], options.board) else 1


if __name__ == "__main__":
    sys.exit(main())
