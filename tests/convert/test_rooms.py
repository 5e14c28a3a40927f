"""What the rooms of convert/ may take from one another, and from outside."""

import ast
from collections.abc import Iterator
from pathlib import Path

CONVERT = Path(__file__).parents[2] / "convert"
FLOORS = [("tflite",), ("tflm", "lowering"), ("passes",), ("export",), ("bundle",)]  # imports go down only
DOOR = CONVERT / "tflite/schema.py"


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def test_the_schema_comes_in_by_one_door() -> None:
    """Another library's classes can take the place of the tflite-micro package's in one file."""
    users = {path for path in CONVERT.rglob("*.py") if any("schema_py_generated" in name for name in imports_of(path))}
    assert users == {DOOR}


def test_imports_go_down_only() -> None:
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    for path in CONVERT.rglob("*.py"):
        room = path.relative_to(CONVERT).parts[0]
        for name in imports_of(path):
            package, _, rest = name.partition(".")
            other = rest.partition(".")[0]
            if room in floor and package == "convert":
                assert other == room or floor.get(other, len(FLOORS)) < floor[room], f"{path.name} imports {name}"
