"""What check, arena and optimize make of a file, in a child process of limited memory and time, and whether TFLM's
interpreter agrees.
"""

import gc
import multiprocessing
import resource
import signal
import time
import traceback
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path

from tf_embbert.common.errors import UserError

MEMORY_BYTES = 1 << 30  # of a file, beyond what the process holds before
HANG_SECONDS = 60  # of a processor, however slow or shared, for a file; what the slowest took stands in the results
ARENA_BYTES = 1 << 22
SMALL = 100  # tensors or operators of a graph that optimize is tried on
TARGET = ("cortex-m7", "cmsis_nn")
BY_DATA = {"called_counts", "called_sizes"}  # what TFLM finds out only about the graph that it comes to run
FAILED = "failed to invoke"
NO_ROOM = ("Failed to resize buffer", "Failed to allocate", "Requested", "not enough arena")


def judge(data: bytes) -> dict:
    """What check, arena and optimize make of a file: {verdict, rules, warned, seconds}; verdicts are damaged, refused,
    supported and crash, the seconds those of a processor.
    """
    from convert.passes.hints import explain_arena
    from convert.passes.optimizer import optimize_model
    from convert.tflm.builds import find_build
    from convert.tflm.support import check_bytes

    began = time.process_time()
    try:
        check_bytes(data, "mutant")  # CMSIS-NN's rules, which the interpreter cannot confirm, may not fail either
        report = check_bytes(data, "mutant", "reference")
        if report["supported"]:
            explain_arena(data, *TARGET)
            if _is_small(data):  # its search takes longer the more there is
                optimize_model(data, find_build(*TARGET))
        outcome = {
            "verdict": "supported" if report["supported"] else "refused",
            "rules": [refusal["rule"] for refusal in report["refusals"]],
            "warned": [warning["rule"] for warning in report["warnings"]],
        }
    except UserError:
        outcome = {"verdict": "damaged", "rules": []}
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        said = f"{type(error).__name__}: {error} ({place.name}, line {place.lineno})"[:300]
        outcome = {"verdict": "crash", "rules": [], "error": said}
    return outcome | {"seconds": time.process_time() - began}


def judge_all(files: list[bytes]) -> list[dict]:
    """`judge` of files, in a child process of limited memory and time; what ends the child is a failure of its file."""
    outcomes: list[dict] = []
    while len(outcomes) < len(files):
        receiver, sender = multiprocessing.Pipe(duplex=False)
        child = multiprocessing.get_context("fork").Process(target=_work, args=(files[len(outcomes) :], sender))
        child.start()
        sender.close()
        outcomes += _received(receiver)
        child.join()
        if child.exitcode and len(outcomes) < len(files):
            kind = "hang" if child.exitcode == -signal.SIGPROF else "crash"
            outcomes.append({"verdict": kind, "rules": [], "seconds": HANG_SECONDS, "error": f"exit {child.exitcode}"})
    return outcomes


def _received(receiver: Connection) -> list[dict]:
    outcomes = []
    while True:
        try:
            outcomes.append(receiver.recv())
        except EOFError:
            return outcomes


def _work(files: list[bytes], sender: Connection) -> None:
    import convert.passes.hints  # noqa: F401 (before the limit)

    gc.freeze()  # what the parent holds, all files of a piece, is neither searched nor counted as a file's memory
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY_BYTES, held + MEMORY_BYTES))
    for data in files:
        signal.setitimer(signal.ITIMER_PROF, HANG_SECONDS)
        sender.send(judge(data))
    signal.setitimer(signal.ITIMER_PROF, 0)


def compare(files: list[bytes], outcomes: list[dict]) -> tuple[Counter, list[dict]]:
    """How often verdict and interpreter agree, and where they do not."""
    from convert.tflm.rules.registry import RULES
    from convert.tflm.rules.structure import STRUCTURE
    from tests.support.agreement_truth import measure

    unchecked = {rule.name for rules in (RULES, STRUCTURE) for rule in rules if rule.unchecked}
    readable = [i for i, outcome in enumerate(outcomes) if outcome["verdict"] in ("supported", "refused")]
    # what is refused by a rule that TFLM does not check may do anything in TFLM: it is not asked
    unsafe = [i for i in readable if unchecked & set(outcomes[i]["rules"])]
    readable = [i for i in readable if i not in set(unsafe)]
    counts: Counter[str] = Counter({"refused as unsafe, not asked": len(unsafe)})
    differences = []
    for i, truth in zip(readable, measure([files[i] for i in readable], ARENA_BYTES)):
        kind = _kind(outcomes[i], truth)
        counts[kind] += 1
        if kind.startswith("false"):
            differences.append({"mutant": i, "kind": kind, "rules": outcomes[i]["rules"], "said": truth["log"][-2:]})
    return counts, differences


def _kind(outcome: dict, truth: dict) -> str:
    supported = outcome["verdict"] == "supported"
    if supported == truth["runs"]:
        return "agree"
    if supported and "known_by_name" in outcome["warned"]:
        return "known by name only, which the verdict says"
    if supported and "inputs_computed" in outcome["warned"] and FAILED in str(truth["log"]):
        return "failed on what was in the arena before, of which the verdict warns"
    if supported:
        no_room = any(word in line for line in truth["log"] for word in NO_ROOM)
        return "too large for the interpreter's arena" if no_room else "false pass"
    if set(outcome["rules"]) <= BY_DATA:
        return "refused for a graph that these inputs do not run"
    return "false refusal"


def _is_small(data: bytes) -> bool:
    from convert.tflite.model import read_model

    model = read_model(data)
    return all(len(graph.tensors) <= SMALL and len(graph.operators) <= SMALL for graph in model.subgraphs)
