"""Save what ffprobe says of each kind of source, for the tests that have no ffmpeg: ``python -m tests.source.save``."""

import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rugbytx.media.source import probe
from rugbytx.media.transcoder import FfmpegMedia
from tests.pulse import FakePulse
from tests.source.catalogue import KINDS
from tests.source.kind import Place

PROBES = Path(__file__).parents[1] / "media" / "probes"
#: So many of the last packets tell where a film ends, whatever its B-frames.
TAIL = 6
#: What differs between two runs, or says nothing.
NOISE = {"filename", "size", "bit_rate", "extradata_size", "id", "codec_tag", "nal_length_size"}


def slug(name: str) -> str:
    """Return a kind's file name.

    >>> slug("50i: DV in AVI")
    '50i-dv-in-avi'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def plain(value: Any) -> Any:
    """Return an answer without noise, and without dispositions that do not apply."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: {flag: 1 for flag, on in one.items() if on} if name == "disposition" else plain(one)
        for name, one in value.items()
        if name not in NOISE
    }


def answers(path: Path) -> dict[str, Any]:
    """Return what ffprobe says of a file, as far as it is asked."""
    said = probe.headers(path, pulse=FakePulse())
    video = next(stream for stream in said["streams"] if stream["codec_type"] == "video")
    tail = probe._tail(path, said, video, pulse=FakePulse(), ffprobe="ffprobe")
    first = probe._first(path, video, pulse=FakePulse(), ffprobe="ffprobe")
    # One stands for all that say the same.
    unlike = [frame for place, frame in enumerate(first) if said_by(frame) not in map(said_by, first[:place])]
    return {"answer": plain(said), "first": plain(unlike), "tail": tail[-TAIL:]}


def said_by(frame: Mapping[str, Any]) -> dict[str, Any]:
    """Return a frame without side data of which nothing is asked."""
    return {**frame, "side_data_list": [one for one in frame.get("side_data_list", ()) if one]}


def main() -> None:
    """Make every kind and save its answer."""
    with tempfile.TemporaryDirectory() as name:
        place = Place(folder=Path(name))
        for kind in KINDS:
            arrived, path = place.folder / "arrived", place.folder / "source"
            shutil.copy(kind.make(place), arrived)
            FfmpegMedia().ingest(arrived, path, pulse=FakePulse())
            saved = {"made": "by ffmpeg", **answers(path)}
            (PROBES / f"{slug(kind.name)}.json").write_text(json.dumps(saved, indent=1) + "\n")


if __name__ == "__main__":
    main()
