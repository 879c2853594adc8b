"""A fact stands in one place: a price in the list, a default in ``Settings``; what needs it reads it there."""

import ast
from collections.abc import Iterator
from pathlib import Path

import rugbytx
from rugbytx import prices
from rugbytx.core.cost.price_list import Item
from rugbytx.settings import Settings

PACKAGE = Path(rugbytx.__file__).parent
MODULES = {str(path.relative_to(PACKAGE)): ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")}
#: Too round to be known for a price.
ROUND = frozenset({0.4, 0.125})


def numbers(tree: ast.AST) -> Iterator[tuple[int, float]]:
    """Yield each number that is written in a module, but for those in docstrings, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and type(node.value) in {int, float}:
            yield node.lineno, float(str(node.value))


def defaults(tree: ast.AST) -> Iterator[tuple[int, str, ast.expr]]:
    """Yield the name and the default of each field and each argument, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.lineno, node.target.id, node.value
        if isinstance(node, ast.arguments):
            positional = [*node.posonlyargs, *node.args]
            pairs = [
                *zip(positional[len(positional) - len(node.defaults) :], node.defaults, strict=True),
                *zip(node.kwonlyargs, node.kw_defaults, strict=True),
            ]
            yield from ((one.lineno, one.arg, default) for one, default in pairs if default)


def test_no_price_is_typed_outside_the_list() -> None:
    """It would be wrong there as soon as the list is brought up to date."""
    listed = {item.usd for _, item in prices.load() if isinstance(item, Item)} - ROUND
    assert len(listed) > 5
    assert [
        f"{module}:{line}: {number}"
        for module, tree in MODULES.items()
        for line, number in numbers(tree)
        if number in listed
    ] == []


def test_no_default_of_a_setting_is_typed_twice() -> None:
    """A field or an argument of a setting's name takes its default from there, or has none; 0 says that there is none."""
    assert [
        f"{module}:{line}: {name}"
        for module, tree in MODULES.items()
        if module != "settings.py"
        for line, name, default in defaults(tree)
        if name in Settings.model_fields and any(number for _, number in numbers(default))
    ] == []
