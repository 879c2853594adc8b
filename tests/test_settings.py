"""Settings are read once, at the edge, and a mistake is a sentence."""

from pathlib import Path

import pytest

from rugbytx import settings
from rugbytx.errors import SettingsError


def test_the_defaults_fit_each_other() -> None:
    """An empty environment is a valid one."""
    assert settings.read({}) == settings.Settings()


def test_only_the_given_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the process's own environment says does not leak into another."""
    monkeypatch.setenv("RUGBYTX_QUEUE", "process")
    assert settings.read().queue == "process"
    assert settings.read({}).queue == "rugbytx-transcode"


def test_values_are_parsed() -> None:
    """Numbers, folders and lists come out as such; an empty variable counts as unset."""
    read = settings.read(
        {
            "RUGBYTX_LEASE_S": "60",
            "RUGBYTX_HEARTBEAT_S": "15",
            "RUGBYTX_PROFILES": "/srv/profiles",
            "RUGBYTX_SOURCE_BUCKETS": "games, clips,",
            "RUGBYTX_QUEUE": "",
            "LEASE_S": "1",
        }
    )
    assert (read.lease_s, read.profiles) == (60.0, Path("/srv/profiles"))
    assert read.source_buckets == ("games", "clips")
    assert read.queue == "rugbytx-transcode"


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"RUGBYTX_LEASE_S": "soon"}, "RUGBYTX_LEASE_S: input should be a valid number"),
        ({"RUGBYTX_POLL_WAIT_S": "21"}, "RUGBYTX_POLL_WAIT_S: input should be less than or equal to 20"),
        ({"RUGBYTX_WORKER_CLASS": "pi"}, "RUGBYTX_WORKER_CLASS: input should be 'jetson' or 'aws'"),
        (
            {"RUGBYTX_HEARTBEAT_S": "50"},
            r"RUGBYTX_HEARTBEAT_S \(50\) must be at most a third of RUGBYTX_LEASE_S \(120\)",
        ),
        (
            {"RUGBYTX_VISIBILITY_S": "59"},
            r"RUGBYTX_HEARTBEAT_S \(30\) must be at most half of RUGBYTX_VISIBILITY_S \(59\)",
        ),
        (
            {"RUGBYTX_WORK_HOURS": "22-6"},
            "RUGBYTX_WORK_HOURS: '22-6' has not the form 22:00-06:00 Europe/Dublin",
        ),
        (
            {"RUGBYTX_UPLOAD_BPS": "10"},
            "RUGBYTX_UPLOAD_BPS: 10 is less than 1000000 bits a second; 0 is for no",
        ),
        ({"RUGBYTX_SOURCE_BUCKETS": ","}, "RUGBYTX_SOURCE_BUCKETS must name at least one bucket"),
    ],
)
def test_a_wrong_setting_is_one_sentence(environ: dict[str, str], sentence: str) -> None:
    """The sentence names the variable, as the user typed it."""
    with pytest.raises(SettingsError, match=f"^{sentence}") as caught:
        settings.read(environ)
    assert "\n" not in str(caught.value)


def test_unknown_names_come_with_a_guess() -> None:
    """Only names behind our prefix are ours to judge."""
    environ = {"RUGBYTX_SOURCE_BUCKET": "b", "RUGBYTX_ZZZ": "", "RUGBYTX_QUEUE": "q", "PATH": "/bin"}
    assert settings.unknown(environ) == [
        "RUGBYTX_SOURCE_BUCKET is not a setting; did you mean RUGBYTX_SOURCE_BUCKETS?",
        "RUGBYTX_ZZZ is not a setting",
    ]


def test_who_asks_for_remote_control_learns_what_to_ask_instead() -> None:
    """Even of what is off anyway: the name has no meaning here."""
    assert settings.unknown({"RUGBYTX_REMOTE_CONTROL": "off"}) == [
        f"RUGBYTX_REMOTE_CONTROL is not a setting: {settings.NO_REMOTE_CONTROL}"
    ]
