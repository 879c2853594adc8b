"""What shipped profiles make keeps the rules of HLS, and outputs broken by hand are told by the rule they break."""

import re
import subprocess
from pathlib import Path

import pytest

from rugbytx import profiles
from rugbytx.verify.verification import verify
from tests.footage import film
from tests.published import SmallMedia, copy, publish
from tests.worker.world import World

pytestmark = pytest.mark.process


@pytest.mark.parametrize("name", profiles.names(None))
def test_what_a_profile_makes_keeps_the_rules(name: str, tmp_path: Path) -> None:
    """Every rung of the ladder at 50 frames a second: checks, rules and a decode of every frame find nothing."""
    source = tmp_path / "pitch.mp4"
    look_of = ["-vf", "scale=1920:1080:flags=neighbor,noise=alls=30:allf=t"]
    film(source, *look_of, "-b:v", "20M", rate="50", length_s=1.1, sound=True)
    world = World(tmp_path)
    world.settings = world.settings.model_copy(update={"check_s": 0})
    profile = profiles.load(name, None)
    job = publish(world, source, SmallMedia(preset="ultrafast"), chunk_s=6.0, profile=profile)
    assert job.outputs
    assert len(job.outputs.renditions) == len(profile.rungs)
    master = copy(world, tmp_path / "out")
    verdict = verify(master, on_step=lambda _: None)
    assert [finding.sentence for finding in verdict.findings] == []
    rates = re.findall(r"RESOLUTION=\d+x(\d+),FRAME-RATE=([0-9.]+)", master.read_text())
    assert {int(lines): float(fps) for lines, fps in rates} == {
        rung.height: 50.0 if rung.height >= 540 else 25.0 for rung in profile.rungs
    }


BREAKS = [
    # rule, file, what is replaced, by what
    ("hls-1.10", "master", 'CODECS="avc1', 'CODECS="avc3'),
    ("hls-1.18", "master", r"FRAME-RATE=\d+", "FRAME-RATE=100"),
    ("hls-1.33", "master", r"RESOLUTION=\d+x64,FRAME", "RESOLUTION=64x64,FRAME"),
    ("hls-6.1", "master", r"#EXT-X-I-FRAME-STREAM-INF[^\n]*\n", ""),
    ("hls-7.7", "90p", r"#EXTINF:6\.", "#EXTINF:9."),
    ("hls-8.6", "90p", "#EXT-X-PLAYLIST-TYPE:VOD\n", ""),
    ("hls-8.20", "audio", r"#EXT-X-MAP[^\n]*\n", ""),
    ("hls-8.22", "64p", r"#EXTINF:6\.", "#EXTINF:5."),
    ("hls-9.1", "master", 'CODECS="[^"]*",', ""),
    ("hls-9.5", "master", ',AUDIO="audio"', ""),
    ("hls-9.14", "master", r"AVERAGE-BANDWIDTH=\d+,", ""),
    ("hls-1.13", "90p-iframes", r"#EXTINF:2\.", "#EXTINF:4."),
    ("rfc8216-4.3.3.4", "64p", "#EXT-X-ENDLIST\n", ""),
]


@pytest.mark.parametrize(("rule", "name", "old", "new"), BREAKS, ids=[row[0] for row in BREAKS])
def test_a_broken_output_is_told_by_its_rule(plain: Path, rule: str, name: str, old: str, new: str) -> None:
    """As it was published, but for what somebody did to one playlist; the manifest is gone with its hashes."""
    for path in plain.parent.glob("*.json"):
        path.unlink()
    [path] = plain.parent.glob(f"{name}-f*.m3u8")
    text, count = re.subn(old, new, path.read_text())
    assert count
    path.write_text(text)
    found = verify(plain, on_step=lambda _: None, quick=True).findings
    assert rule in {finding.rule for finding in found}


def test_outputs_are_tagged_with_their_colours(plain: Path) -> None:
    """BT.709 in limited range, square pixels, eight bits and 4:2:0, and nothing besides picture and sound."""
    [mp4] = plain.parent.glob("*.mp4")
    entries = (
        "stream=codec_type,color_space,color_transfer,color_primaries,color_range,pix_fmt,sample_aspect_ratio"
    )
    argv = ["ffprobe", "-v", "error", "-show_entries", entries, "-of", "compact=p=0", str(mp4)]
    told = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()
    [video, audio] = told
    for fact in ("color_space=bt709", "color_transfer=bt709", "color_primaries=bt709", "pix_fmt=yuv420p"):
        assert fact in video
    assert "sample_aspect_ratio=1:1" in video
    assert "codec_type=audio" in audio
