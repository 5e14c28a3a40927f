"""What the commands about models print alike: refusals and warnings, those of a kind together."""

import json
import sys
from collections.abc import Callable
from itertools import groupby

SHOWN = 3  # places of a kind that are named


def print_entries(entries: list[dict], word: str, line: Callable[[str, bool], None]) -> None:
    """Refusals or warnings, one for all of a rule and remedy.

    Args:
        entries: as `check_model` returns them.
        word: what each is called.
        line: called with each line and whether it is a detail of the line before.
    """
    from convert.tflm.support import entry_text

    def kind(entry: dict) -> tuple[str, str]:
        return entry["rule"], entry["remedy"]

    order = {key: place for place, key in reversed(list(enumerate(map(kind, entries))))}
    for _, alike in groupby(sorted(entries, key=lambda entry: order[kind(entry)]), key=kind):
        first, *others = alike
        line(f"{word} {entry_text(first)}", False)
        if others:
            line(f"and {len(others)} more like it: {places_text(others)}", True)
        line(f"TFLM's rule: {first['requires'].rstrip('.')} ({first['kernel']})", True)
        line(f"to fix: {first['remedy']}", True)


def refuse(report: dict, as_json: bool) -> int:
    """What every command does about a model that TFLM would refuse: says why, and gives its exit status."""
    from convert.tflm.libraries import MAIN, words

    if as_json:
        print(json.dumps(report, indent=1))
    else:
        print_entries(report["refusals"], "refused", _to_stderr)
    kernels = report["kernels"] if report["tflm"] == MAIN else report["tflm"]
    print(f"TFLM would refuse this model with {words(kernels)}", file=sys.stderr)
    return 1


def _to_stderr(text: str, detail: bool) -> None:
    print("  " * detail + text, file=sys.stderr)


def warn_of_differences(texts: list[str]) -> None:
    """Says on standard error in which ways the kernels answer otherwise than the reference kernels."""
    for text in texts:
        print(f"warning: {text}", file=sys.stderr)


def places_text(entries: list[dict]) -> str:
    """`SOFTMAX (number 2), SOFTMAX (number 9) and 3 more`."""
    places = [f"{entry['op']} (number {entry['index']})" if entry["op"] else entry["reason"] for entry in entries]
    more = len(places) - SHOWN
    return ", ".join(places[:SHOWN]) + (f" and {more} more" if more > 0 else "")
