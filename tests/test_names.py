"""One word means one thing: a class's name is said once in the package."""

import ast
from collections import defaultdict
from pathlib import Path

import rugbytx

PACKAGE = Path(rugbytx.__file__).parent
#: Names that two rooms share on purpose, with the reason.
SHARED = {
    "Choice": "a host's encoder (media.encode) and a line of the plan's explanation (core.plan) do not meet",
}


def test_no_two_classes_share_a_name() -> None:
    """A reader who meets a name in a log, a traceback or a review knows which class it is."""
    rooms: dict[str, list[str]] = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                rooms[node.name].append(f"{path.relative_to(PACKAGE)}:{node.lineno}")
    shared = {name: where for name, where in rooms.items() if len(where) > 1}
    assert shared.keys() == SHARED.keys(), {name: shared.get(name) for name in shared.keys() ^ SHARED.keys()}
