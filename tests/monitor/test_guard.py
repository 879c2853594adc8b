"""Who is served what, and what Flower's command becomes."""

import os
import subprocess
import sys
from typing import Any

import pytest

from rugbytx.errors import SettingsError
from rugbytx.monitor import access
from rugbytx.monitor.flower.templates import extended

LOOPBACK: dict[str, Any] = {
    "address": "127.0.0.1",
    "unix_socket": "",
    "basic_auth": None,
    "auth": "",
    "read_only": None,
}


@pytest.mark.parametrize(
    ("changed", "is_authenticated"),
    [
        ({}, False),
        ({"address": "::1"}, False),
        ({"read_only": True}, False),
        ({"address": "", "basic_auth": ["umpire:advantage"]}, True),
        ({"address": "0.0.0.0", "auth": ".*@example.org"}, True),  # noqa: S104  it is what is tested
        ({"unix_socket": "/run/flower", "basic_auth": ["umpire:advantage"]}, True),
    ],
)
def test_who_may_be_served(changed: dict[str, Any], *, is_authenticated: bool) -> None:
    """On loopback everybody, elsewhere who says who he is."""
    assert access.require(**LOOPBACK | changed) is is_authenticated


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"address": ""}, "every address of this host"),
        ({"address": "0.0.0.0"}, "not on 0.0.0.0"),  # noqa: S104  it is what is tested
        ({"address": "pitch.example"}, "not on pitch.example"),
        ({"address": "0.0.0.0", "basic_auth": []}, "FLOWER_BASIC_AUTH"),  # noqa: S104  it is what is tested
        ({"unix_socket": "/run/flower"}, "not on /run/flower"),
        ({"basic_auth": [""]}, "USER:PASSWORD"),
        ({"basic_auth": ["umpire:advantage", "umpire:"]}, "USER:PASSWORD"),
        ({"read_only": False}, "control messages"),
    ],
)
def test_who_may_not(changed: dict[str, Any], sentence: str) -> None:
    """A sentence says what to do instead."""
    with pytest.raises(SettingsError, match=sentence):
        access.require(**LOOPBACK | changed)


def test_a_template_that_changed_is_noticed() -> None:
    """An upgrade of Flower that has no place for our additions fails, instead of losing the Jobs tab."""
    with pytest.raises(ValueError, match=r"navbar\.html has changed"):
        extended("navbar.html", "<nav></nav>")


@pytest.mark.process
def test_plain_flower_refuses_strangers() -> None:
    """``celery -A rugbytx flower`` is the monitor, and ends with a sentence before it listens."""
    environ = {
        **os.environ,
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
    }
    done = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "rugbytx", "flower", "--address=0.0.0.0", "--port=0"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert "rugbytx monitor: without authentication Flower is served on loopback only" in done.stderr
