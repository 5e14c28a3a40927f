"""What every function of the product takes and gives is annotated; that it is so rightly, mypy says (`make lint`)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def unannotated(tree: ast.AST, in_class: bool = False) -> Iterator[str]:
    """Arguments, and functions whose result, are not annotated; a method's first argument is nobody's."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            static = any(isinstance(name, ast.Name) and name.id == "staticmethod" for name in node.decorator_list)
            given = node.args
            taken = [*given.posonlyargs, *given.args, *given.kwonlyargs, *filter(None, (given.vararg, given.kwarg))]
            for argument in taken[1 if in_class and not static else 0 :]:
                if argument.annotation is None:
                    yield f"{node.name}({argument.arg})"
            if node.returns is None:
                yield f"{node.name} ->"
        yield from unannotated(node, isinstance(node, ast.ClassDef))


SOURCE = """
class A:
    def b(self, c, *d: int) -> None:
        def e(f): ...
    @staticmethod
    def g(h): ...
"""


def test_what_is_not_annotated_is_found() -> None:
    assert list(unannotated(ast.parse(SOURCE))) == ["b(c)", "e(f)", "e ->", "g(h)", "g ->"]


@pytest.mark.parametrize("part", ["convert", "tf_embbert", "benchmarks"])
def test_everything_is_annotated(part: str) -> None:
    missing = {str(path): list(unannotated(ast.parse(path.read_bytes()))) for path in (ROOT / part).rglob("*.py")}
    assert {path: found for path, found in missing.items() if found} == {}
