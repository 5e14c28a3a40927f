"""Is a bundle what it says? Hashes, golden vectors, and TFLM against TensorFlow Lite's reference kernels.

    python -m convert.verify BUNDLE [--json]

Exit status: 0 all equal, 1 any difference, 2 bad input.
"""

import json
import sys

from tf_embbert.common.arguments import CommandParser
from tf_embbert.common.errors import run_command


@run_command
def main(arguments: list[str] | None = None) -> int:
    parser = CommandParser(prog="python -m convert.verify", description="Is this bundle what it says?")
    parser.add_argument("bundle", help="a bundle's folder")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    options = parser.parse_args(arguments)  # what follows is imported now: --help answers at once
    from rich.console import Console

    from convert.bundle.bundle import list_strays
    from convert.bundle.verification import verify_bundle

    console = Console(stderr=True)
    with console.status("running the model in TFLM and in TFLite's reference kernels"):
        report = verify_bundle(options.bundle)
    for name in list_strays(options.bundle):
        console.print(f"ignored {name}: a file manager left it there, it is of no bundle", soft_wrap=True, markup=False)
    if options.json:
        print(json.dumps(report, indent=1))
    else:
        _print_report(report)
    return 0 if report["ok"] else 1


def _print_report(report: dict) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console()
    for failure in report["failures"]:
        console.print(f"[red]differs[/] {escape(failure)}", soft_wrap=True)
    compared = f"{report['equal']} of {report['rows']} rows equal in TFLM and TFLite reference"
    if "not_compared" in report:
        compared = f"not compared with TFLite's reference kernels: {escape(report['not_compared'])}"
    console.print(f"{compared}; {report['golden']} golden rows right", soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
