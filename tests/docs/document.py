"""The repository's documents, read as a renderer reads them: links, headings, tables and the code that they name."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
#: Every document of the repository, by its path there.
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]

#: A path of a Python file, and what of it is named: `rugbytx/core/schedule/next_unit.py:decide`, `tests/x.py::test_y`.
_MENTION = re.compile(r"\b((?:rugbytx|celeryconfig|tests|deploy)/[\w./-]+\.py)(?:::?([A-Za-z_][\w.]*\w))?")
_MARKDOWN = MarkdownIt("commonmark").enable("table")


@dataclass(frozen=True)
class Mention:
    """A Python file, and a name in it where one is given: ``Class``, ``function`` or ``Class.method``."""

    path: str
    name: str


def text(path: Path) -> str:
    """Return a document's text."""
    return path.read_text(encoding="utf-8")


@cache
def tokens(path: Path) -> tuple[Token, ...]:
    """Return a document's block tokens."""
    return tuple(_MARKDOWN.parse(text(path)))


def links(path: Path) -> Iterator[str]:
    """Yield the targets of a document's links and pictures; what stands in code is none."""
    for inline in _inlines(path):
        for token in inline.children or ():
            target = token.attrGet("href") or token.attrGet("src")
            if isinstance(target, str):
                yield unquote(target)


@cache
def anchors(path: Path) -> frozenset[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    parsed = tokens(path)
    seen: Counter[str] = Counter()
    found = []
    for opening, inline in pairwise(parsed):
        if opening.type != "heading_open":
            continue
        slug = slug_of("".join(child.content for child in inline.children or ()))
        found.append(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return frozenset(found)


def slug_of(heading: str) -> str:
    """Return the anchor of a heading, without the number that a repeated one gets.

    >>> slug_of("What it costs a month, in `us-east-1`")
    'what-it-costs-a-month-in-us-east-1'
    """
    kept = "".join(
        char for char in heading.lower() if char in " -_" or unicodedata.category(char)[0] in "LNM"
    )
    return kept.replace(" ", "-")


def tables(path: Path) -> Iterator[list[str]]:
    """Yield the source lines of each table, its delimiter row included."""
    lines = text(path).splitlines()
    for token in tokens(path):
        if token.type == "table_open" and token.map:
            yield lines[slice(*token.map)]


def lines_like_a_table(path: Path) -> Iterator[str]:
    """Yield the lines outside of code that begin as a table's row does."""
    lines = text(path).splitlines()
    in_code = {
        number
        for token in tokens(path)
        if token.type in {"fence", "code_block"} and token.map
        for number in range(*token.map)
    }
    for number, line in enumerate(lines):
        if number not in in_code and line.lstrip().startswith("|"):
            yield line


def cells(row: str) -> int:
    r"""Return how many cells a table's row has.

    >>> cells("| a | b |"), cells(r"| a \| b | c |")
    (2, 2)
    """
    return len(re.split(r"(?<!\\)\|", row.strip().removeprefix("|").removesuffix("|")))


def code_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a document's blocks of code, and each piece of code in its text."""
    for token in tokens(path):
        if token.type in {"fence", "code_block"}:
            yield from token.content.splitlines()
        yield from (child.content for child in token.children or () if child.type == "code_inline")


def mentions(words: str) -> Iterator[Mention]:
    """Yield the Python files that a document's words name, with the name behind the colon."""
    for file, name in _MENTION.findall(words):
        yield Mention(path=file, name=name)


def _inlines(path: Path) -> Iterator[Token]:
    return (token for token in tokens(path) if token.type == "inline")
