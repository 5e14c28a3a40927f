"""Does TFLM run a model? Asks the file the rules that TFLM's kernels ask, and names every operator that breaks one.

    python -m convert.check MODEL.tflite [--kernels cmsis_nn|reference] [--core ID] [--tflm main|arduino|pico|esp]
                            [--run] [--json]
    python -m convert.check MODEL.tflite --resolver
    python -m convert.check --supported-ops > SUPPORTED_OPS.md

MODEL may also be a C file with the model in an array, as `xxd -i` writes it. The rules decide, without running
anything; a firmware has CMSIS-NN's kernels where nothing else is said. --run also runs the model in TFLM's own
interpreter, which has the reference kernels, in a child process; --resolver prints what a firmware registers.
Exit status: 0 TFLM runs it, 1 TFLM would refuse it, 2 bad input, or rules and interpreter disagree.
"""

import json
import sys
from argparse import Namespace

from convert.options import add_target_arguments
from tf_embbert.common.arguments import CommandParser
from tf_embbert.common.errors import UserError, run_command


def _print_report(path: str, report: dict) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from convert.printing import print_entries
    from convert.tflm.libraries import library_of

    console = Console()
    table = Table("operator", "version", "count", "types", title=escape(path))
    for op in report["ops"]:
        table.add_row(op["name"], str(op["version"]), str(op["count"]), "\n".join(op["types"]))
    console.print(table)
    for colour, word, entries in (("yellow", "warning", report["warnings"]), ("red", "refused", report["refusals"])):

        def line(text: str, detail: bool, colour: str = colour) -> None:
            style = "dim" if detail else colour
            console.print(escape("  " * detail + text), style=style, soft_wrap=True, highlight=False)

        print_entries(entries, word, line)
    if mended := _mended(report):
        console.print(f"python -m convert.optimize rewrites {mended}, with the same bytes out", soft_wrap=True)
    if "interpreter" in report:
        console.print(escape(_found(report["interpreter"])), soft_wrap=True, highlight=False)
    library = library_of(report["tflm"])
    tflm = f"TFLM of {library.title} {library.commit[:9]}" if library else "TFLM"
    verdict = f"{tflm} {'runs' if report['supported'] else 'would refuse'} this model"
    if report["supported"] and any(entry["rule"] == "known_by_name" for entry in report["warnings"]):
        verdict += ", as far as is checked: some operators are known by name only"
    if report["supported"] and not report["same_answers"]:
        verdict += ", but with these kernels it does not answer as the reference kernels do"
    console.print(f"{verdict}; {'integers only' if report['integer_only'] else 'not integer-only'}", soft_wrap=True)


def _mended(report: dict) -> str:
    """The operators that `convert.optimize` brings into a form that these kernels answer right, in words."""
    from convert.printing import places_text

    told = report["refusals"] + report["warnings"]
    if not told:
        return ""  # the passes need not be imported
    from convert.passes.kernel_forms import FORMS

    entries = [entry for entry in told if entry["rule"] in FORMS]
    return places_text(entries)


def _found(interpreter: dict) -> str:
    """What TFLM's interpreter did, in words."""
    if interpreter["runs"]:
        return "TFLM's interpreter ran it"
    return f"TFLM's interpreter refused it: {interpreter['said']}"


@run_command
def main(arguments: list[str] | None = None) -> int:
    parser = CommandParser(prog="python -m convert.check", description="Does TFLM run this model?")
    parser.add_argument("model", nargs="?", help="a .tflite file, or a C file with one in an array")
    add_target_arguments(parser)
    parser.add_argument("--run", action="store_true", help="also run the model in TFLM's interpreter, and compare")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    parser.add_argument("--resolver", action="store_true", help="print the MicroMutableOpResolver that it needs")
    parser.add_argument("--supported-ops", action="store_true", help="print SUPPORTED_OPS.md")
    options = parser.parse_args(arguments)
    if options.supported_ops:
        from convert.tflm.supported_ops import supported_operators

        sys.stdout.write(supported_operators())
        return 0
    if not options.model:
        raise UserError("name a .tflite file (or --supported-ops)")
    return _check(options.model, options)


def _check(path: str, options: Namespace) -> int:
    from convert.tflm.builds import choose_kernels
    from convert.tflm.support import check_bytes, load_model

    kernels = choose_kernels(options.core, options.kernels, options.tflm)
    model = load_model(path)
    report = check_bytes(model, path, kernels, options.core)
    if options.run:
        from convert.tflm.probe import probe_model

        report["interpreter"] = probe_model(model)._asdict()
    if options.resolver:
        return _print_resolver(report, options.json)
    if options.json:
        print(json.dumps(report, indent=1))
    else:
        _print_report(path, report)
    if options.run:
        _compare(path, model, report["interpreter"])
    return 0 if report["supported"] else 1


def _print_resolver(report: dict, as_json: bool) -> int:
    """The C++ that registers exactly the operators of a model, for a firmware's source."""
    from convert.printing import refuse
    from convert.tflm.resolver import resolver_lines

    if not report["supported"]:
        return refuse(report, as_json)
    lines = resolver_lines([op["name"] for op in report["ops"]])
    print(json.dumps({"resolver": lines}, indent=1) if as_json else "\n".join(lines))
    return 0


def _compare(path: str, model: bytes, interpreter: dict) -> None:
    """A disagreement of rules and interpreter is an error, but where TFLM only does not check what the rules refuse."""
    from convert.tflm.rules.registry import RULES
    from convert.tflm.rules.structure import STRUCTURE
    from convert.tflm.support import check_bytes

    report = check_bytes(model, path, "reference")
    unchecked = {rule.name for rules in (RULES, STRUCTURE) for rule in rules if rule.unchecked}
    by_luck = not report["supported"] and {entry["rule"] for entry in report["refusals"]} <= unchecked
    if interpreter["runs"] != report["supported"] and not by_luck:
        rules = "the rules accept" if report["supported"] else "the rules refuse"
        found = "runs it" if interpreter["runs"] else f"refuses it ({interpreter['said']})"
        raise UserError(f"{rules} {path}, TFLM's interpreter {found}; please report the model")


if __name__ == "__main__":
    sys.exit(main())
