"""Bring a published job's outputs here, and play them to the last frame."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from rugbytx.core.job.job import Job, Outputs, Source
from rugbytx.core.output import object_keys
from rugbytx.core.output.result import Manifest, manifest_of
from rugbytx.core.plan.plan import Plan
from rugbytx.errors import TransferError, VerificationError
from rugbytx.media.checksum import sha256
from rugbytx.ports.service import Storage
from rugbytx.verify.fetch import MANIFEST_NAME

#: A decode slower than this many seconds for each second of one rendition is a hung one.
_SLOWEST = 5.0


@dataclass(frozen=True, kw_only=True)
class DecodedStream:
    """What a player decoded of one stream; ``size`` is (0, 0) for audio."""

    kind: str
    size: tuple[int, int]
    frames: int


def fetch(storage: Storage, bucket: str, job: Job, outputs: Outputs, folder: Path) -> Manifest:
    """Copy what the job's manifest names into ``folder``; return the manifest.

    Raises TransferError, and VerificationError where an object is not what the
    manifest says.
    """
    body = storage.get(bucket, outputs.manifest_key)
    manifest = manifest_of(body, outputs)
    for entry in manifest.entries:
        path = folder / object_keys.relative(entry.key, job.id, job.generation)
        if not path.resolve().is_relative_to(folder.resolve()):
            raise VerificationError(f"the manifest names {entry.key}, which is not of this job")
        stored = storage.head(bucket, entry.key)
        if stored is None:
            raise TransferError(f"the manifest names {entry.key}, which does not exist")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        source = Source(bucket=bucket, key=entry.key, etag=stored.etag, size_bytes=stored.size_bytes)
        storage.download(source, path, on_bytes=lambda _: None)
        if (path.stat().st_size, sha256(path)) != (entry.size_bytes, entry.sha256):
            raise VerificationError(f"{entry.key} differs from the manifest in size or content")
    (folder / MANIFEST_NAME).write_bytes(body)
    return manifest


def remove(folder: Path) -> None:
    """Remove from ``folder`` what ``fetch`` put there, and nothing else: its manifest says what that was."""
    listed = folder / MANIFEST_NAME
    try:
        manifest = Manifest.model_validate_json(listed.read_bytes())
    except (FileNotFoundError, ValidationError):
        return
    for entry in manifest.entries:
        path = folder / object_keys.relative(entry.key, manifest.job_id, manifest.generation)
        if path.resolve().is_relative_to(folder.resolve()):
            path.unlink(missing_ok=True)
            if path.parent != folder and path.parent.is_dir() and not any(path.parent.iterdir()):
                path.parent.rmdir()
    listed.unlink()


def check_hls(master: Path, plan: Plan, *, ffprobe: str) -> None:
    """Raise VerificationError unless every rendition of the master plays to its last frame, with sound."""
    streams = _play(master, ffprobe=ffprobe, timeout_s=_timeout_s(plan, renditions=len(plan.renditions)))
    wanted = {
        (rendition.width, rendition.height): plan.grid_of(rendition).frames for rendition in plan.renditions
    }
    played = {stream.size: stream.frames for stream in streams if stream.kind == "video"}
    if played != wanted:
        raise VerificationError(f"{master.name} plays frames {_list(played)}, planned are {_list(wanted)}")
    _check_sound(master, streams, plan)


def check_mp4(path: Path, plan: Plan, *, ffprobe: str) -> None:
    """Raise VerificationError unless the MP4 of the top rendition plays to its last frame, with sound."""
    streams = _play(path, ffprobe=ffprobe, timeout_s=_timeout_s(plan, renditions=1))
    top = plan.renditions[0]
    played = [(stream.size, stream.frames) for stream in streams if stream.kind == "video"]
    if played != [((top.width, top.height), plan.grid.frames)]:
        raise VerificationError(f"{path.name} plays {_list(dict(played))}, planned are {plan.grid.frames}")
    _check_sound(path, streams, plan)


def _check_sound(path: Path, streams: list[DecodedStream], plan: Plan) -> None:
    heard = any(stream.kind == "audio" and stream.frames for stream in streams)
    if heard != (plan.audio is not None):
        raise VerificationError(f"{path.name} has {'sound' if heard else 'no sound'}, unlike its source")


def _play(path: Path, *, ffprobe: str, timeout_s: float) -> list[DecodedStream]:
    """Decode every frame of every stream; any complaint of the decoder is an error."""
    argv = [
        *(ffprobe, "-v", "error", "-protocol_whitelist", "file", "-threads", "0", "-count_frames"),
        *("-show_entries", "stream=codec_type,width,height,nb_read_frames", "-of", "json"),
        *("-i", f"file:{path.resolve()}"),
    ]
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=timeout_s
        )
    except subprocess.TimeoutExpired as error:
        raise VerificationError(f"{path.name} did not play to its end within {timeout_s:.0f} s") from error
    complaint = done.stderr.decode(errors="replace").strip()
    if complaint or done.returncode:
        first = complaint.splitlines()[0] if complaint else f"ffprobe ended with {done.returncode}"
        raise VerificationError(f"{path.name} does not play cleanly: {first}")
    return [
        DecodedStream(
            kind=stream["codec_type"],
            size=(stream.get("width", 0), stream.get("height", 0)),
            frames=int(stream.get("nb_read_frames", 0)),
        )
        for stream in json.loads(done.stdout)["streams"]
    ]


def _timeout_s(plan: Plan, *, renditions: int) -> float:
    return 30.0 + _SLOWEST * renditions * float(plan.grid.duration_s)


def _list(frames: dict[tuple[int, int], int]) -> str:
    return ", ".join(f"{width}x{height}: {count}" for (width, height), count in sorted(frames.items()))
