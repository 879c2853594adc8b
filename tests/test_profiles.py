"""Profiles come from TOML files, and a mistake in one is a sentence."""

from pathlib import Path

import pytest

from rugbytx import profiles
from rugbytx.errors import SettingsError, UnknownProfile

OWN = """
name = "own"
rungs = [{ height = 480, rate_bps = 900_000, high_motion_rate_bps = 1_200_000 }]
"""


def test_match_has_four_rungs_and_may_splice() -> None:
    """A match is cut into many chunks, so unlike encoders may share it."""
    match = profiles.load("match", None)
    assert [rung.height for rung in match.rungs] == [1080, 720, 540, 360]
    assert (match.splice, match.mp4) == (True, False)


def test_clip_makes_an_mp4_and_does_not_splice() -> None:
    """One MP4 has one set of parameters."""
    clip = profiles.load("clip", None)
    assert [rung.height for rung in clip.rungs] == [720, 540, 360]
    assert (clip.splice, clip.mp4) == (False, True)


def test_a_folder_adds_profiles_and_goes_before_the_built_in_ones(tmp_path: Path) -> None:
    """A user's `match` replaces ours."""
    (tmp_path / "own.toml").write_text(OWN)
    (tmp_path / "match.toml").write_text(OWN.replace("own", "match"))
    assert profiles.names(tmp_path) == ["clip", "match", "own"]
    assert profiles.load("own", tmp_path).rungs[0].height == 480
    assert len(profiles.load("match", tmp_path).rungs) == 1
    assert profiles.load("clip", tmp_path) == profiles.load("clip", None)


@pytest.mark.parametrize("name", ["mach", "../match", "/etc/passwd", ""])
def test_an_unknown_name_lists_the_known_ones(name: str) -> None:
    """A name is never a path."""
    with pytest.raises(UnknownProfile, match=r"there is clip and match$"):
        profiles.load(name, None)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name = own", "is not TOML: Invalid value"),
        ('name = "own"', "rungs: Field required"),
        (OWN.replace("480", "12"), r"rungs\[1\].height: Input should be greater than or equal to 64"),
        (OWN.replace("1_200_000", "800_000"), "wrong: high_motion_rate_bps must not be below rate_bps"),
        (OWN + "fps = 25", "fps: Extra inputs are not permitted"),
        (OWN.replace('"own"', '"other"'), "its name is 'other', its file says 'own'"),
        (OWN + "#" * profiles.MAX_FILE_BYTES, "longer than 64 KiB"),
    ],
)
def test_a_mistake_names_file_field_and_problem(tmp_path: Path, text: str, sentence: str) -> None:
    """The first mistake is one sentence."""
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(UnknownProfile, match=sentence) as caught:
        profiles.load("own", tmp_path)
    assert "own.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_are_no_profile(tmp_path: Path) -> None:
    """A video in the profile folder is refused, not decoded."""
    (tmp_path / "own.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UnknownProfile, match="cannot be read"):
        profiles.load("own", tmp_path)


def test_a_folder_that_is_not_there_is_a_wrong_setting(tmp_path: Path) -> None:
    """Silence would hide a typing mistake in RUGBYTX_PROFILES."""
    with pytest.raises(SettingsError, match="RUGBYTX_PROFILES: there is no folder"):
        profiles.load("match", tmp_path / "nowhere")
