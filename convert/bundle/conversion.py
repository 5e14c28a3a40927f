"""A run to a bundle, step by step: lower, check, verify, measure, write."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from convert.bundle.boards import judge_run, list_boards
from convert.bundle.bundle import MANIFEST, golden_rows, json_bytes, labels_text, require_free, write_folder
from convert.bundle.card import CARD, make_card
from convert.bundle.manifest import bundle_sha256, make_manifest
from convert.bundle.report import REPORT, make_report
from convert.bundle.sources import firmware_sources
from convert.bundle.verification import Answers, compare_interpreters
from convert.export.build import Built, shortest_length
from convert.export.build_lengths import build_lengths
from convert.export.choose_lengths import choose_lengths
from convert.tflite.lengths import rows_by_length, split_lengths
from convert.tflm.arena import plan_arenas
from convert.tflm.builds import BUILDS, WITH_OURS
from convert.tflm.interpreters import InterpreterError
from convert.tflm.support import check_bytes, entry_text
from convert.tflm.targets import CORE, KERNELS, PLANS
from tf_embbert.common.errors import UserError
from tf_embbert.run import Run
from tf_embbert.tokenizer import segments

GOLDEN_ROWS = 8
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
    weights, ranges = run.weights, run.ranges  # a run without is refused first
    lengths = list_lengths(run, seq_len, shorter)
    step("lowering to int8")
    built, offsets = build_lengths(weights, ranges, lengths, core, arena_budget, plan, kernels)
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
    files = {
        "model.tflite": model,
        "tokenizer.json": run.tokenizer.to_json().encode(),
        "labels.txt": labels_text(run.labels),
        "golden.json": json_bytes({"rows": golden}),
        **firmware_sources(run.name, model, offsets, run.tokenizer, run.labels, golden, arena, reject),
    }
    manifest = make_manifest(
        run,
        files,
        offsets,
        built.stages,
        arena,
        verdicts,
        _verification(run, models, answers, len(golden)),
        {
            "shorter": [*shorter] if tuple(shorter) in (AUTO, NONE) else lengths[:-1],
            "core": core,
            "kernels": kernels,
            "arena_budget": arena_budget,
            "plan": plan,
        }
        | ({} if reject is None else {"reject": reject}),
    )
    files[REPORT] = make_report(manifest, model, golden)
    files[CARD] = make_card(manifest, run.is_pair)
    manifest["bundle_sha256"] = bundle_sha256(files)
    write_folder(out, {**files, MANIFEST: json_bytes(manifest)}, force)
    return manifest


def list_lengths(run: Run, seq_len: int | None = None, shorter: Sequence[int | str] = AUTO) -> list[int]:
    """All lengths that a conversion serves, the shortest first; arguments and errors are those of `convert_run`."""
    shortest = shortest_length(run.is_pair)
    length = run.max_length if seq_len is None else seq_len
    if not shortest <= length <= run.max_length:
        raise UserError(
            f"--seq-len {length} is not within {shortest}..{run.max_length}: the run was trained at {run.max_length}"
        )
    if tuple(shorter) == AUTO:
        return [*choose_lengths([len(ids) for ids in _encode(run, length)], length), length]
    numbers: list[int] = []
    for other in () if tuple(shorter) == NONE else shorter:
        if not isinstance(other, int) or not shortest <= other < length:
            raise UserError(f"--shorter {other} is not within {shortest}..{length - 1}: the longest length is {length}")
        numbers.append(other)
    return sorted({length, *numbers})


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


def _encode(run: Run, length: int) -> list[np.ndarray]:
    """Token ids of the sample texts, cut to a length."""
    first, second = zip(*run.sample_texts)
    return run.tokenizer.encode(list(first), list(second) if run.is_pair else None, max_length=length).ids


def _verification(run: Run, models: dict[int, bytes], answers: dict[int, Answers], golden: int) -> dict[str, int]:
    equal = np.concatenate([both.equal for both in answers.values()])
    found = {"rows": len(equal), "equal": int(equal.sum()), "golden": golden}
    if len(models) > 1:
        found |= {"texts": len(run.sample_texts), "same_at_longest": _same_at_longest(run, models, answers)}
    return found


def _same_at_longest(run: Run, models: dict[int, bytes], answers: dict[int, Answers]) -> int:
    """On how many texts the length that each goes to answers what the longest does: the class, or the number."""

    def said(length: int, rows: list[int]) -> np.ndarray:
        logits = answers[length].tflm[rows]
        return logits.ravel() if run.labels is None else logits.argmax(axis=-1)

    by_length = rows_by_length(models, _encode(run, max(models)))
    return sum(int((said(length, rows) == said(max(models), rows)).sum()) for length, rows in by_length.items())


def _golden(run: Run, models: dict[int, bytes], answers: dict[int, Answers]) -> list[dict]:
    """Golden rows: of each length some of the verified texts that go to it, spread evenly."""
    ids, golden = _encode(run, max(models)), []
    for length, rows in rows_by_length(models, ids).items():
        few = max(GOLDEN_ROWS // len(models), 1)
        chosen = [rows[index] for index in np.unique(np.linspace(0, len(rows) - 1, few).astype(int))]
        some = [ids[row] for row in chosen]
        second = [segments(row) for row in some] if run.is_pair else None
        golden += golden_rows(
            models[length],
            [run.sample_texts[row] for row in chosen],
            some,
            second,
            answers[length].tflm[chosen],
            run.labels,
        )
    return golden
