"""Does TFLM run a model? Loads and runs it in TFLM's own interpreter, and names the operator that is refused.

    python -m convert.check MODEL.tflite [--json]

Exit status: 0 TFLM runs it, 1 TFLM would refuse it, 2 bad input.
"""

import json
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from convert.inspection import FILE_IDENTIFIER
from convert.probe import Probe, probe_model
from tf_embbert.arguments import CommandParser
from tf_embbert.errors import UserError, run_command

# What TFLM prints (micro_op_resolver.h, micro_interpreter.cc, micro_interpreter_graph.cc).
UNKNOWN_OP = re.compile(r"Didn't find op for builtin opcode '(?P<op>\w+)'|Failed to get registration from op code "
                        r"(?P<code>\w+)")
FAILED_NODE = re.compile(r"Node (?P<op>\S+) \(number (?P<index>\d+)\) failed to (?P<stage>prepare|invoke)")
NOISE = re.compile(r"RecordingMicroAllocator|TFLM failed to allocate tensors|Interpreter invocation failed")


def check_model(path: str | Path) -> dict:
    """Checks a model against TFLM's interpreter; the model runs in a child process and need not be trusted.

    Args:
        path: a .tflite file.

    Returns:
        {supported, integer_only, ops: [{name, version, count, types}], refusals: [{op, index, reason}],
        float_tensors: [{index, name, type}], warnings: [text]}. TFLM stops at the first operator it refuses, so there
        is at most one refusal; its index is that of the operator in the graph, None where TFLM does not tell.

    Raises:
        UserError: the file is missing, empty or no TFLite flatbuffer.
    """
    return check_bytes(_read(Path(path)), str(path))


def check_bytes(model: bytes, name: str) -> dict:
    """`check_model` of a model in memory; `name` is what an error calls it."""
    probe = probe_model(model)
    if probe.ops is None:
        raise UserError(f"{name} is a damaged TFLite flatbuffer ({probe.log[-1] if probe.log else probe.ending})")
    refusals = [] if probe.invoked else [_refusal(probe)]
    return {"supported": not refusals, "integer_only": not probe.float_tensors, "ops": probe.ops,
            "refusals": refusals, "float_tensors": probe.float_tensors, "warnings": _warnings(probe)}


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise UserError(f"no model file at {path}")
    data = path.read_bytes()
    if not data:
        raise UserError(f"{path} is empty")
    if data[4:8] != FILE_IDENTIFIER:
        raise UserError(f"{path} is not a TFLite flatbuffer (bytes 4 to 7 are not TFL3)")
    return data


def _refusal(probe: Probe) -> dict:
    """The operator that TFLM stopped at, and all that it printed about it."""
    lines = [line for line in probe.log if not NOISE.search(line)]
    refusal = {"op": None, "index": None, "reason": "; ".join(lines) or probe.ending}
    for line in lines:
        if match := UNKNOWN_OP.search(line):
            name = _custom_name(probe) if "CUSTOM" in match.groups() else match["op"] or match["code"]
            return refusal | {"op": name, "reason": f"TFLM has no operator {name}"}
        if match := FAILED_NODE.search(line):
            return refusal | {"op": match["op"], "index": int(match["index"])}
    return refusal


def _custom_name(probe: Probe) -> str:
    """TFLM prints CUSTOM for every custom operator; the model knows its name."""
    return next(op["name"] for op in probe.ops if op["name"].startswith("CUSTOM"))


def _warnings(probe: Probe) -> list[str]:
    return [f"tensor {tensor['index']} ({tensor['name'] or 'unnamed'}) is {tensor['type']}: not integer-only"
            for tensor in probe.float_tensors]


def _print_report(path: str, report: dict) -> None:
    console = Console()
    table = Table("operator", "version", "count", "types", title=escape(path))
    for op in report["ops"]:
        table.add_row(op["name"], str(op["version"]), str(op["count"]), "\n".join(op["types"]))
    console.print(table)
    for warning in report["warnings"]:
        console.print(f"[yellow]warning[/] {escape(warning)}", soft_wrap=True)
    for refusal in report["refusals"]:
        place = f" {refusal['op']}" if refusal["op"] else ""
        place += f" (number {refusal['index']})" if refusal["index"] is not None else ""
        console.print(f"[red]refused[/]{escape(place)}: {escape(refusal['reason'])}", soft_wrap=True)
    verdict = "TFLM runs this model" if report["supported"] else "TFLM would refuse this model"
    console.print(f"{verdict}; {'integers only' if report['integer_only'] else 'not integer-only'}")


@run_command
def main(arguments: list[str] | None = None) -> int:
    parser = CommandParser(prog="python -m convert.check", description="Does TFLM run this model?")
    parser.add_argument("model", help="a .tflite file")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    options = parser.parse_args(arguments)
    report = check_model(options.model)
    if options.json:
        print(json.dumps(report, indent=1))
    else:
        _print_report(options.model, report)
    return 0 if report["supported"] else 1


if __name__ == "__main__":
    sys.exit(main())
