"""The table of the matrix, on a terminal and in the docs."""

from collections.abc import Sequence
from pathlib import Path

from rugbytx.media.version import ProgramVersions
from tests.matrix.row import Row

DOCS = Path(__file__).parents[2] / "docs" / "reference" / "matrix.md"
BEGIN, END = "<!-- matrix -->", "<!-- /matrix -->"
HEAD = ("system", "ffmpeg", "ffprobe", "Python", "tests", "failed")


def lines(rows: Sequence[Row]) -> list[str]:
    """Return the table in Markdown, a line for each row."""
    return [f"| {' | '.join(HEAD)} |", "|---|---|---|---|---:|---:|", *(_line(row) for row in rows)]


def total(rows: Sequence[Row]) -> str:
    """Return the closing line; a row that proves nothing is a failure.

    >>> total([Row(system="here", passed=3), Row(system="there", fault="no root")])
    'matrix: 3 passed, 1 failed, 0 skipped'
    """
    passed = sum(row.passed for row in rows)
    failed = sum(max(row.failed, int(not row.is_good)) for row in rows)
    return f"matrix: {passed} passed, {failed} failed, {sum(row.skipped for row in rows)} skipped"


def keep(rows: Sequence[Row]) -> None:
    """Put the table into the docs."""
    before, rest = DOCS.read_text(encoding="utf-8").split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    DOCS.write_text("\n".join((before + BEGIN, *lines(rows), END + after)), encoding="utf-8")


def in_docs() -> list[dict[str, str]]:
    """Return the rows of the docs, by the names of their columns."""
    section = DOCS.read_text(encoding="utf-8").split(BEGIN, 1)[1].split(END, 1)[0]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in section.strip().splitlines()]
    return [dict(zip(HEAD, row, strict=True)) for row in cells[2:]]


def _line(row: Row) -> str:
    """Return a row.

    >>> _line(Row(system="Debian 12.13", ffmpeg="9.0.2-static", ffprobe="5.1.9", python="3.11.7", passed=9))
    '| Debian 12.13 | 9.0.2-static | 5.1.9 (mixed) | 3.11.7 | 9 | 0 |'
    """
    ffprobe = (
        f"{row.ffprobe} (mixed)"
        if ProgramVersions(ffmpeg=row.ffmpeg, ffprobe=row.ffprobe).is_mixed
        else row.ffprobe
    )
    tests = f"{row.tests} ({row.skipped} skipped)" if row.skipped else str(row.tests)
    failed = f"{row.failed}: {row.fault}" if row.fault else str(row.failed)
    return f"| {row.system} | {row.ffmpeg} | {ffprobe} | {row.python} | {tests} | {failed} |"
