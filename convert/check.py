"""Does TFLM run a model? Asks the file the rules that TFLM's kernels ask, and names every operator that breaks one.

    python -m convert.check MODEL.tflite [--run] [--json]
    python -m convert.check --supported-ops > SUPPORTED_OPS.md

The rules decide, without running anything; --run also runs the model in TFLM's own interpreter, in a child process.
Exit status: 0 TFLM runs it, 1 TFLM would refuse it, 2 bad input, or rules and interpreter disagree.
"""

import json
import sys
from pathlib import Path

from convert.tflm.probe import probe_model
from convert.tflm.rules.registry import RULES
from convert.tflm.rules.structure import STRUCTURE
from convert.tflm.support import check_model, entry_text
from convert.tflm.supported_ops import supported_operators
from tf_embbert.common.arguments import CommandParser
from tf_embbert.common.errors import UserError, run_command


def _print_report(path: str, report: dict) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    table = Table("operator", "version", "count", "types", title=escape(path))
    for op in report["ops"]:
        table.add_row(op["name"], str(op["version"]), str(op["count"]), "\n".join(op["types"]))
    console.print(table)
    for colour, word, entries in (("yellow", "warning", report["warnings"]), ("red", "refused", report["refusals"])):
        for entry in entries:
            console.print(f"[{colour}]{word}[/] {escape(entry_text(entry))}", soft_wrap=True)
            console.print(f"  [dim]{escape(entry['kernel'])}; to fix: {escape(entry['remedy'])}[/]", soft_wrap=True)
    verdict = "TFLM runs this model" if report["supported"] else "TFLM would refuse this model"
    console.print(f"{verdict}; {'integers only' if report['integer_only'] else 'not integer-only'}")


@run_command
def main(arguments: list[str] | None = None) -> int:
    parser = CommandParser(prog="python -m convert.check", description="Does TFLM run this model?")
    parser.add_argument("model", nargs="?", help="a .tflite file")
    parser.add_argument("--run", action="store_true", help="also run the model in TFLM's interpreter, and compare")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    parser.add_argument("--supported-ops", action="store_true", help="print SUPPORTED_OPS.md")
    options = parser.parse_args(arguments)
    if options.supported_ops:
        sys.stdout.write(supported_operators())
        return 0
    if not options.model:
        raise UserError("name a .tflite file (or --supported-ops)")
    report = check_model(options.model)
    if options.run:
        report["interpreter"] = probe_model(Path(options.model).read_bytes())._asdict()
    if options.json:
        print(json.dumps(report, indent=1))
    else:
        _print_report(options.model, report)
    return _status(options.model, report)


def _status(path: str, report: dict) -> int:
    """The exit status; a disagreement is an error, but where TFLM only does not check what the rules refuse."""
    unchecked = {rule.name for rules in (RULES, STRUCTURE) for rule in rules if rule.unchecked}
    by_luck = not report["supported"] and {entry["rule"] for entry in report["refusals"]} <= unchecked
    if "interpreter" in report and report["interpreter"]["runs"] != report["supported"] and not by_luck:
        rules = "the rules accept" if report["supported"] else "the rules refuse"
        found = "runs it" if report["interpreter"]["runs"] else f"refuses it ({report['interpreter']['said']})"
        raise UserError(f"{rules} {path}, TFLM's interpreter {found}; please report the model")
    return 0 if report["supported"] else 1


if __name__ == "__main__":
    sys.exit(main())
