"""The task's metrics of a run (float, in Keras) or of a bundle (int8, in TFLM's interpreter).

python -m tf_embbert.evaluate runs/sst2 --task sst2 --data-dir DIR --split validation
python -m tf_embbert.evaluate build/demo --task pocket --split test --json
"""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from tf_embbert.common.arguments import CommandParser, add_task_options, given, positive_int, seed
from tf_embbert.common.errors import run_command


def parser() -> CommandParser:
    """The command line; what is not given has EvaluateConfig's default."""
    parse = CommandParser(prog="python -m tf_embbert.evaluate", description=(__doc__ or "").split("\n")[0])
    parse.add_argument("model", metavar="RUN|BUNDLE", help="a run is scored in float, a bundle through TFLM")
    add_task_options(parse)
    parse.add_argument("--split", help="train, selection, test, validation, .. (default: the one the task reports)")
    parse.add_argument("--rows", type=positive_int, metavar="N", help="a seeded subset of N rows")
    parse.add_argument(
        "--seed",
        type=seed,
        help="of the subset, and of the splits of data without any (default: that "
        "of the run: its test rows are then the ones held out)",
    )
    parse.add_argument("--at-least", type=float, metavar="X", help="exit 1 if the task's metric is below X percent")
    parse.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    return parse


@run_command
def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the figures; 1 where the leading one is below --at-least."""
    values = given(parser().parse_args(arguments))
    from tf_embbert.finetuning.evaluation import EvaluateConfig, evaluate_model  # after --help has answered

    path, least, as_json = values.pop("model"), values.pop("at_least", None), values.pop("json")
    result = evaluate_model(path, EvaluateConfig(**values))
    print(json.dumps(result) if as_json else in_words(result))
    for notice in [] if as_json else result["notices"]:
        print(f"note: {notice}")
    if least is not None and result[result["metric"]] < least:
        print(f"{result['metric']} is below the {least:.2f} asked for", file=sys.stderr)
        return 1
    return 0


def in_words(result: Mapping[str, Any]) -> str:
    """One line for people."""
    line = "{task}, {split}, {rows} rows ({truncated} cut), {model}: ".format(**result) + figures_of(result)
    fresh = result.get("not_in_train")
    return f"{line}; {fresh['rows']} rows not in train: {figures_of(fresh) or 'no figure'}" if fresh else line


def figures_of(result: Mapping[str, Any]) -> str:
    """The metrics among the values."""
    return ", ".join(f"{name} {value:.2f}" for name, value in result.items() if isinstance(value, float))


if __name__ == "__main__":
    sys.exit(main())
