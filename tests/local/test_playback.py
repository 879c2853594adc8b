"""What the demo calls playable is whole: files as the manifest says, every frame, with sound."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from rugbytx.core.job.job import Job, Outputs
from rugbytx.core.output.result import Manifest, ManifestEntry
from rugbytx.errors import VerificationError
from rugbytx.local import playback
from tests.fakes.storage import FakeStorage
from tests.plans import PROFILE, SOURCE, small_plan

PLAN = small_plan(chunks=1)


def make(folder: Path, *outputs: str) -> None:
    """Encode six seconds in the sizes of ``PLAN``."""
    argv = [
        *(
            "ffmpeg",
            "-v",
            "error",
            "-nostdin",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=320x180:rate=10:duration=6",
        ),
        *("-f", "lavfi", "-i", "sine=frequency=440:duration=6", "-map", "0:v", "-map", "0:v", "-map", "1:a"),
        *("-s:v:1", "160x90", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "20"),
        *("-c:a", "aac", *outputs),
    ]
    subprocess.run(argv, check=True, timeout=60, cwd=folder)


@pytest.fixture
def master(tmp_path: Path) -> Path:
    """Return the master playlist of two renditions and their sound."""
    streams = "v:0,agroup:sound v:1,agroup:sound a:0,agroup:sound"
    hls = ("-f", "hls", "-hls_playlist_type", "vod", "-hls_time", "2", "-master_pl_name", "master.m3u8")
    make(tmp_path, *hls, "-var_stream_map", streams, "-hls_segment_filename", "%v-%d.ts", "%v.m3u8")
    return tmp_path / "master.m3u8"


def test_what_is_whole_plays(master: Path) -> None:
    """A master whose renditions have all frames and sound passes."""
    playback.check_hls(master, PLAN, ffprobe="ffprobe")


def test_a_missing_frame_is_noticed(master: Path) -> None:
    """One frame less than planned in every rendition is an error that names both figures."""
    longer = PLAN.grid.model_copy(update={"frames": PLAN.grid.frames + 1})
    with pytest.raises(VerificationError, match=r"320x180: 60, planned are .*320x180: 61"):
        playback.check_hls(master, PLAN.model_copy(update={"grid": longer}), ffprobe="ffprobe")


def test_missing_sound_is_noticed(master: Path) -> None:
    """Sound must be there exactly where the plan has it."""
    with pytest.raises(VerificationError, match="has sound, unlike its source"):
        playback.check_hls(master, PLAN.model_copy(update={"audio": None}), ffprobe="ffprobe")


@pytest.mark.parametrize("damage", ["missing", "noise"])
def test_damage_in_one_rendition_is_noticed(master: Path, damage: str) -> None:
    """A segment that is gone or scribbled over fails the whole, wherever it lies."""
    segment = master.with_name("1-1.ts")
    if damage == "missing":
        segment.unlink()
    else:
        body = segment.read_bytes()
        segment.write_bytes(body[: len(body) // 4] + bytes(len(body) // 2) + body[-len(body) // 4 :])
    with pytest.raises(VerificationError):
        playback.check_hls(master, PLAN, ffprobe="ffprobe")


def test_the_mp4_is_the_top_rendition(tmp_path: Path) -> None:
    """An MP4 of exactly the top rendition and the sound passes; a second picture in it does not."""
    make(tmp_path, "two.mp4")
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", "two.mp4", "-map", "0:v:0", "-map", "0:a", "-c", "copy", "one.mp4"],
        check=True,
        timeout=60,
        cwd=tmp_path,
    )
    playback.check_mp4(tmp_path / "one.mp4", PLAN, ffprobe="ffprobe")
    with pytest.raises(VerificationError, match="160x90"):
        playback.check_mp4(tmp_path / "two.mp4", PLAN, ffprobe="ffprobe")


def published(storage: FakeStorage) -> tuple[Job, Outputs]:
    """Publish one track and its manifest by hand."""
    body = b"track"
    job = Job(id="7ad4", source=SOURCE, profile=PROFILE, submitted_at=0.0, deadline_at=1.0, wake_at=1.0)
    entry = ManifestEntry(
        key="out/7ad4/g1/180p/00000-f1.mp4",
        size_bytes=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        content_type="video/mp4",
    )
    manifest = Manifest(job_id=job.id, generation=1, master_key="out/7ad4/g1/m.m3u8", entries=(entry,))
    listing = manifest.model_dump_json().encode()
    outputs = Outputs(
        master_key=manifest.master_key,
        manifest_key="out/7ad4/g1/manifest-f1.json",
        manifest_sha256=hashlib.sha256(listing).hexdigest(),
        size_bytes=len(body),
        frames=PLAN.grid.frames,
        duration_s=6.0,
        renditions=("180p",),
    )
    storage.put(body, "output", entry.key, content_type=entry.content_type)
    storage.put(listing, "output", outputs.manifest_key, content_type="application/json")
    return job, outputs


def test_files_keep_their_places(tmp_path: Path) -> None:
    """What the manifest names lies here as in the bucket, beside the manifest itself."""
    storage = FakeStorage()
    job, outputs = published(storage)
    manifest = playback.fetch(storage, "output", job, outputs, tmp_path)
    assert (tmp_path / "180p" / "00000-f1.mp4").read_bytes() == b"track"
    assert Manifest.model_validate_json((tmp_path / "manifest.json").read_bytes()) == manifest


@pytest.mark.parametrize(("name", "body"), [("180p/00000-f1.mp4", b"tracl"), ("manifest-f1.json", b"{}")])
def test_other_content_is_noticed(tmp_path: Path, name: str, body: bytes) -> None:
    """An object of the right size and the wrong content fails, and so does another manifest."""
    storage = FakeStorage()
    job, outputs = published(storage)
    storage.put(body, "output", f"out/7ad4/g1/{name}", content_type="")
    with pytest.raises(VerificationError):
        playback.fetch(storage, "output", job, outputs, tmp_path)
