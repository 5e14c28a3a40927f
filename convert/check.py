"""Does TFLM run a model? Asks the file the rules that TFLM's kernels ask, and names every operator that breaks one.

    python -m convert.check MODEL.tflite [--run] [--json]
    python -m convert.check --supported-ops > SUPPORTED_OPS.md

The rules decide, without running anything; --run also runs the model in TFLM's own interpreter, in a child process.
Exit status: 0 TFLM runs it, 1 TFLM would refuse it, 2 bad input, or rules and interpreter disagree.
"""

import json
import sys
from pathlib import Path

from convert.check_document import supported_operators
from convert.flatbuffer_verify import MAX_FILE_BYTES, DamagedModel
from convert.inspection import float_tensors, list_ops, read_model
from convert.probe import probe_model
from convert.rules.engine import ask_rules
from convert.rules.registry import RULES
from convert.rules.structure import STRUCTURE
from tf_embbert.arguments import CommandParser
from tf_embbert.errors import UserError, run_command

# Rules without which operators and tensors cannot even be listed.
UNREADABLE = ("graph_complete", "graph_tensors_exist", "operator_code_exists", "operator_tensors_exist",
              "type_has_size")


def check_model(path: str | Path) -> dict:
    """Checks a model against the rules of TFLM's kernels; nothing in the file is run, and it need not be trusted.

    Args:
        path: a .tflite file.

    Returns:
        {supported, integer_only, ops: [{name, version, count, types}], refusals, warnings, float_tensors: [{index,
        name, type}]}; refusals and warnings are [{op, index, tensor, tensor_name, rule, reason, kernel, remedy}], see
        `convert.rules.engine.ask_rules`. A model with warnings alone is supported.

    Raises:
        UserError: the file is missing, empty, too large or no TFLite flatbuffer.
    """
    return check_bytes(_read(Path(path)), str(path))


def check_bytes(model: bytes, name: str) -> dict:
    """`check_model` of a model in memory; `name` is what an error calls it."""
    try:
        unpacked = read_model(model)
    except DamagedModel as error:
        raise UserError(f"{name} is not a TFLite flatbuffer, or a damaged one: {error}") from error
    refusals, warnings = ask_rules(unpacked)
    readable = not any(refusal["rule"] in UNREADABLE for refusal in refusals)
    floats = float_tensors(unpacked) if readable else []
    return {"supported": not refusals, "integer_only": readable and not floats,
            "ops": list_ops(unpacked) if readable else [], "refusals": refusals, "float_tensors": floats,
            "warnings": warnings}


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise UserError(f"no model file at {path}")
    if not path.stat().st_size:
        raise UserError(f"{path} is empty")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise UserError(f"{path} has {path.stat().st_size:,} bytes; more than {MAX_FILE_BYTES:,} are not read")
    return path.read_bytes()


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


def entry_text(entry: dict) -> str:
    """One line about a refusal or warning: the operator and what is wrong."""
    place = f"{entry['op'] or 'operator'} (number {entry['index']}): " if entry["index"] is not None else ""
    return place + entry["reason"]


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
    unchecked = {rule.name for rule in (*RULES, *STRUCTURE) if rule.unchecked}
    by_luck = not report["supported"] and {entry["rule"] for entry in report["refusals"]} <= unchecked
    if "interpreter" in report and report["interpreter"]["runs"] != report["supported"] and not by_luck:
        rules = "the rules accept" if report["supported"] else "the rules refuse"
        found = "runs it" if report["interpreter"]["runs"] else f"refuses it ({report['interpreter']['said']})"
        raise UserError(f"{rules} {path}, TFLM's interpreter {found}; please report the model")
    return 0 if report["supported"] else 1


if __name__ == "__main__":
    sys.exit(main())
