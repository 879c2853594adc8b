"""Verified outputs: nothing is wrong with what a lane published, and nothing that breaks it goes unseen."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from rugbytx.control import job as control
from rugbytx.core.verify.finding import Finding
from rugbytx.media.process.messages import READING
from rugbytx.verify.verification import VerificationResult, verify
from tests.footage import film, make
from tests.hostile.trap import Canary
from tests.published import SmallMedia, copy, publish
from tests.worker.world import World

pytestmark = pytest.mark.process

#: Where the top rendition's first chunk lies beside the master.
CHUNK = "90p/00000-f1.mp4"
TOP = "90p-f1.m3u8"
AUDIO = "audio/00000-f1.mp4"


def looked(master: Path, *, quick: bool = True) -> VerificationResult:
    """Look without being told of it."""
    return verify(master, on_step=lambda _: None, quick=quick)


def rules(findings: Sequence[Finding]) -> set[str]:
    """Return what the findings are about."""
    return {str(finding.rule) for finding in findings}


def edit(path: Path, change: Callable[[str], str]) -> None:
    """Change a playlist's text, for it must change."""
    before = path.read_text()
    after = change(before)
    assert after != before
    path.write_text(after)


def forget_manifest(master: Path) -> None:
    """Let the verification depend on playlists and boxes alone."""
    for path in master.parent.glob("*.json"):
        path.unlink()


def ranges(master: Path) -> list[tuple[int, int]]:
    """Return (size, offset) of the segments of the first chunk."""
    entries = re.findall(r"BYTERANGE:(\d+)@(\d+)\n(\S+)", (master.parent / TOP).read_text())
    return [(int(size), int(offset)) for size, offset, path in entries if path == CHUNK]


def test_what_a_lane_published_is_whole(plain: Path) -> None:
    """Every file, every box and every frame, in two renditions, the audio and the MP4."""
    verdict = looked(plain, quick=False)
    assert [finding.sentence for finding in verdict.findings] == []
    assert (verdict.segments, verdict.frames) == (12, 2 * 240)
    assert verdict.decoded
    assert verdict.has_manifest
    assert verdict.files == 17


def test_playlists_and_boxes_say_enough_without_a_manifest(plain: Path) -> None:
    """The grid is then the one that the first segments are on."""
    forget_manifest(plain)
    verdict = looked(plain)
    assert [finding.sentence for finding in verdict.findings] == []
    assert not verdict.has_manifest


@pytest.mark.parametrize(
    ("pattern", "new", "sentence"),
    [
        (r"#EXTINF:2.000000,\n.*\n.*\n", "", "fails the keyframes check: expected the 12 keyframes"),
        (r"BYTERANGE:(\d+)@(\d+)\n", r"BYTERANGE:1\1@\2\n", "12, 1 of them no keyframes"),
        (r"#EXT-X-I-FRAMES-ONLY\n", "", "expected #EXT-X-I-FRAMES-ONLY"),
        (r"#EXTINF:2.000000,", "#EXTINF:1.000000,", "fails the duration check: expected 24.000000 s"),
    ],
)
def test_a_wrong_playlist_of_keyframes_is_found(plain: Path, pattern: str, new: str, sentence: str) -> None:
    """It has to name the keyframes of its rendition, all of them and nothing else."""
    [path] = plain.parent.glob("90p-iframes-*.m3u8")
    text, count = re.subn(pattern, new, path.read_text(), count=1)
    assert count
    path.write_text(text)
    forget_manifest(plain)
    assert any(sentence in finding.sentence for finding in looked(plain).findings)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("storyboard/00001", "storyboard/00007", "is not there"),
        ("xywh=0,0,114,64", "xywh=900,900,114,64", "lies outside"),
        ("00:00:02.000\n", "00:00:01.000\n", "should begin at 1000 ms"),
    ],
)
def test_a_wrong_storyboard_is_found(plain: Path, old: str, new: str, sentence: str) -> None:
    """It has to name whole pictures and cover the film."""
    [path] = plain.parent.glob("storyboard-*.vtt")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    forget_manifest(plain)
    [finding] = looked(plain).findings
    assert finding.rule == "storyboard"
    assert sentence in finding.sentence


def test_a_splice_decodes_without_a_complaint(spliced: Path) -> None:
    """Two x264 profiles in one rendition, told apart by a discontinuity."""
    assert (spliced.parent / TOP).read_text().count("#EXT-X-DISCONTINUITY") == 1
    verdict = looked(spliced, quick=False)
    assert [finding.sentence for finding in verdict.findings] == []


def test_a_splice_without_parameter_sets_does_not(bare: Path) -> None:
    """The boxes show it, and the decoder complains as well."""
    verdict = looked(bare, quick=False)
    assert rules(verdict.findings) == {"parameter-sets", "decode"}


def truncate(master: Path) -> None:
    """Cut the last segment of a chunk short."""
    path = master.parent / CHUNK
    path.write_bytes(path.read_bytes()[:-100])


def lose_file(master: Path) -> None:
    """Remove a chunk."""
    (master.parent / CHUNK).unlink()


def lose_entry(master: Path) -> None:
    """Leave a segment out of a playlist."""
    size, offset = ranges(master)[1]
    edit(
        master.parent / TOP,
        lambda text: re.sub(rf"#EXTINF:[0-9.]+,\n#EXT-X-BYTERANGE:{size}@{offset}\n{CHUNK}\n", "", text),
    )


def swap_entries(master: Path) -> None:
    """Let two segments change their places in a playlist."""
    one, other = (f"#EXT-X-BYTERANGE:{size}@{offset}\n{CHUNK}\n" for size, offset in ranges(master))
    edit(master.parent / TOP, lambda text: text.replace(one, "?").replace(other, one).replace("?", other))


def swap_bytes(master: Path) -> None:
    """Let two segments change their places in a file, and tell the playlist."""
    path = master.parent / CHUNK
    (one, begin), (other, middle) = ranges(master)
    body = path.read_bytes()
    path.write_bytes(body[:begin] + body[middle : middle + other] + body[begin : begin + one])
    edit(
        master.parent / TOP,
        lambda text: text.replace(f"{one}@{begin}\n{CHUNK}", f"{other}@{begin}\n{CHUNK}").replace(
            f"{other}@{middle}\n{CHUNK}", f"{one}@{begin + other}\n{CHUNK}"
        ),
    )


def swap_bytes_only(master: Path) -> None:
    """Do the same, behind the playlist's back."""
    text = (master.parent / TOP).read_text()
    swap_bytes(master)
    (master.parent / TOP).write_text(text)


def lengthen(master: Path) -> None:
    """Let a playlist say that a segment lasts longer."""
    edit(master.parent / TOP, lambda text: text.replace("#EXTINF:6.000000,", "#EXTINF:6.100000,", 1))


def delay_sound(master: Path) -> None:
    """Move all decode times of the audio by 100 ms."""
    path = master.parent / AUDIO
    body = bytearray(path.read_bytes())
    for found in re.finditer(rb"tfdt\x01\x00\x00\x00", bytes(body)):
        at = found.end()
        later = int.from_bytes(body[at : at + 8], "big") + 4800
        body[at : at + 8] = later.to_bytes(8, "big")
    path.write_bytes(body)


def hide_sound_end(master: Path) -> None:
    """Take the audio's last segment away, from file and playlist."""
    edit(
        master.parent / "audio-f1.m3u8",
        lambda text: re.sub(r"#EXTINF:[0-9.]+,\n[^\n]+\n[^\n]+\n#EXT-X-ENDLIST", "#EXT-X-ENDLIST", text),
    )


def understate(master: Path) -> None:
    """Declare half of the bandwidth."""
    edit(master, lambda text: re.sub(r"AVERAGE-BANDWIDTH=\d+", "AVERAGE-BANDWIDTH=60000", text, count=1))


def overstate_codec(master: Path) -> None:
    """Declare a codec that no file has."""
    edit(master, lambda text: re.sub(r"avc1\.[0-9a-f]{6}", "avc1.4d0028", text, count=1))


def add_tag(master: Path) -> None:
    """Write a line that our writer would not."""
    edit(master.parent / TOP, lambda text: text.replace("#EXT-X-ENDLIST", "#EXT-X-GAP\n#EXT-X-ENDLIST"))


def flip_byte(master: Path) -> None:
    """Change one bit in the middle of the pictures."""
    path = master.parent / CHUNK
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)


@pytest.mark.parametrize(
    ("hurt", "expected"),
    [
        (truncate, {"boxes", "tiling", "frame-count"}),
        (lose_file, {"boxes", "frame-count"}),
        (lose_entry, {"tiling", "decode-time", "duration", "frame-count", "boundaries"}),
        (swap_entries, {"tiling", "decode-time"}),
        (swap_bytes, {"decode-time"}),
        (swap_bytes_only, {"boxes"}),
        (lengthen, {"duration", "boundaries"}),
        (delay_sound, {"decode-time", "duration"}),
        (hide_sound_end, {"tiling", "duration"}),
        (understate, {"bandwidth"}),
        (overstate_codec, {"codec"}),
        (add_tag, {"playlist"}),
    ],
)
def test_each_fault_is_seen_without_a_manifest(
    plain: Path, hurt: Callable[[Path], None], expected: set[str]
) -> None:
    """By the playlists and the boxes, and each finding names a file."""
    for path in plain.parent.glob("manifest*"):
        path.unlink()
    hurt(plain)
    findings = looked(plain).findings
    assert findings
    assert rules(findings) >= expected, [finding.sentence for finding in findings]
    names = {path.relative_to(plain.parent).as_posix() for path in plain.parent.rglob("*")} | {CHUNK}
    assert all(any(name in finding.where for name in names) for finding in findings)


@pytest.mark.parametrize("hurt", [flip_byte, truncate, lose_file, lengthen, swap_bytes])
def test_a_manifest_knows_every_byte(plain: Path, hurt: Callable[[Path], None]) -> None:
    """Also those that no box and no playlist tells of."""
    hurt(plain)
    found = [finding for finding in looked(plain).findings if finding.rule == "manifest"]
    assert found
    assert found[0].where in {CHUNK, TOP}


def test_one_flipped_bit_is_told_in_one_sentence(plain: Path) -> None:
    """The file and the check are named."""
    flip_byte(plain)
    [sentence] = [finding.sentence for finding in looked(plain).findings if finding.rule == "manifest"]
    assert re.fullmatch(
        r"90p/00000-f1\.mp4 fails the manifest check: expected SHA-256 [0-9a-f]{12}, saw SHA-256 [0-9a-f]{12}",
        sentence,
    )


def hide_splice(text: str) -> str:
    """Take the discontinuity away, with its map."""
    return re.sub(r"#EXT-X-DISCONTINUITY\n#EXT-X-MAP[^\n]+\n", "", text)


def hide_mark(text: str) -> str:
    """Take the discontinuity away and leave the map."""
    return text.replace("#EXT-X-DISCONTINUITY\n", "")


@pytest.mark.parametrize("change", [hide_splice, hide_mark])
@pytest.mark.parametrize("name", [TOP, "64p-f1.m3u8"])
def test_a_splice_without_its_discontinuity_is_seen(
    spliced: Path, name: str, change: Callable[[str], str]
) -> None:
    """Whether a player would read the segments wrongly or only be surprised."""
    forget_manifest(spliced)
    edit(spliced.parent / name, change)
    assert "discontinuity" in rules(looked(spliced).findings)


def test_sound_must_count_the_splices_too(spliced: Path) -> None:
    """A player brings the renditions together by their discontinuities."""
    edit(spliced.parent / "audio-f1.m3u8", hide_splice)
    assert {"discontinuity", "manifest"} == rules(looked(spliced).findings)


def test_a_discontinuity_too_many_is_seen(plain: Path) -> None:
    """Where nothing changes there is none."""
    forget_manifest(plain)
    text = (plain.parent / TOP).read_text()
    mapped = re.findall(r"#EXT-X-MAP[^\n]+\n", text)[0]
    second = re.findall(r"#EXTINF", text)
    assert len(second) == 4
    edit(
        plain.parent / TOP,
        lambda text: text.replace(f"{CHUNK}\n#EXTINF", f"{CHUNK}\n#EXT-X-DISCONTINUITY\n{mapped}#EXTINF", 1),
    )
    assert rules(looked(plain).findings) == {"discontinuity"}


def shift_sound(film: Path, path: Path) -> None:
    """Mux an MP4 anew, with its sound 100 ms late."""
    late = ("-itsoffset", "0.1", "-i", str(film), "-map", "0:v", "-map", "1:a")
    make(path, "-i", str(film), *late, "-c", "copy", "-movflags", "+faststart")


def drop_sound(film: Path, path: Path) -> None:
    """Mux an MP4 anew, without its sound."""
    make(path, "-i", str(film), "-map", "0:v", "-c", "copy", "-movflags", "+faststart")


def move_index(film: Path, path: Path) -> None:
    """Mux an MP4 anew, with its index last."""
    make(path, "-i", str(film), "-c", "copy")


def cut_pictures(film: Path, path: Path) -> None:
    """Mux an MP4 anew, without its last second."""
    make(path, "-i", str(film), "-t", "23", "-c", "copy", "-movflags", "+faststart")


def cut_file(film: Path, path: Path) -> None:
    """Leave the end of an MP4 out."""
    path.write_bytes(film.read_bytes()[:-1000])


@pytest.mark.parametrize(
    ("remake", "expected"),
    [
        (shift_sound, {"presentation-time"}),
        (drop_sound, {"track-count"}),
        (move_index, {"fast-start"}),
        (cut_pictures, {"frame-count", "duration"}),
        (cut_file, {"boxes"}),
    ],
)
def test_an_mp4_must_pass_the_checks_that_it_passed_when_it_was_made(
    plain: Path, remake: Callable[[Path, Path], None], expected: set[str]
) -> None:
    """Without a manifest and without a decoder."""
    forget_manifest(plain)
    [film] = plain.parent.glob("*.mp4")
    remake(film.rename(plain.parent / "film"), film)
    assert rules(looked(plain).findings) == expected


def test_an_mp4_that_the_report_promises_must_be_there(plain: Path) -> None:
    """Where no manifest names it."""
    for path in [*plain.parent.glob("manifest*"), *plain.parent.glob("*.mp4")]:
        path.unlink()
    assert rules(looked(plain).findings) == {"track-count"}


def test_a_playlist_that_leads_astray_is_not_followed(plain: Path, tmp_path: Path) -> None:
    """Nothing outside the job's folders is read."""
    forget_manifest(plain)
    edit(plain.parent / TOP, lambda text: text.replace(CHUNK, "../../../secret.mp4"))
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    assert "boxes" in rules(looked(plain).findings)


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n{target}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{target}'\n",
    ],
    ids=["hls", "ffconcat"],
)
def test_a_list_that_is_named_as_a_film_is_not_followed(plain: Path, tmp_path: Path, text: str) -> None:
    """A folder may come from anywhere, and only a playlist may name other files."""
    with Canary(tmp_path / "secret.mp4") as secret:
        (plain.parent / "film.mp4").write_text(text.format(target=secret.path))
        findings = looked(plain, quick=False).findings
    assert secret.visits == 0
    assert {finding.where for finding in findings} == {"film.mp4"}
    assert rules(findings) == {"boxes", "decode"}
    refusals = [row for row in READING if row.is_attack]
    assert any(row.fits(finding.seen) for row in refusals for finding in findings)


def test_a_playlist_that_leads_astray_is_not_played(plain: Path, tmp_path: Path) -> None:
    """A decoder would read what it names."""
    forget_manifest(plain)
    with Canary(tmp_path / "secret.mp4") as secret:
        edit(plain.parent / TOP, lambda text: text.replace(f'URI="{CHUNK}"', 'URI="../../secret.mp4"', 1))
        findings = looked(plain, quick=False).findings
    assert secret.visits == 0
    assert "boxes" in rules(findings)


def test_a_master_that_is_none_is_told(plain: Path) -> None:
    """And that is all."""
    forget_manifest(plain)
    plain.write_bytes(b"\xff\xfe not a playlist\n")
    assert [finding.sentence for finding in looked(plain).findings] == [
        "master-f1.m3u8 fails the playlist check: expected a master playlist of ours, saw master-f1.m3u8 is no text"
    ]


def test_a_second_generation_has_files_of_the_first(tmp_path: Path) -> None:
    """They lie beside its own, and the verification finds them there."""
    world = World(tmp_path / "scratch")
    world.settings = world.settings.model_copy(update={"check_s": 0})
    publish(world, film(tmp_path / "film.mp4", length_s=2), SmallMedia(), chunk_s=6.0)
    control.retry(world.job_id, world.connection)
    assert world.run_until_ended().generation == 2
    (tmp_path / "out").mkdir()
    master = copy(world, tmp_path / "out")
    assert "../g1/90p/00000-f1.mp4" in (master.parent / TOP).read_text()
    verdict = looked(master, quick=False)
    assert [finding.sentence for finding in verdict.findings] == []
    assert verdict.has_manifest
