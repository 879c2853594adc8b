"""A browser for all tests of the player."""

import os
import shutil
from collections.abc import Iterator

import pytest

from rugbytx.player.server import HLS_JS
from tests.player.chromium import PROGRAM, Chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    """Return a browser; without one a laptop leaves these tests out, and CI fails."""
    missing = [] if shutil.which(PROGRAM) else [PROGRAM]
    missing += [] if HLS_JS.is_file() else ["hls.js"]
    if missing:
        sentence = f"{' and '.join(missing)} missing: scripts/setup installs what a real player needs"
        if os.environ.get("CI"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    with Chromium() as running:
        yield running
