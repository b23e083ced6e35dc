"""Modules and functions stay small enough to be read at one go; what does not has its reason here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_MODULE_LINES = 300
MAX_FUNCTION_LINES = 50
LONG_MODULES: dict[str, str] = {}
LONG_FUNCTIONS = {
    "chalicelib/bootstrap/build.py:build": "hands each service its collaborators: a list, without a branch",
    "chalicelib/bootstrap/job_services.py:build_jobs": "as above",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules() -> Iterator[tuple[str, str]]:
    """The product's modules: name and text."""
    for folder in ("chalicelib", "dicom_listener", "infra", "samples"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text()
    yield "app.py", (ROOT / "app.py").read_text()


def long_modules() -> set[str]:
    return {name for name, text in modules() if len(text.splitlines()) > MAX_MODULE_LINES}


def long_functions() -> set[str]:
    return {
        f"{name}:{function.name}"
        for name, text in modules()
        for function in functions(ast.parse(text))
        if own_lines(function) > MAX_FUNCTION_LINES
    }


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def own_lines(function: Function) -> int:
    """Its lines, less those of its docstring and of the functions inside it, which count by themselves."""
    inner = [node for node in functions(function) if node is not function]
    direct = [
        node for node in inner if not any(node in functions(other) for other in inner if other is not node)
    ]
    docstring = function.body[:1] if ast.get_docstring(function) else []
    return lines(function) - sum(lines(part) for part in (*direct, *docstring))


def lines(node: Function | ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_a_module_is_long_for_a_reason_only() -> None:
    assert long_modules() == LONG_MODULES.keys()


def test_a_function_is_long_for_a_reason_only() -> None:
    assert long_functions() == LONG_FUNCTIONS.keys()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f():\n    return 1\n", 2),
        ('def f():\n    """One.\n\n    Two.\n    """\n    return 1\n', 2),
        ("def f():\n    def g():\n        def h():\n            pass\n        h()\n    g()\n", 2),
    ],
)
def test_own_lines_leave_out_docstrings_and_inner_functions(source: str, expected: int) -> None:
    assert own_lines(next(functions(ast.parse(source)))) == expected
