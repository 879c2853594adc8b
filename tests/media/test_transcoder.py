"""The whole of ports.Media, with the real encoder."""

import re
import subprocess
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from rugbytx.core.plan import planner
from rugbytx.core.plan.plan import BASE_OFFSET_S, Plan
from rugbytx.core.plan.thumbnails import Picture
from rugbytx.core.verify import chunk, finding
from rugbytx.errors import LeaseLost, VerificationError
from rugbytx.media.encode import track_file
from rugbytx.media.transcoder import FfmpegMedia
from rugbytx.ports import Encoded, Media
from tests.footage import SIZES, UNEVEN, film, frame_hashes, make, plan_for, show
from tests.plans import PROFILE, SOURCE
from tests.pulse import FakePulse
from tests.source import patch

pytestmark = pytest.mark.process

Once = Callable[[str, Callable[[Path], object]], Path]

MEDIA: Media = FfmpegMedia(preset="ultrafast", threads=1)


def encode(
    path: Path, folder: Path, pulse: FakePulse, *, rate: Fraction | None = None
) -> tuple[Plan, list[Encoded], Encoded | None]:
    """Encode a film chunk by chunk, and its audio."""
    plan = plan_for(MEDIA.probe(path, pulse=pulse), rate=rate)
    chunks = [MEDIA.encode_chunk(plan, index, path, folder, pulse=pulse) for index in range(plan.grid.chunks)]
    return plan, chunks, MEDIA.encode_audio(plan, path, folder, pulse=pulse) if plan.audio else None


@pytest.mark.parametrize(
    ("name", "write", "rate"),
    [
        ("29.97.mp4", lambda path: film(path, rate="30000/1001", sound=True), None),
        ("uneven.mkv", lambda path: film(path, *UNEVEN, rate="30"), Fraction(25)),
        ("12.5.mp4", lambda path: film(path, rate="25/2"), None),
        ("50.mp4", lambda path: film(path, rate="50", length_s=5.02), None),
    ],
)
def test_what_is_encoded_passes_every_gate(
    once: Once,
    tmp_path: Path,
    pulse: FakePulse,
    name: str,
    write: Callable[[Path], object],
    rate: Fraction | None,
) -> None:
    """All frames, one interval apart over all chunks; keyframes, sizes and headers as planned.

    The smaller of two renditions at 50 frames a second shows 25 of them.
    """
    plan, chunks, audio = encode(once(name, write), tmp_path, pulse, rate=rate)
    for index, encoded in enumerate(chunks):
        finding.require(chunk.check_chunk(plan, index, encoded.tracks))
        assert [(track.width, track.height) for track in encoded.tracks] == list(SIZES)
        assert encoded.encoder == "x264"
        assert encoded.encode_s > 0
    for number, rendition in enumerate(plan.renditions):
        grid = plan.grid_of(rendition)
        tracks = [encoded.tracks[number] for encoded in chunks]
        assert len({track.init_sha256 for track in tracks}) == 1, "one header for all chunks"
        fragments = [fragment for track in tracks for fragment in track.fragments]
        times = sorted(time for fragment in fragments for time in fragment.presentation_times)
        assert len(times) == grid.frames
        assert {later - earlier for earlier, later in pairwise(times)} == {grid.frame_ticks}
        assert times[0] == BASE_OFFSET_S * grid.timescale
    if audio:
        finding.require(chunk.check_audio(plan, audio.tracks[0]))
    assert [step for step in pulse.steps if step != "trial"][:2] == ["probe", "encode"]


def test_every_thumbnail_is_the_frame_of_its_time(tmp_path: Path, pulse: FakePulse) -> None:
    """In its place on the sheet of its chunk."""
    path = tmp_path / "brighter.mp4"
    look = "geq=lum='60+N':cb=128:cr=128"
    make(path, "-f", "lavfi", "-i", f"color=black:s=320x180:r=10:d=10,{look}", "-qp", "0")
    plan = planner.decide(MEDIA.probe(path, pulse=pulse), SOURCE, PROFILE, chunk_s=6.0)
    sheets = [
        MEDIA.encode_chunk(plan, index, path, tmp_path, pulse=pulse).pictures[Picture.SHEET]
        for index in range(plan.grid.chunks)
    ]
    shown = [(luma - 16) * 255 / 219 for luma in (60, 80, 100, 120, 140)]
    assert greys(sheets[0], 3) == pytest.approx(shown[:3], abs=4)
    assert greys(sheets[1], 2) == pytest.approx(shown[3:], abs=4)


def test_the_poster_is_no_black_frame(tmp_path: Path, pulse: FakePulse) -> None:
    """Though its chunk begins with one; and no other chunk makes a poster."""
    path = tmp_path / "dark.mp4"
    film(path, "-vf", "drawbox=t=fill:c=black:enable='lt(t,2)'", rate="10", length_s=12)
    plan = planner.decide(MEDIA.probe(path, pulse=pulse), SOURCE, PROFILE, chunk_s=6.0)
    made = [MEDIA.encode_chunk(plan, index, path, tmp_path, pulse=pulse).pictures for index in range(2)]
    assert greys(made[0][Picture.POSTER], 1)[0] > 40
    assert Picture.POSTER not in made[1]


@pytest.mark.parametrize(
    ("size", "lie", "matrix"),
    [
        ("180x320", "transpose=cclock", (0, 1, -1, 0)),
        ("180x320", "transpose=clock", (0, -1, 1, 0)),
        ("180x320", "transpose=cclock_flip", (0, 1, 1, 0)),
        ("320x180", "hflip,vflip", (-1, 0, 0, -1)),
        ("320x180", "hflip", (-1, 0, 0, 1)),
    ],
    ids=["turned right", "turned left", "mirrored and turned", "upside down", "mirrored"],
)
def test_pictures_of_a_turned_film_are_upright(
    tmp_path: Path, pulse: FakePulse, size: str, lie: str, matrix: patch.Matrix
) -> None:
    """The poster and each thumbnail have the shape that is shown, and its bright corner at the top left."""
    path = tmp_path / "lying.mp4"
    corner = "drawbox=w=iw/2:h=ih/2:c=white:t=fill"
    make(path, "-f", "lavfi", "-i", f"color=black:s={size}:r=10:d=6,{corner},{lie},format=yuv420p")
    patch.show_by(path, matrix)
    plan = planner.decide(MEDIA.probe(path, pulse=pulse), SOURCE, PROFILE, chunk_s=6.0)
    assert plan.stills is not None
    made = MEDIA.encode_chunk(plan, 0, path, tmp_path, pulse=pulse).pictures
    width, height = plan.stills.width, plan.stills.height
    assert (width < height) == (size == "180x320")
    thumbnail = f"crop={width}:{height}:0:0"
    for found in (greys(made[Picture.POSTER], 2, 2), greys(made[Picture.SHEET], 2, 2, cut=thumbnail)):
        assert found == pytest.approx([255, 0, 0, 0], abs=12)


def greys(picture: Path, columns: int, rows: int = 1, *, cut: str = "null") -> list[int]:
    """Return the brightness of a picture's columns, in full range; of rows of them, if there are more."""
    filters = f"{cut},format=gray,scale={columns}:{rows}:flags=area"
    argv = ["ffmpeg", "-v", "error", "-i", str(picture), "-vf", filters]
    done = subprocess.run([*argv, "-f", "rawvideo", "-"], capture_output=True, check=True, timeout=60)
    return list(done.stdout)


def test_an_encode_moves_and_can_be_stopped(tmp_path: Path, pulse: FakePulse) -> None:
    """Frames are reported while it runs; what ``check`` raises ends it."""
    path = film(tmp_path / "film.mp4", length_s=3)
    plan = plan_for(MEDIA.probe(path, pulse=pulse))
    MEDIA.encode_chunk(plan, 0, path, tmp_path, pulse=pulse)
    assert max(frames for frames, _ in pulse.advances) == len(plan.grid.chunk_frames(0))
    pulse.stop = LeaseLost("gone")
    with pytest.raises(LeaseLost):
        MEDIA.encode_chunk(plan, 0, path, tmp_path, pulse=pulse)


def test_a_portrait_of_a_rotated_film_is_upright(tmp_path: Path, pulse: FakePulse) -> None:
    """A phone's film that says "turn me" comes out turned, and says so no more."""
    path = patch.show_by(film(tmp_path / "lying.mp4", length_s=1), (0, 1, -1, 0))
    media = MEDIA.probe(path, pulse=pulse)
    assert media.video.display_size == (108, 192)
    plan = plan_for(media)
    upright = plan.renditions[0].model_copy(update={"width": 90, "height": 160})
    plan = plan.model_copy(update={"renditions": (upright,)})
    encoded = MEDIA.encode_chunk(plan, 0, path, tmp_path, pulse=pulse)
    finding.require(chunk.check_chunk(plan, 0, encoded.tracks))
    assert show(encoded.paths[0], "stream_side_data=rotation")["streams"] == [{}]


def test_an_mp4_holds_the_frames_of_the_chunks(once: Once, tmp_path: Path, pulse: FakePulse) -> None:
    """Joined, muxed and checked: the same pictures, evenly spaced from zero, and nothing left behind."""
    path = once("29.97.mp4", lambda path: film(path, rate="30000/1001", sound=True))
    plan, chunks, audio = encode(path, tmp_path, pulse)
    assert audio is not None
    target = tmp_path / "out.mp4"
    MEDIA.make_mp4(plan, [encoded.paths[0] for encoded in chunks], audio.paths[0], target, pulse=pulse)
    assert not target.with_name("out.mp4.joined").exists()
    assert pulse.steps[-3:] == ["join", "mux", "verify"]
    decode = ["ffmpeg", "-loglevel", "error", "-i"]
    hashes = frame_hashes([*decode, str(target), "-map", "0:v"])
    parts = [frame_hashes([*decode, str(encoded.paths[0]), "-map", "0:v"]) for encoded in chunks]
    assert hashes == [one for part in parts for one in part]
    packets = show(target, "packet=pts_time,codec_type")["packets"]
    times = [Fraction(packet["pts_time"]) for packet in packets if packet["codec_type"] == "video"]
    assert [round(time * plan.grid.rate) for time in sorted(times)] == list(range(plan.grid.frames))
    assert max(abs(time * plan.grid.rate - round(time * plan.grid.rate)) for time in times) < Fraction(
        1, 1000
    )


def test_flash_and_beep_stay_together(tmp_path: Path, pulse: FakePulse) -> None:
    """A white frame and a tone at 3 s in the source are both at 3 s in the MP4, to 1 ms."""
    path = tmp_path / "clapper.mkv"
    make(
        path,
        *("-f", "lavfi", "-i", "color=black:size=192x108:rate=25:duration=6"),
        *("-f", "lavfi", "-i", "aevalsrc='gte(t,3)*sin(2000*PI*t)':duration=6:sample_rate=48000"),
        *("-vf", "drawbox=color=white:thickness=fill:enable='between(t,2.99,3.5)'"),
        *("-c:v", "libx264", "-c:a", "flac"),
    )
    plan, chunks, audio = encode(path, tmp_path, pulse)
    assert audio is not None
    target = tmp_path / "out.mp4"
    MEDIA.make_mp4(plan, [encoded.paths[0] for encoded in chunks], audio.paths[0], target, pulse=pulse)
    filters = [
        "-vf",
        "blackdetect=d=0.1:pix_th=0.2",
        "-af",
        "silencedetect=noise=-30dB:d=0.1",
        "-f",
        "null",
        "-",
    ]
    done = subprocess.run(
        ["ffmpeg", "-nostdin", "-i", str(target), *filters],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    flash = re.search(r"black_end:([\d.]+)", done.stderr)
    beep = re.search(r"silence_end: ([\d.]+)", done.stderr)
    assert flash is not None
    assert beep is not None
    assert float(flash[1]) == pytest.approx(3.0, abs=0.001)
    assert float(beep[1]) == pytest.approx(3.0, abs=0.001)


def test_an_mp4_with_a_chunk_missing_is_refused(once: Once, tmp_path: Path, pulse: FakePulse) -> None:
    """The frames are counted at the end."""
    path = once("29.97.mp4", lambda path: film(path, rate="30000/1001", sound=True))
    plan, chunks, _ = encode(path, tmp_path, pulse)
    video = [encoded.paths[1] for encoded in chunks]
    with pytest.raises(VerificationError, match=f"frame-count check: expected {plan.grid.frames}, saw"):
        MEDIA.make_mp4(plan, video[:-1], None, tmp_path / "out.mp4", pulse=pulse)
    mixed = [chunks[0].paths[0], *video[1:]]
    with pytest.raises(VerificationError, match="the chunks have 2 headers"):
        MEDIA.make_mp4(plan, mixed, None, tmp_path / "out.mp4", pulse=pulse)


def test_a_file_that_was_not_written_is_found_out(tmp_path: Path) -> None:
    """Exit status 0 does not mean that there is a file, or anything in it."""
    empty = tmp_path / "empty.mp4"
    empty.touch()
    for path in (empty, tmp_path / "none.mp4"):
        with pytest.raises(VerificationError, match="was not written"):
            track_file.track(path)


def test_a_pace_bounds_the_reading_and_changes_nothing_else(tmp_path: Path, pulse: FakePulse) -> None:
    """The same bytes, no sooner than that much of the film can have been read."""
    path = tmp_path / "film.mp4"
    film(path, rate="25", length_s=2.0)
    plan = plan_for(MEDIA.probe(path, pulse=pulse))
    made = []
    for number, rate in enumerate((0.0, 2.0)):
        folder = tmp_path / str(number)
        folder.mkdir()
        paced = FfmpegMedia(preset="ultrafast", threads=1, read_rate=rate)
        encoded = paced.encode_chunk(plan, 0, path, folder, pulse=pulse)
        made.append([made_file.read_bytes() for made_file in encoded.paths])
    assert made[0] == made[1]
    # The last of fifty frames is read 0.98 s after the first; the container's start may count as well.
    assert encoded.encode_s > 0.5
