"""The report of a bundle: one HTML page that opens offline, for those who decide whether a model goes into a product.

The page is `templates/report.html`; here is what it shows. It holds no date, so the same run gives the same bytes.
"""

from collections import Counter, defaultdict

from convert.bundle.boards import list_boards, verdict_text
from convert.bundle.firmware import CONSTANTS, Firmware
from convert.bundle.rendering import KERNEL_NAMES, environment
from convert.bundle.timeline import lay_out
from convert.tflite.lengths import split_lengths
from convert.tflite.macs import list_macs
from convert.tflite.view import Model, view_model
from convert.tflm.allocator import allocate
from convert.tflm.builds import BUILDS, NOT_MEASURED
from convert.tflm.instructions import estimate_instructions
from convert.tflm.targets import CORES

REPORT = "report.html"
ANSWERS = ("yes", "shorter", "unknown", "no")  # names of their styles
DRAWN = ("cortex-m4", "cmsis_nn")  # the build whose memory is drawn; the others differ in scratch and tail


def make_report(manifest: dict, model: bytes, golden: list[dict]) -> bytes:
    """Renders the report.

    Args:
        manifest: of the bundle; `bundle_sha256`, which covers the report, is not shown.
        model: bytes of model.tflite.
        golden: rows of golden.json.

    Returns:
        report.html, UTF-8.
    """
    view, core = view_model(model), DRAWN[0]
    timeline = lay_out(view, allocate(view, *BUILDS[DRAWN]))
    firmware = Firmware(model, manifest["tokenizer"]["vocab_size"], windows=manifest["model"].get("windows", 1))
    ops = _operators(view)
    page = (
        environment()
        .get_template(REPORT)
        .render(
            m=manifest,
            golden=golden,
            core=core,
            kernels=KERNEL_NAMES[DRAWN[1]],
            kernel_names=KERNEL_NAMES,
            boards=_boards(manifest),
            flash=firmware.flash_parts(core),
            ram=firmware.ram_parts(core),
            constants=CONSTANTS,
            arena=_arena(manifest),
            at_least=firmware.arenas[core]["at_least"],
            not_measured=NOT_MEASURED,
            timeline=timeline,
            ops=ops,
            kinds=_kinds(ops),
            instructions=[_instructions(view, kernels) for kernels in ("cmsis_nn", "fast")],
            lengths=_lengths(manifest, model),
        )
    )
    return page.encode()


def _boards(manifest: dict) -> list[dict]:
    """Verdicts with what the board is, by verdict and then in the order of boards.yaml."""
    known = {board.id: board for board in list_boards()}
    rows = [
        {**verdict, "board": known[verdict["id"]], "text": verdict_text(verdict), "answer": _answer(verdict)}
        for verdict in manifest["boards"]
    ]
    return sorted(rows, key=lambda row: ANSWERS.index(row["answer"]))


def _answer(verdict: dict) -> str:
    if verdict["fits"]:
        return "yes"
    return "shorter" if verdict["seq_len"] else "unknown" if verdict["fits"] is None else "no"


def _arena(manifest: dict) -> list[dict]:
    """The arena's figures, with the cores and kernels that share them."""
    rows = defaultdict(list)
    for core, builds in manifest["arena"].items():
        for kernels, figures in builds.items():
            rows[kernels, tuple(figures.items())].append(core)
    return [
        {"cores": cores, "kernels": KERNEL_NAMES[kernels], **dict(figures)}
        for (kernels, figures), cores in rows.items()
    ]


def _operators(model: Model) -> list[dict]:
    """Each operator of the graph: {number, name, output, output_bytes, weight_bytes, macs}."""
    return [
        {
            "number": op.index,
            "name": op.name,
            "output": f"{op.output.type.lower()} {' × '.join(str(n) for n in op.output.shape)}",
            "output_bytes": sum(tensor.nbytes for tensor in op.outputs),
            "weight_bytes": sum(
                len(tensor.data) for tensor in op.inputs if tensor is not None and tensor.data is not None
            ),
            "macs": macs,
        }
        for op, macs in zip(model.graphs[0].operators, list_macs(model))
    ]


def _kinds(ops: list[dict]) -> list[dict]:
    """Sums over the operators of a name, most multiply-accumulates first."""
    sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for op in ops:
        sums[op["name"]].update(count=1, **{key: op[key] for key in ("output_bytes", "weight_bytes", "macs")})
    return sorted(
        ({"name": name, **total} for name, total in sums.items()),
        key=lambda kind: (-kind["macs"], -kind["output_bytes"], kind["name"]),
    )


def _instructions(model: Model, kernels: str) -> dict:
    """Estimated instructions of an inference on the cores that were measured: {kernels, cores, totals, kinds, unknown}.

    `kinds` are [(kind of operator, [instructions a core, None where the kind has no measured cost])].
    """
    estimates = {core: estimate_instructions(model, core, kernels) for core in CORES}
    known = {core: estimate for core, estimate in estimates.items() if estimate}
    costs = [{entry["name"]: entry["instructions"] for entry in estimate["by_op"]} for estimate in known.values()]
    kinds = dict.fromkeys(name for cost in costs for name in cost)  # keeps the order: the most expensive first
    return {
        "kernels": KERNEL_NAMES[kernels],
        "cores": list(known),
        "totals": [estimate["total"] for estimate in known.values()],
        "kinds": [(kind, [cost.get(kind) for cost in costs]) for kind in kinds],
        "unknown": sorted({kind for estimate in known.values() for kind in estimate["unknown"]}),
    }


def _lengths(manifest: dict, model: bytes) -> list[dict]:
    """Each length of a file that serves several, as in the manifest, with estimated instructions by core."""
    entries = manifest["model"].get("lengths", [])
    models = split_lengths(model, {entry["sequence_length"]: entry["offset"] for entry in entries})
    return [
        {**entry, "instructions": _instructions(view_model(models[entry["sequence_length"]]), "fast")["totals"]}
        for entry in entries
    ]
