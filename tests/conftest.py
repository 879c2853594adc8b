"""For all tests: examples may take as long as a busy machine needs, and what starts a server or ffmpeg is marked."""

import pytest
from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

#: Fixtures that start a server or a program, and parameters of fixtures that lead to one.
_PROCESSES = {"server", "video_sample", "audio_sample"}
_REAL_PORTS = {"dynamodb", "embedded", "ecs"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts processes by what it asks for, so that no test is fast by mistake."""
    for item in items:
        if not isinstance(item, pytest.Function):
            continue
        values = item.callspec.params.values() if hasattr(item, "callspec") else ()
        if _PROCESSES & set(item.fixturenames) or any(
            value in _REAL_PORTS for value in values if isinstance(value, str)
        ):
            item.add_marker(pytest.mark.process)
