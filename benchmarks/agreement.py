"""How often the rules of `convert.check` and TFLM's interpreter agree, rule by rule.

    python -m benchmarks.agreement [--sample N]

Three sets: for every rule the models that break and keep it; every operator's tiny model with one thing changed at a
time; models from TensorFlow's converter. The models are those of the tests. Writes results/agreement.json.
"""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any, TypeAlias

from tf_embbert.common.errors import run_command

ROOT = Path(__file__).resolve().parents[1]
SEED = 1
RESULT = ROOT / "benchmarks/results/agreement.json"
Judged: TypeAlias = list[tuple[Any, str, dict, dict]]  # (case, outcome, report, truth) of tests/support/agreement.py


def summarise(judged: Judged) -> dict[str, Any]:
    """Outcomes of a set, and what differs."""
    from tests.support.agreement import describe

    counts = Counter(outcome for _, outcome, _, _ in judged)
    return {
        "models": len(judged),
        "run": sum(truth["runs"] for *_, truth in judged),
        **dict(sorted(counts.items())),
        "false_passes": counts["false pass"],
        "false_refusals": counts["false refusal"],
        "differences": describe(judged),
    }


def by_rule(judged: Judged) -> dict[str, dict[str, int]]:
    """Of each rule the models that break it and are refused (or warned of, and run), and all of them."""
    rules: dict[str, dict[str, int]] = {}
    for case, outcome, _, _ in judged:
        if case.rule:
            row = rules.setdefault(case.rule, {"agree": 0, "models": 0})
            row["agree"] += outcome == "agree"
            row["models"] += 1
    return dict(sorted(rules.items()))


@run_command
def main(arguments: list[str] | None = None) -> None:
    parse = argparse.ArgumentParser(prog="python -m benchmarks.agreement", description=__doc__.split("\n")[0])
    parse.add_argument("--sample", type=int, help="single changes to ask, a seeded sample (default: all)")
    options = parse.parse_args(arguments)
    from tests.support.agreement import KERAS_ARENA_BYTES, compare, rule_cases, sweep_cases
    from tests.support.agreement_keras import keras_cases

    rules = compare(rule_cases())
    results = {
        "rules": summarise(rules),
        "single_changes": {"sample": options.sample, "seed": SEED}
        | summarise(compare(sweep_cases(options.sample, SEED))),
        "converted": summarise(compare(keras_cases(), KERAS_ARENA_BYTES)),
        "by_rule": by_rule(rules),
    }
    RESULT.write_text(json.dumps(results, indent=1) + "\n")
    for name in ("rules", "single_changes", "converted"):
        print(name, {key: value for key, value in results[name].items() if key != "differences"})


if __name__ == "__main__":
    sys.exit(main())
