"""What the rooms of convert/ may take from one another, and from outside."""

import ast
from collections.abc import Iterator
from pathlib import Path

CONVERT = Path(__file__).parents[2] / "convert"
FLOORS = [("tflite",), ("lowering",), ("tflm",), ("passes",), ("export",), ("bundle",)]  # imports go down only
RUNTIME = {"tflite_micro", "tensorflow", "tf_keras"}


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def test_interpreters_are_imported_where_a_model_is_run() -> None:
    """A file is read, judged and written without TensorFlow and the tflite-micro package."""
    users = {path.name for path in CONVERT.rglob("*.py") if RUNTIME & {n.partition(".")[0] for n in imports_of(path)}}
    assert users == {"interpreters.py", "probe.py", "manifest.py"}  # the manifest names the version


def test_imports_go_down_only() -> None:
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    for path in CONVERT.rglob("*.py"):
        room = path.relative_to(CONVERT).parts[0]
        for name in imports_of(path):
            package, _, rest = name.partition(".")
            other = rest.partition(".")[0]
            if room in floor and package == "convert":
                assert other == room or floor.get(other, len(FLOORS)) < floor[room], f"{path.name} imports {name}"
