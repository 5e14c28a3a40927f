"""Does firmware with CMSIS-NN answer what TFLM's reference kernels answer, where `convert.check` says nothing else?

    python -m benchmarks.kernel_agreement --tflm-root DIR [--core ID] [--operator NAME] [--models N] [--seed N]

Random models of every operator that CMSIS-NN serves, of integer operators that it does not, and for every rule a model
that breaks it and one that keeps it; two inferences each, on Cortex-M4, M7 and M55 under QEMU, against the
`tflite-micro` package. Writes results/kernel_agreement.json. Exit status 1 when a model that passes answers otherwise.
"""

import hashlib
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.firmware.batch import ROUNDS, STATUS_TEXT, Answer, Job, run_batch
from benchmarks.firmware.inputs import TYPES, join
from benchmarks.firmware.random_models import MAKERS, random_model
from benchmarks.firmware.random_others import OTHERS
from benchmarks.firmware.results import Results
from benchmarks.firmware.runner import BOARDS, Firmware, add_tflm_arguments, build_firmware, describe_tools
from convert.passes.kernel_forms import FORMS, mend_model
from convert.tflite.model import float_tensors, read_model
from convert.tflm.builds import find_build
from convert.tflm.support import check_bytes
from tests.support.kernel_cases import PAIRS
from tf_embbert.common.arguments import CommandParser
from tf_embbert.common.errors import run_command

RESULT = Path(__file__).parent / "results/kernel_agreement.json"
CORES = ("cortex-m4", "cortex-m7", "cortex-m55")
KERNELS = "cmsis_nn"
SHOWN = 10


def cmsis_nn_commit(tflm_root: Path) -> str:
    """The commit of the CMSIS-NN in a checkout of TFLM: that of its git history, or what TFLM's Makefile fetches."""
    tools = Path(tflm_root, "tensorflow/lite/micro/tools/make")
    folder = tools / "downloads/cmsis_nn"
    if (folder / ".git").exists():
        return subprocess.run(
            ["git", "-C", folder, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
    script = (tools / "ext_libs/cmsis_nn_download.sh").read_text(encoding="utf-8")
    return re.findall(r'ZIP_PREFIX_NN="(\w+)"', script)[0]


def supported_models(op: str, count: int, seed: int) -> Iterator[tuple[int, bytes]]:
    """Seeds and bytes of random models that the reference kernels run, `count` of them."""
    while count:
        model = random_model(op, seed)
        if check_bytes(model, op, "reference")["supported"]:
            count -= 1
            yield seed, model
        seed += 1


def random_inputs(model: bytes, seed: int) -> list[list[np.ndarray]]:
    """Inputs of every round: the whole range of their type."""
    graph, rng = read_model(model).subgraphs[0], np.random.default_rng(seed)
    tensors = [graph.tensors[index] for index in graph.inputs]
    return [[_values(rng, TYPES[tensor.type], tensor.shape) for tensor in tensors] for _ in range(ROUNDS)]


def _values(rng: np.random.Generator, dtype: type, shape: list[int]) -> np.ndarray:
    if dtype == np.float32:
        return rng.normal(size=shape).astype(dtype)
    limits: np.iinfo = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max + 1, [] if shape is None else shape).astype(dtype)


def wheel_answers(model: bytes, rounds: list[list[np.ndarray]]) -> tuple[bytes, ...]:
    """The outputs' bytes of the package's interpreter, a round each."""
    from tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(model, arena_size=1 << 20)
    outputs, answers = len(read_model(model).subgraphs[0].outputs), []
    for inputs in rounds:
        for index, values in enumerate(inputs):
            interpreter.set_input(values, index)
        interpreter.invoke()
        answers.append(join([interpreter.get_output(index) for index in range(outputs)]))
    return tuple(answers)


def outcome(answer: Answer, expected: tuple[bytes, ...], floats: bool = False) -> str:
    """In words, what the firmware did; `floats`: the output is float32."""
    if answer.status:
        return STATUS_TEXT.get(answer.status, "crashes")
    if answer.outputs == expected:
        return "equal"
    pairs = (
        [tuple(np.frombuffer(data, "<f4") for data in pair) for pair in zip(answer.outputs, expected)] if floats else []
    )
    if pairs and all(np.allclose(ours, theirs, 1e-5) for ours, theirs in pairs):
        return "equal to 1e-5"
    return "differs" if answer.outputs[0] != expected[0] else "differs from the second inference on"


def measure_rules(firmware: Firmware) -> list[dict]:
    """Of the models that break and keep each rule, and of its form, {rule, model, sha256, core, outcome}."""
    cases = [
        (rule, kind, spec.build()) for rule, pair in PAIRS.items() for kind, spec in zip(("breaks", "keeps"), pair)
    ]
    target = find_build(firmware.core, KERNELS)
    cases += [(rule, "mended", mend_model(PAIRS[rule][0].build(), target).data) for rule in FORMS if rule in PAIRS]
    inputs = [random_inputs(model, 0) for *_, model in cases]
    jobs = [Job(model, tuple(map(join, rounds))) for (*_, model), rounds in zip(cases, inputs)]
    return [
        {
            "rule": rule,
            "model": kind,
            "sha256": hashlib.sha256(model).hexdigest(),
            "core": firmware.core,
            "outcome": outcome(answer, wheel_answers(model, rounds), bool(float_tensors(read_model(model)))),
        }
        for (rule, kind, model), rounds, answer in zip(cases, inputs, run_batch(firmware, jobs))
    ]


def verdict(model: bytes, core: str) -> str:
    """What the rules say of a model on a core."""
    report = check_bytes(model, "the model", KERNELS, core)
    return "refused" if not report["supported"] else "passed" if report["same_answers"] else "warned"


def measure(firmware: Firmware, op: str, models: list[tuple[int, bytes]]) -> dict:
    """{operator, core, models, verdicts: {verdict: {outcome: count}}, exceptions: [seeds that pass and differ]}."""
    verdicts, exceptions = {}, []
    said = {seed: verdict(model, firmware.core) for seed, model in models}
    verdicts["refused"] = Counter(["not run"] * list(said.values()).count("refused"))
    models = [(seed, model) for seed, model in models if said[seed] != "refused"]
    inputs = [random_inputs(model, seed) for seed, model in models]
    jobs = [Job(model, tuple(map(join, rounds))) for (_, model), rounds in zip(models, inputs)]
    expected = [wheel_answers(model, rounds) for (_, model), rounds in zip(models, inputs)]
    for (seed, _), answer, wanted in zip(models, run_batch(firmware, jobs), expected):
        found = outcome(answer, wanted)
        verdicts.setdefault(said[seed], Counter())[found] += 1
        if said[seed] == "passed" and found != "equal":
            exceptions.append([seed, found])
    return {"operator": op, "core": firmware.core, "models": len(said), "verdicts": verdicts, "exceptions": exceptions}


@run_command
def main(arguments: list[str] | None = None) -> int:
    parser = CommandParser(prog="python -m benchmarks.kernel_agreement", description=__doc__.split("\n")[0])
    add_tflm_arguments(parser)
    parser.add_argument("--core", action="append", choices=list(BOARDS), help="may be repeated; default: M4, M7, M55")
    parser.add_argument("--operator", action="append", choices=[*MAKERS, *OTHERS], help="may be repeated; default: all")
    parser.add_argument(
        "--models", type=int, default=300, metavar="N", help="of an operator (default: 300); 0: the rules alone"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the first model (default: 0)")
    parser.add_argument(
        "--build", type=Path, default=Path("build/firmware"), metavar="DIR", help="default: %(default)s"
    )
    options = parser.parse_args(arguments)
    tools = describe_tools(options.tflm_root, options.tflm_commit) | {"cmsis_nn": cmsis_nn_commit(options.tflm_root)}
    results = Results(RESULT, tools | {"seed": options.seed})
    cores, failed = options.core or CORES, False
    firmwares = [build_firmware(core, KERNELS, options.tflm_root, options.build, "agree") for core in cores]
    for firmware in firmwares:
        for entry in measure_rules(firmware):
            results.add("rules", ("rule", "model", "core"), entry)
            print(f"{entry['rule']} {entry['model']} {firmware.core}: {entry['outcome']}", flush=True)
    for op in options.operator or ([*MAKERS, *OTHERS] if options.models else ()):
        models = list(supported_models(op, options.models, options.seed))
        for firmware in firmwares:
            entry = measure(firmware, op, models)
            results.add("measured", ("operator", "core"), entry)
            failed |= bool(entry["exceptions"])
            counts = {said: dict(found) for said, found in entry["verdicts"].items()}
            print(f"{op} {firmware.core}: {counts}", *entry["exceptions"][:SHOWN], flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
