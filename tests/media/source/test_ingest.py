"""What was uploaded becomes one file that can be searched, on one clock."""

import shutil
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from rugbytx.core.source.media_info import MediaInfo
from rugbytx.errors import LeaseLost, ScratchFull, UnsupportedMedia
from rugbytx.media.transcoder import FfmpegMedia
from tests.footage import film, show
from tests.pulse import FakePulse

pytestmark = pytest.mark.process

Once = Callable[[str, Callable[[Path], object]], Path]

MEDIA = FfmpegMedia()


def prepared(film: Path, folder: Path, pulse: FakePulse) -> tuple[Path, MediaInfo]:
    """Return what becomes of a copy of a film, and what ffprobe says of that."""
    arrived, path = folder / "arrived", folder / "source"
    shutil.copy(film, arrived)
    MEDIA.ingest(arrived, path, pulse=pulse)
    assert [left.name for left in folder.iterdir()] == ["source"]
    return path, MEDIA.probe(path, pulse=pulse)


def moments(path: Path, stream: str, tick_s: Fraction) -> list[Fraction]:
    """Return when each packet of a stream is shown, in order."""
    packets = show(path, "packet=pts", "-select_streams", stream)["packets"]
    return sorted(int(packet["pts"]) * tick_s for packet in packets)


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.avi"])
def test_what_has_an_index_stays_as_it_is(once: Once, tmp_path: Path, pulse: FakePulse, name: str) -> None:
    """It is only given its name."""
    made = once(name, lambda path: film(path, length_s=2))
    path, media = prepared(made, tmp_path, pulse)
    assert path.read_bytes() == made.read_bytes()
    assert media.arrived_as == ""


def test_a_transport_stream_becomes_an_mp4(once: Once, tmp_path: Path, pulse: FakePulse) -> None:
    """With every frame at its exact time, however late its clock began; and the copy says what it was."""
    made = once(
        "hours.ts",
        lambda path: film(path, "-c:a", "aac", "-output_ts_offset", "36000", rate="30000/1001", sound=True),
    )
    path, media = prepared(made, tmp_path, pulse)
    assert (media.arrived_as, media.container) == ("mpegts", "mov,mp4,m4a,3gp,3g2,mj2")
    assert media.video.average_rate == Fraction(30000, 1001)
    tick_s = Fraction(1, 90_000)
    before, after = moments(made, "v:0", tick_s), moments(path, "v:0", tick_s)
    assert [shown - before[0] for shown in before] == [shown - after[0] for shown in after]
    assert pulse.steps[0] == "ingest"


def test_two_copies_are_the_same(once: Once, tmp_path: Path, pulse: FakePulse) -> None:
    """So it does not matter whose copy a chunk is made from."""
    made = once("film.ts", lambda path: film(path, "-c:a", "aac", sound=True))
    bodies = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        path, _ = prepared(made, tmp_path / name, pulse)
        bodies.append(path.read_bytes())
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize("later", ["20000", "3", "1.4"])
def test_a_clock_that_is_set_anew_is_set_back(
    once: Once, tmp_path: Path, pulse: FakePulse, later: str
) -> None:
    """Forwards by hours, backwards or to where it began: no frame is missing, and sound and picture stay together."""
    options = ("-c:a", "aac", "-ar", "48000", "-output_ts_offset")
    parts = [
        once(f"from-{start_s}.ts", lambda path, at=start_s: film(path, *options, at, length_s=4, sound=True))  # type: ignore[misc]
        for start_s in ("1.4", later)
    ]
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    (tmp_path / "scratch").mkdir()
    path, media = prepared(joined, tmp_path / "scratch", pulse)
    frames = moments(path, "v:0", Fraction(1, 90_000))
    assert {b - a for a, b in pairwise(frames)} == {Fraction(1, 25)}
    assert len(frames) == 200
    sounds = moments(path, "a:0", Fraction(1, 48_000))
    # Between the first part's last sound and the second's first a fragment of an AAC frame may be silent.
    assert max(b - a for a, b in pairwise(sounds)) <= Fraction(2 * 1024, 48_000)
    assert media.audio


def test_a_sound_that_begins_late_is_found(tmp_path: Path, pulse: FakePulse) -> None:
    """Twelve seconds and many megabytes after the picture, where ffprobe has long ceased to look by itself."""
    made = tmp_path / "late.ts"
    film(
        made,
        *("-af", "adelay=12000,atrim=start=12", "-c:a", "aac", "-muxrate", "6000k"),
        length_s=14,
        sound=True,
    )
    assert made.stat().st_size > 5_000_000
    (tmp_path / "scratch").mkdir()
    path, media = prepared(made, tmp_path / "scratch", pulse)
    assert media.audio
    assert moments(path, "a:0", Fraction(1, 44_100))[0] > 11


@pytest.mark.parametrize(
    ("codec", "options", "kept"),
    [("s302m", ("-strict", "-2"), "flac"), ("pcm_bluray", (), "flac"), ("ac3", (), "ac3")],
)
def test_a_sound_that_mp4_cannot_hold_is_kept_without_loss(
    once: Once, tmp_path: Path, pulse: FakePulse, codec: str, options: tuple[str, ...], kept: str
) -> None:
    """Broadcast and disc PCM become FLAC; the rest is copied."""
    made = once(
        f"{codec}.m2ts",
        lambda path: film(path, "-c:a", codec, *options, "-ar", "48000", "-ac", "2", length_s=1, sound=True),
    )
    _, media = prepared(made, tmp_path, pulse)
    assert media.audio
    assert media.audio.codec == kept


def test_a_picture_that_mp4_cannot_hold_is_copied_too(tmp_path: Path, pulse: FakePulse) -> None:
    """Into Matroska."""
    (tmp_path / "scratch").mkdir()
    made = film(tmp_path / "dirac.ts", codec="vc2", length_s=1)
    _, media = prepared(made, tmp_path / "scratch", pulse)
    assert (media.container, media.arrived_as, media.video.codec) == ("matroska,webm", "mpegts", "dirac")


def test_only_what_is_transcoded_is_copied(tmp_path: Path, pulse: FakePulse) -> None:
    """One picture and one sound of several."""
    made = tmp_path / "many.ts"
    film(made, *("-map", "0", "-map", "1", "-map", "1", "-map", "0"), "-c:a", "aac", length_s=1, sound=True)
    (tmp_path / "scratch").mkdir()
    path, _ = prepared(made, tmp_path / "scratch", pulse)
    kinds = [stream["codec_type"] for stream in show(path, "stream=codec_type")["streams"]]
    assert kinds == ["video", "audio"]


def test_what_stops_the_work_leaves_the_upload_alone(once: Once, tmp_path: Path, pulse: FakePulse) -> None:
    """The next attempt need not download it again, and nobody takes a part for the whole."""
    arrived, path = tmp_path / "arrived", tmp_path / "source"
    shutil.copy(once("film.ts", lambda path: film(path, "-c:a", "aac", sound=True)), arrived)
    pulse.stop = LeaseLost("gone")
    with pytest.raises(LeaseLost):
        MEDIA.ingest(arrived, path, pulse=pulse)
    assert [left.name for left in tmp_path.iterdir()] == ["arrived"]


def test_a_disk_without_room_for_a_copy_is_full(
    once: Once, tmp_path: Path, pulse: FakePulse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said before the disk is filled, and in the words of every full disk."""
    arrived = tmp_path / "arrived"
    shutil.copy(once("film.ts", lambda path: film(path, "-c:a", "aac", sound=True)), arrived)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 10))
    with pytest.raises(ScratchFull, match="the copy of the source needs"):
        MEDIA.ingest(arrived, tmp_path / "source", pulse=pulse)
    assert [left.name for left in tmp_path.iterdir()] == ["arrived"]


def test_what_is_no_film_is_refused(tmp_path: Path, pulse: FakePulse) -> None:
    """In the same words as by a probe."""
    arrived = tmp_path / "arrived"
    arrived.touch()
    with pytest.raises(UnsupportedMedia, match="the source is empty"):
        MEDIA.ingest(arrived, tmp_path / "source", pulse=pulse)
    arrived.write_text("This is no film.")
    with pytest.raises(UnsupportedMedia, match="not a video file"):
        MEDIA.ingest(arrived, tmp_path / "source", pulse=pulse)
