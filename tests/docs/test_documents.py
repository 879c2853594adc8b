"""Every document leads where it says: links, anchors, files and names resolve, and tables have all of their cells."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.docs import document, source
from tests.docs.document import DOCUMENTS, NAMES, ROOT

#: Citations of documents in code, templates and scripts.
_CITED = re.compile(r"\bdocs/[\w/-]+\.md\b")
#: A reason, an event or an encoder's way, as logs and commands show it; names of resources are none.
_CONSTANT = re.compile(r"`((?!rugby)[a-z]+(?:-[a-z]+)+)`")
#: What is read for them; scripts have no suffix.
SUFFIXES = frozenset({".py", ".yaml", ".toml", ".html", ".service", ""})


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_each_link_leads_somewhere(path: Path) -> None:
    """To a file of the repository, and to a heading that is there."""
    for link in document.links(path):
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        target = (path.parent / parts.path).resolve() if parts.path else path
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if parts.fragment:
            assert parts.fragment in document.anchors(target), link


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_each_table_is_one(path: Path) -> None:
    """Each row has the head's number of cells, and no row is left outside."""
    rows = [row for table in document.tables(path) for row in table]
    assert [row.strip() for row in document.lines_like_a_table(path)] == [row.strip() for row in rows]
    for table in document.tables(path):
        assert {document.cells(row) for row in table} == {document.cells(table[0])}, table[0]


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_what_is_named_is_there(path: Path) -> None:
    """Files by their path, and classes, functions and constants in them."""
    for mention in document.mentions(document.text(path)):
        file = ROOT / mention.path
        assert file.is_file(), mention.path
        assert not mention.name or mention.name in source.names(file), mention


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_every_document_is_reached_from_the_readme(path: Path) -> None:
    """Through links alone, as a reader goes."""
    reached, left = set[Path](), [ROOT / "README.md"]
    while left:
        page = left.pop()
        if page not in reached:
            reached.add(page)
            targets = ((page.parent / urlsplit(link).path).resolve() for link in document.links(page))
            left += [target for target in targets if target in DOCUMENTS]
    assert path in reached


def test_what_code_cites_is_there() -> None:
    """Docstrings, comments, templates and scripts name documents by their path."""
    cited = set(_CITED.findall("\n".join(code("rugbytx", "celeryconfig", "tests", "deploy", "scripts"))))
    assert "docs/howto/operate.md" in cited
    assert [name for name in sorted(cited) if not (ROOT / name).is_file()] == []


def test_each_constant_is_one_of_the_code() -> None:
    """A reason or an event that a person looks for in a log is written there as the document has it."""
    written = "\n".join(code("rugbytx", "celeryconfig", "deploy"))
    pages = [path for path in DOCUMENTS if path.name != "CHANGELOG.md"]
    named = {(path.name, name) for path in pages for name in _CONSTANT.findall(document.text(path))}
    assert ("operate.md", "scratch-low") in named
    assert [(page, name) for page, name in sorted(named) if name not in written] == []


def code(*folders: str) -> Iterator[str]:
    """Yield the text of what people wrote in these folders."""
    for path in (path for name in folders for path in (ROOT / name).rglob("*")):
        if path.is_file() and path.suffix in SUFFIXES and "node_modules" not in path.parts:
            yield path.read_text(encoding="utf-8", errors="replace")
