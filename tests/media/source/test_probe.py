"""Probing real files, small ones that ffmpeg makes here."""

import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from rugbytx.errors import LeaseLost, UnsupportedMedia
from rugbytx.media.source import probe
from rugbytx.media.transcoder import FfmpegMedia
from tests.footage import film, make
from tests.pulse import FakePulse

pytestmark = pytest.mark.process

Once = Callable[[str, Callable[[Path], object]], Path]


def test_a_film_is_described(once: Once, pulse: FakePulse) -> None:
    """7.4 s at 29.97 a second are 222 frames, whatever the audio lasts."""
    path = once("ntsc.mp4", lambda path: film(path, rate="30000/1001", sound=True))
    found = FfmpegMedia().probe(path, pulse=pulse)
    assert found.end_s == 222 / Fraction(30000, 1001)
    assert (found.video.width, found.video.height) == (192, 108)
    assert found.audio is not None
    assert found.size_bytes == path.stat().st_size
    assert pulse.steps == ["probe"]


def test_a_file_without_a_duration_is_read_through(tmp_path: Path, pulse: FakePulse) -> None:
    """A live recording in Matroska has neither duration nor index."""
    path = film(tmp_path / "live.mkv", "-live", "1", length_s=12)
    found = probe.read(path, pulse=pulse)
    assert found.end_s == 12
    assert pulse.advances[-1] == (0, 256), "a scan shows that it moves"


def test_video_that_ends_long_before_the_audio_is_found(tmp_path: Path, pulse: FakePulse) -> None:
    """The container's duration is the audio's, and nothing of the video is near it."""
    path = tmp_path / "short.mp4"
    make(
        path,
        *("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=1"),
        *("-f", "lavfi", "-i", "sine=duration=30", "-c:v", "libx264", "-c:a", "aac", "-f", "mp4"),
    )
    assert probe.read(path, pulse=pulse).end_s == 1


def test_names_are_only_names(once: Once, tmp_path: Path, pulse: FakePulse) -> None:
    """A name that looks like an option, a pattern and a protocol at once is read as a file."""
    path = tmp_path / "-i http:%d\n.mp4"
    shutil.copy(once("ntsc.mp4", lambda path: film(path, rate="30000/1001", sound=True)), path)
    assert probe.read(path, pulse=pulse).video.codec == "h264"


def test_what_is_no_film_is_refused(tmp_path: Path, pulse: FakePulse) -> None:
    """Text, nothing at all, a playlist, a film without its end, and sound alone."""
    text, empty, playlist = tmp_path / "text.mp4", tmp_path / "empty.mp4", tmp_path / "playlist.mp4"
    text.write_text("This is no film.")
    empty.touch()
    playlist.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile:///etc/passwd\n")
    whole = film(tmp_path / "whole.mp4", length_s=1)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    sound = tmp_path / "sound.mp4"
    make(sound, "-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac")
    for path, sentence in (
        (text, "its index is missing"),
        (empty, "the source is empty"),
        (playlist, "of a kind that is not accepted"),
        (cut, "its index is missing"),
        (sound, "no video stream"),
    ):
        with pytest.raises(UnsupportedMedia, match=sentence):
            probe.read(path, pulse=pulse)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, pulse: FakePulse) -> None:
    """A few bytes that decode to 37 million pixels."""
    path = tmp_path / "bomb.mov"
    make(path, "-f", "lavfi", "-i", "color=size=6100x6100:rate=1:duration=1", "-c:v", "png")
    with pytest.raises(UnsupportedMedia, match="far too large"):
        probe.read(path, pulse=pulse)


def test_headers_without_end_are_cut_off(pulse: FakePulse) -> None:
    """What ffprobe may say is bounded."""
    with pytest.raises(UnsupportedMedia, match="longer than any real video's"):
        probe.ask(["cat", "/dev/zero"], pulse=pulse)


def test_probing_stops_when_it_must(once: Once, pulse: FakePulse) -> None:
    """A lease that is lost ends ffprobe as it ends an encoder."""
    path = once("ntsc.mp4", lambda path: film(path, rate="30000/1001", sound=True))
    pulse.stop = LeaseLost("gone")
    with pytest.raises(LeaseLost):
        probe.read(path, pulse=pulse)
