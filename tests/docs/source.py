"""What a Python file defines, without importing it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path


@cache
def names(path: Path) -> frozenset[str]:
    """Return the file's classes, functions and constants, and its classes' members as ``Class.member``."""
    return frozenset(_names(ast.parse(path.read_text(encoding="utf-8")).body))


def _names(body: list[ast.stmt], within: str = "") -> Iterator[str]:
    for statement in body:
        match statement:
            case ast.ClassDef():
                yield f"{within}{statement.name}"
                yield from _names(statement.body, f"{within}{statement.name}.")
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield f"{within}{statement.name}"
            case ast.Assign():
                yield from (f"{within}{one.id}" for one in statement.targets if isinstance(one, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield f"{within}{name}"
            case _:
                pass
