"""A run to a bundle, step by step: lower, check, verify, measure, write."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from convert.bundle.boards import judge_run, list_boards
from convert.bundle.bundle import MANIFEST, json_bytes, labels_text, require_free, write_folder
from convert.bundle.card import CARD, make_card
from convert.bundle.manifest import bundle_sha256, make_manifest
from convert.bundle.report import REPORT, make_report
from convert.bundle.sample_texts import SampleTexts
from convert.bundle.sources import firmware_sources
from convert.bundle.verification import Answers, compare_interpreters
from convert.export.build import Built, shortest_length
from convert.export.build_lengths import build_lengths
from convert.export.choose_lengths import choose_lengths
from convert.lowering.lower import lower_model
from convert.lowering.mixtures import with_mixtures
from convert.lowering.to_tflite import write_model
from convert.tflite.lengths import split_lengths
from convert.tflm.arena import plan_arenas
from convert.tflm.builds import BUILDS, WITH_OURS
from convert.tflm.support import check_bytes, entry_text
from convert.tflm.targets import CORE, FUSED, KERNELS, PLANS
from convert.tflm.workers import InterpreterError
from tf_embbert.common.errors import UserError
from tf_embbert.run import Run
from tf_embbert.windows import count_windows, require_single_texts

AUTO: tuple[str, ...] = ("auto",)  # `shorter`: the lengths that the run's texts call for
NONE: tuple[str, ...] = ("none",)


def convert_run(
    run: Run,
    out: str | Path,
    seq_len: int | None = None,
    force: bool = False,
    step: Callable[[str], None] = lambda text: None,
    boards: Sequence[str] = (),
    shorter: Sequence[int | str] = AUTO,
    core: str = CORE,
    arena_budget: int | None = None,
    plan: str = PLANS[0],
    reject: float | None = None,
    kernels: str = KERNELS[0],
    windows: int | None = None,
) -> dict:
    """Converts a run and writes its bundle.

    Args:
        run: the run, as `load_run` gives it.
        out: the bundle's folder.
        seq_len: number of token ids the model takes, at most; by default the run's own length.
        force: replace the bundle that is there.
        step: called with the name of each step as it begins.
        boards: ids of boards for which a length that fits is looked for.
        shorter: lengths that the file serves too, with the same weights; `AUTO` or `NONE` for none.
        core, arena_budget, plan, kernels: as `build_model` takes them; it is an error if no form fits the budget.
        windows: of the longest length, in which a text is read at most; by default as many as have room for what the
            run reads.
        reject: confidence, above 0 and below 1, under which the device rejects its answer.

    Returns:
        The manifest.

    Raises:
        UserError: a length does not fit the run, no form found fits the arena, the run is a regression, which nothing
            is rejected of, or the folder exists.
        InterpreterError: an interpreter refuses the model, or a tensor of it is float.
    """
    require_free(out, force)
    if reject is not None and run.labels is None:
        raise UserError("--reject is for classes: a regression has no confidence")
    run = with_mixtures(run) if plan in FUSED else run
    weights, ranges = run.weights, run.ranges  # a run without is refused first
    windows = choose_windows(run, seq_len, windows)
    lengths = list_lengths(run, seq_len, shorter, windows)
    step("lowering to int8")
    built, offsets = build_lengths(weights, ranges, lengths, core, arena_budget, plan, kernels)
    _require_within(arena_budget, built, lengths[-1], core)
    model, models = built.model, split_lengths(built.model, offsets)
    step("checking: does TFLM run every operator")
    for each in models.values():
        _require_supported(each)
    step(f"verifying {len(run.sample_texts)} rows: TFLM against TFLite reference")
    texts = SampleTexts(run, lengths[-1], windows)
    answers = {length: compare_interpreters(each, texts.rows_for(length)) for length, each in models.items()}
    step("planning the arena, and what fits which board")
    verdicts = judge_run(list_boards(), run, model, lengths[-1], boards, core, plan, windows)
    step("writing the bundle")
    golden, arena = texts.golden(models), _arena(models)
    verification = _verification(texts, answers, len(golden))
    if plan in FUSED:  # its attention rounds elsewhere than that of the form by which the run was scored
        scored = write_model(lower_model(weights, ranges, lengths[-1]))
        verification |= {"texts": len(texts.ids), "same_as_scored": texts.same_as_another(models, scored)}
    files = {
        "model.tflite": model,
        "tokenizer.json": run.tokenizer.to_json().encode(),
        "labels.txt": labels_text(run.labels),
        "golden.json": json_bytes({"rows": golden}),
        **firmware_sources(run.name, model, offsets, run.tokenizer, run.labels, golden, arena, reject, windows=windows),
    }
    manifest = make_manifest(
        run,
        files,
        offsets,
        built.stages,
        arena,
        verdicts,
        verification,
        {
            "shorter": [*shorter] if tuple(shorter) in (AUTO, NONE) else lengths[:-1],
            "core": core,
            "kernels": kernels,
            "arena_budget": arena_budget,
            "plan": plan,
        }
        | ({} if reject is None else {"reject": reject}),
        windows,
    )
    files[REPORT] = make_report(manifest, model, golden)
    files[CARD] = make_card(manifest, run.is_pair)
    manifest["bundle_sha256"] = bundle_sha256(files)
    write_folder(out, {**files, MANIFEST: json_bytes(manifest)}, force)
    return manifest


def list_lengths(
    run: Run, seq_len: int | None = None, shorter: Sequence[int | str] = AUTO, windows: int = 1
) -> list[int]:
    """All lengths that a conversion serves, the shortest first; arguments and errors are those of `convert_run`."""
    shortest = shortest_length(run.is_pair)
    length = run.max_length if seq_len is None else seq_len
    if not shortest <= length <= run.max_length:
        raise UserError(
            f"--seq-len {length} is not within {shortest}..{run.max_length}: the run was trained at {run.max_length}"
        )
    if tuple(shorter) == AUTO:
        return [*choose_lengths([len(ids) for ids in SampleTexts(run, length, windows).windows], length), length]
    numbers: list[int] = []
    for other in () if tuple(shorter) == NONE else shorter:
        if not isinstance(other, int) or not shortest <= other < length:
            raise UserError(f"--shorter {other} is not within {shortest}..{length - 1}: the longest length is {length}")
        numbers.append(other)
    return sorted({length, *numbers})


def choose_windows(run: Run, seq_len: int | None, windows: int | None) -> int:
    """The windows asked for, or as many as have room for what the run reads; arguments and errors of `convert_run`."""
    require_single_texts(windows, run.is_pair)
    if windows is not None:
        return windows
    length = run.max_length if seq_len is None else max(seq_len, 2)
    return 1 if run.windows == 1 else count_windows(run.room, length)


def _require_within(budget: int | None, built: Built, length: int, core: str) -> None:
    needed = built.stages[-1].total
    if budget is not None and needed > budget:
        raise UserError(
            f"--arena-budget {budget}: the smallest arena found at length {length} on {core} is "
            f"{needed:,} B, {needed - budget:,} B more; a smaller --seq-len needs less"
        )


def _arena(models: dict[int, bytes]) -> dict[str, dict[str, dict]]:
    """{core: {kernels: figures}} of every build that there are figures of, for the length that needs most."""
    figures = ("total", "used", "planned", "lower_bound", "persistent", "scratch")
    arena: dict[str, dict[str, dict]] = {}
    for plans in zip(*(plan_arenas(model, list(BUILDS | WITH_OURS)) for model in models.values())):
        plan = max(plans, key=lambda one: one["total"])
        arena.setdefault(plan["core"], {})[plan["kernels"]] = {name: plan[name] for name in figures}
    return arena


def _require_supported(model: bytes) -> None:
    report = check_bytes(model, "the converted model")
    problems = [entry_text(refusal) for refusal in report["refusals"]]
    problems += [f"tensor {tensor['index']} is {tensor['type']}" for tensor in report["float_tensors"]]
    if problems:
        raise InterpreterError("the converted model is not one for TFLM: " + "; ".join(problems))


def _verification(texts: SampleTexts, answers: dict[int, Answers], golden: int) -> dict[str, int]:
    equal = np.concatenate([both.equal for both in answers.values()])
    found = {"rows": len(equal), "equal": int(equal.sum()), "golden": golden}
    if len(answers) > 1:
        found |= {"texts": len(texts.ids), "same_at_longest": texts.same_at_longest(answers)}
    return found
