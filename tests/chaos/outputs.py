"""The outputs of a job as a reader finds them: what the manifest names, and what plays."""

import hashlib
import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.chaos.footage import Film
from tests.chaos.watch import Fields

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: The keyframe interval that every plan has.
GOP_S = 2
AAC_FRAME = 1024
AUDIO_HZ = 48_000


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What a published job's objects are found to be."""

    #: All that the manifest names, and the manifest.
    named: frozenset[str]
    #: What is wrong, a sentence each.
    torn: tuple[str, ...]


def inspect(s3: "S3Client", bucket: str, job: Fields, film: Film, folder: Path) -> Inspection:
    """Fetch what a job's manifest names into ``folder`` and hold it against manifest and source."""
    outputs = json.loads(job["outputs"])
    body = _get(s3, bucket, outputs["manifest_key"])
    if body is None or hashlib.sha256(body).hexdigest() != outputs["manifest_sha256"]:
        return Inspection(
            named=frozenset(), torn=(f"{outputs['manifest_key']} is not what the job's record names",)
        )
    entries: Sequence[Mapping[str, Any]] = json.loads(body)["entries"]
    torn = [sentence for entry in entries for sentence in _fetch(s3, bucket, entry, folder)]
    if not torn:
        torn += _play(folder / outputs["master_key"], film)
        if film.has_mp4:
            torn += _play(folder / outputs["mp4_key"], film)
    named = frozenset(entry["key"] for entry in entries) | {outputs["manifest_key"]}
    return Inspection(named=named, torn=tuple(torn))


def keys(s3: "S3Client", bucket: str, job_id: str) -> list[str]:
    """Return the keys of everything that a job left in the bucket."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"out/{job_id}/")
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def _get(s3: "S3Client", bucket: str, key: str) -> bytes | None:
    try:
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None


def _fetch(s3: "S3Client", bucket: str, entry: Mapping[str, Any], folder: Path) -> Iterator[str]:
    body = _get(s3, bucket, entry["key"])
    if body is None:
        yield f"{entry['key']} is named and does not exist"
        return
    if (len(body), hashlib.sha256(body).hexdigest()) != (entry["size_bytes"], entry["sha256"]):
        yield f"{entry['key']} has not the size and content that the manifest names"
    path = folder / entry["key"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)


def _play(path: Path, film: Film) -> Iterator[str]:
    """5: exactly the planned frames, one interval apart, keyframes on the grid, audio within one frame."""
    argv = [
        *("ffprobe", "-v", "error", "-protocol_whitelist", "file", "-count_frames", "-of", "json"),
        *(
            "-show_entries",
            "stream=index,codec_type,height,nb_read_frames:packet=stream_index,pts_time,duration_time,flags",
        ),
        *("-i", f"file:{path}"),
    ]
    done = subprocess.run(argv, capture_output=True, check=False, timeout=60)
    if done.returncode or done.stderr:
        yield f"{path.name} does not play: {done.stderr.decode(errors='replace').strip()[:200]}"
        return
    shown = json.loads(done.stdout)
    kinds = [stream["codec_type"] for stream in shown["streams"]]
    if "video" not in kinds or ("audio" in kinds) != film.has_sound:
        yield f"{path.name} has the streams {kinds}"
    for stream in shown["streams"]:
        packets = [packet for packet in shown["packets"] if packet["stream_index"] == stream["index"]]
        check = _video if stream["codec_type"] == "video" else _audio
        yield from (
            f"{path.name}, stream {stream['index']}: {wrong}" for wrong in check(stream, packets, film)
        )


def _video(stream: Mapping[str, Any], packets: Sequence[Mapping[str, str]], film: Film) -> Iterator[str]:
    rate = film.rate_of(int(stream["height"]))
    frames = round(film.length_s * rate)
    if (int(stream["nb_read_frames"]), len(packets)) != (frames, frames):
        yield f"{stream['nb_read_frames']} frames in {len(packets)} packets, planned are {frames}"
        return
    shown = sorted((float(packet["pts_time"]), "K" in packet["flags"]) for packet in packets)
    gop = round(GOP_S * rate)
    for number, (pts_s, is_key) in enumerate(shown):
        off_s = pts_s - shown[0][0] - float(number / rate)
        if abs(off_s) > 0.001:
            yield f"frame {number} is {off_s:.4f} s off the grid"
            return
        if is_key != (number % gop == 0):
            yield f"frame {number} is {'a' if is_key else 'no'} keyframe, and there is one every {gop}"
            return


def _audio(_stream: Mapping[str, Any], packets: Sequence[Mapping[str, str]], film: Film) -> Iterator[str]:
    begin_s = float(packets[0]["pts_time"])
    end_s = float(packets[-1]["pts_time"]) + float(packets[-1]["duration_time"])
    off_s = end_s - begin_s - film.length_s
    if abs(off_s) > 2 * AAC_FRAME / AUDIO_HZ:
        yield f"the audio is {off_s:+.3f} s longer than the video"
