"""The report in a real browser: it asks for nothing, complains of nothing, and draws every figure."""

import re
from pathlib import Path

import pytest

from rugbytx.sim import batch
from rugbytx.sim.report import page
from rugbytx.sim.report.outcome import bound
from tests.player.chromium import Chromium, Tab
from tests.player.conftest import browser  # noqa: F401  the fixture
from tests.sim.day import case

POLICIES = ("note-recommended", "fastest")

_DRAWN = """
[...document.querySelectorAll('svg.figure')].map(figure => {
  const box = figure.getBoundingClientRect();
  const marks = figure.querySelectorAll('rect, path, circle');
  const inside = [...marks].filter(mark => { const own = mark.getBoundingClientRect();
    return own.right >= box.left - 1 && own.left <= box.right + 1; });
  return {label: figure.getAttribute('aria-label'), wide: box.width, high: box.height,
          marks: marks.length, inside: inside.length};
})
"""


@pytest.fixture(scope="module")
def report() -> str:
    """Return the report of three matches under two policies."""
    cases = [case("three", name) for name in POLICIES]
    means = [batch.means([batch.run_one(one)], 1)[0] for one in cases]
    return page.report(cases, means, bound(cases[0]))


def test_it_needs_nothing_from_elsewhere(report: str) -> None:
    """No script, no address."""
    assert "<script" not in report
    assert not re.findall(r"(?:src|href)=\"(?!data:)", report)
    assert "url(http" not in report


@pytest.mark.process
def test_every_figure_is_drawn(browser: Chromium, report: str, tmp_path: Path) -> None:  # noqa: F811
    """Two for all policies and three for each; every mark of them is within its figure."""
    path = tmp_path / "report.html"
    path.write_text(report, encoding="utf-8")
    with Tab(browser, path.as_uri()) as tab:
        figures = tab.run(_DRAWN)
        assert [one["label"] for one in figures] == [
            "cost against time",
            "cost by policy",
            *(
                f"{what} under {name}"
                for name in POLICIES
                for what in ("workers", "uploads", "queue and fleet")
            ),
        ]
        for one in figures:
            assert one["wide"] > 300
            assert one["high"] > 30
            assert one["inside"] == one["marks"] > 3
        assert tab.run("document.querySelectorAll('path.bound').length") == 1
        assert tab.thrown == []
