"""A bundle for firmware with an older library of TFLM: its model in a form that the library runs, with its arena."""

from dataclasses import replace
from pathlib import Path

from convert.bundle.bundle import Bundle, json_bytes
from convert.bundle.manifest import length_offsets, sha256
from convert.bundle.sources import firmware_sources
from convert.lowering.expand import expand_model
from convert.passes.kernel_forms import mend_model
from convert.passes.optimizer import optimize_model
from convert.tflm.arena import plan_arena
from convert.tflm.builds import find_build
from convert.tflm.libraries import Library
from convert.tflm.support import check_bytes, difference_texts, entry_text
from tf_embbert.common.errors import UserError
from tf_embbert.tokenizer import Tokenizer


def bundle_for(bundle: Bundle, library: Library, core: str) -> Bundle:
    """A bundle whose model a library answers with the same bytes, without kernels of ours, which need today's TFLM.

    Args:
        bundle: as `read_bundle` gives it; of several lengths the longest is taken.
        library: of `LIBRARIES`.
        core: whose arena it gets, 'cortex-m4'.

    Raises:
        UserError: the library does not run the model, answers it otherwise, or has no figures for the core.
    """
    bundle = _longest_alone(bundle)
    target = find_build(core, library.id)
    given = bundle.files["model.tflite"]
    plain = expand_model(given)  # our operator is for today's TFLM too
    mended = mend_model(plain, target)
    model = optimize_model(mended.data, target)[0] if mended.rewritten or plain is not given else plain
    report = check_bytes(model, "the bundle's model", library.id, core)
    problems = [entry_text(entry) for entry in report["refusals"]] + difference_texts(report)
    if problems:
        raise UserError(f"{library.title} {library.commit[:9]} does not answer {bundle.path}: {problems[0]}")
    return _with_model(bundle, model, core, library)


def _longest_alone(bundle: Bundle) -> Bundle:
    """A bundle of the longest of its lengths, with the golden rows that go to it.

    Raises:
        UserError: no golden row does.
    """
    *shorter, longest = sorted(length_offsets(bundle.manifest))
    if not shorter:
        return bundle
    rows = [row for row in bundle.golden if len(row["tokens"]) > shorter[-1]]
    if not rows:
        raise UserError(f"{bundle.path} has no golden row of {longest} tokens: convert the run with --shorter none")
    model = {key: value for key, value in bundle.manifest["model"].items() if key != "lengths"}
    files = {"model.tflite": bundle.models[longest], "golden.json": json_bytes({"rows": rows})}
    return replace(bundle, manifest=bundle.manifest | {"model": model}, files=bundle.files | files)


def _with_model(bundle: Bundle, model: bytes, core: str, library: Library) -> Bundle:
    """The bundle with another model and the sources that follow; its hash stays that of what it was made of."""
    manifest, length = bundle.manifest, bundle.manifest["model"]["sequence_length"]
    arena = {core: {library.kernels: {"total": plan_arena(model, core, library.id)["total"]}}}
    labels = manifest["labels"] or None
    sources = firmware_sources(
        manifest["name"],
        model,
        {length: 0},
        Tokenizer.load(Path(bundle.path) / "tokenizer.json"),
        labels,
        bundle.golden,
        arena,
        manifest["arguments"].get("reject"),
        own_kernels=False,
        windows=manifest["model"].get("windows", 1),
    )
    changed = manifest | {"arena": arena, "model": manifest["model"] | {"bytes": len(model), "sha256": sha256(model)}}
    return replace(bundle, manifest=changed, files=bundle.files | {"model.tflite": model, **sources})
