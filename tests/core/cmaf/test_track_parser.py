import hashlib
import mmap
import struct
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rugbytx.core.cmaf.track_parser import Fragment, iframes, parse, segments
from rugbytx.core.plan.plan import Plan
from rugbytx.errors import VerificationError
from tests.boxes import FTYP, FULL, NON_SYNC, SAMPLES, WHOLE, avc1, box, fragment, moov, mp4a, words
from tests.footage import frame_hashes


@pytest.mark.process
def test_a_file_of_ffmpeg_reads_as_its_recipe_promises(video_sample: bytes, ntsc_plan: Plan) -> None:
    """Fragments are GOPs with in-band parameter sets, at the times of the grid."""
    track = parse(video_sample)
    assert (track.timescale, track.width, track.height) == (30_000, 320, 180)
    assert track.codec.startswith("avc1.")
    assert track.init_sha256 == hashlib.sha256(video_sample[: track.init_bytes]).hexdigest()
    assert [len(fragment.sizes) for fragment in track.fragments] == [60, 60, 30]
    start = 10 * 30_000 + ntsc_plan.grid.chunk_frames(1).start * 1001
    assert [fragment.decode_time for fragment in track.fragments] == [start, start + 60_060, start + 120_120]
    for part in track.fragments:
        assert part.sync == (True, *(False,) * (len(part.sizes) - 1))
        assert {7, 8, 5} <= set(part.first_nal_types)
        assert min(part.presentation_times) == part.decode_time
        assert part.presentation_times != tuple(sorted(part.presentation_times))
    assert sum(part.size_bytes for part in track.fragments) == len(video_sample) - track.init_bytes


@pytest.mark.process
def test_a_keyframe_of_ffmpeg_decodes_by_itself(video_sample: bytes, tmp_path: Path) -> None:
    """What an I-frame playlist names, behind the init segment, is one whole picture, and no more than that."""
    track = parse(video_sample)
    found = iframes(track)
    assert [one.duration for one in found] == [fragment.duration for fragment in track.fragments]
    for one in found:
        picture = video_sample[one.offset : one.offset + one.size_bytes]
        path = tmp_path / f"{one.offset}.mp4"
        path.write_bytes(video_sample[: track.init_bytes] + picture)
        assert len(frame_hashes(["ffmpeg", "-v", "fatal", "-i", str(path)])) == 1


@pytest.mark.process
def test_the_audio_of_ffmpeg_starts_one_frame_early(audio_sample: bytes) -> None:
    """The priming samples stand before the base offset, and content ends where it should."""
    track = parse(audio_sample)
    assert (track.codec, track.timescale, track.width, track.height) == ("mp4a.40.2", 48_000, 0, 0)
    assert track.fragments[0].decode_time == 480_000 - 1024
    last = track.fragments[-1]
    assert last.decode_time + last.duration == pytest.approx(480_000 + 11.011 * 48_000, abs=1024)
    assert all(part.first_nal_types == () and all(part.sync) for part in track.fragments)
    lengths = [segment.duration for segment in segments(track, segment_ticks=6 * 48_000)]
    assert lengths[0] == 3 * 94 * 1024


EXPECTED = Fragment(
    offset=0,
    size_bytes=0,
    decode_time=10_000,
    durations=(40, 40, 40),
    composition_offsets=(0, 80, -40),
    sizes=(21, 7, 7),
    sync=(True, False, False),
    first_nal_types=(7, 8, 5),
)


@pytest.mark.parametrize(
    ("init", "part"),
    [
        pytest.param(moov(), fragment(FULL), id="every field in the rows"),
        pytest.param(
            moov(),
            fragment((0x0100_0A05, (3, -1, 0, 21, 0, 7, 80, 7, -40)), tfhd=words(0x20028, 1, 40, NON_SYNC)),
            id="defaults in tfhd, first sample's flags apart",
        ),
        pytest.param(
            moov(trex=(1, 1, 40, 0, NON_SYNC)),
            fragment((0x0100_0A05, (3, -1, 0, 21, 0, 7, 80, 7, -40))),
            id="defaults in trex",
        ),
        pytest.param(
            moov(trex=(1, 1, 99, 7, 0)),
            fragment(
                (0x0100_0E01, (1, -1, 21, 0, 0)),
                (0x0100_0800, (2, 80, -40)),
                tfhd=words(0x2003A, 1, 1, 40, 7, NON_SYNC),
            ),
            id="two runs, the second right behind the first, its sizes by default",
        ),
        pytest.param(
            moov(mdhd=box("mdhd", words(1 << 24, 0, 0, 0, 0, 1000, 0, 0, 0))),
            fragment(FULL, tfdt=words(0, 10_000)),
            id="mdhd of version 1, tfdt of version 0",
        ),
    ],
)
def test_every_way_to_write_a_fragment_reads_the_same(init: bytes, part: bytes) -> None:
    """trex, tfhd and trun may each say what a sample is."""
    track = parse(FTYP + init + part)
    at, size = len(FTYP + init), len(part)
    assert track.timescale == 1000
    first = size - sum(map(len, SAMPLES[1:]))
    place = {"offset": at, "size_bytes": size, "first_sample_bytes": first}
    assert track.fragments == (Fragment(**{**vars(EXPECTED), **place}),)
    assert track.fragments[0].presentation_times == (10_000, 10_120, 10_040)


def test_a_base_data_offset_counts_from_the_start_of_the_file() -> None:
    """The tfhd box may give it instead of the moof's start."""
    init = FTYP + moov()
    rows = (3, 40, 21, 0, 0, 40, 7, NON_SYNC, 80, 40, 7, NON_SYNC, -40)
    made = fragment((0x0100_0F00, rows), tfhd=words(0x1, 1, 0, 0))
    base = len(init) + len(made) - sum(map(len, SAMPLES))
    made = fragment((0x0100_0F00, rows), tfhd=words(0x1, 1, 0, base))
    assert parse(init + made).fragments[0].sizes == (21, 7, 7)


def test_composition_offsets_of_version_0_are_unsigned() -> None:
    """What would be -40 is far in the future."""
    track = parse(FTYP + moov() + fragment((0xF01, FULL[1])))
    assert track.fragments[0].composition_offsets == (0, 80, (1 << 32) - 40)


def test_boxes_that_mean_nothing_here_are_skipped_but_counted() -> None:
    """Fragments tile the file: what stands between them belongs to the later one, a tail to the last."""
    extra = box("styp", b"msdh") + box("sidx", bytes(24)) + box("emsg", bytes(9)) + box("free")
    tail = box("udta") + struct.pack(">I4sQ", 1, b"mfra", 20) + bytes(4)
    part = fragment(FULL)
    track = parse(FTYP + box("free") + moov() + part + extra + part + tail)
    first, second = track.fragments
    assert (first.offset, first.size_bytes) == (track.init_bytes, len(part))
    assert (second.offset, second.size_bytes) == (first.offset + len(part), len(extra + part + tail))
    assert first.sizes == second.sizes


@pytest.mark.parametrize(
    ("entry", "codec"),
    [
        (avc1(), "avc1.64001f"),
        (avc1(avcc=bytes.fromhex("014d400dff e1")), "avc1.4d400d"),
        (mp4a(), "mp4a.40.2"),
        (mp4a("0319 000100 0414 4015 000000 0001f400 0001f400 0505 2b8a0800 00"), "mp4a.40.5"),
        (mp4a("031d 0001e0 0001 026161 0001 0411 4015 000000 0001f400 0001f400 0502 f8a0"), "mp4a.40.37"),
    ],
    ids=lambda value: value if isinstance(value, str) else "bytes",
)
def test_the_codec_is_named_as_playlists_need_it(entry: bytes, codec: str) -> None:
    """RFC 6381: profile, compatibility and level; or the audio object type, however it is packed."""
    part = fragment((0x301, (3, -1, 40, 21, 40, 7, 40, 7)))
    assert parse(FTYP + moov(entry) + part).codec == codec


@pytest.mark.parametrize(
    ("more", "shape"),
    [(b"", (1, 1)), (box("pasp", words(1, 1)), (1, 1)), (box("btrt") + box("pasp", words(16, 11)), (16, 11))],
)
def test_the_shape_of_pixels_is_read(more: bytes, shape: tuple[int, int]) -> None:
    """Square unless something else is said."""
    assert parse(FTYP + moov(avc1(more=more)) + fragment(FULL)).pixel_shape == shape


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "one moov box and there are 0"),
        (b"not a video at all", "is cut off after 18 of"),
        (FTYP + moov(), "no fragments"),
        (FTYP + fragment(FULL), "one moov box and there are 0"),
        (FTYP + moov() + moov() + fragment(FULL), "one moov box and there are 2"),
        (FTYP + fragment(FULL) + moov(), "stands before the moov"),
        (FTYP + moov(traks=2) + fragment(FULL), "one trak box and there are 2"),
        (FTYP + moov(trex=(2, 1, 0, 0, 0)) + fragment(FULL), "is of another track"),
        (FTYP + moov(avc1() + avc1()) + fragment(FULL), "one sample entry and there are 2"),
        (FTYP + moov(box("hvc1")) + fragment(FULL), "neither avc1 nor mp4a"),
        (FTYP + moov(avc1(avcc=b"\1")) + fragment(FULL), "avcC box at byte 186 is too short"),
        (FTYP + moov(avc1(avcc=bytes(4) + b"\2")) + fragment(FULL), "NAL length size"),
        (FTYP + moov(box("avc1", bytes(30))) + fragment(FULL), "is too short"),
        (FTYP + moov(mp4a("04")) + fragment(FULL), "no descriptor 3"),
        (FTYP + moov(mp4a("0380808080")) + fragment(FULL), "without an end"),
        (FTYP + moov(mdhd=box("mdhd", words(0, 0, 0, 0, 0))) + fragment(FULL), "timescale is 0"),
        (WHOLE + words(0) + b"free", "says that it is 0 bytes long"),
        (WHOLE + words(7) + b"free", "says that it is 7 bytes long"),
        (WHOLE + words(1) + b"free" + words(0, 9), "says that it is 9 bytes long"),
        (WHOLE + b"\0\0\0", "is too short"),
        (WHOLE + box("mdat"), "do not alternate"),
        (WHOLE + box("moof"), "has no mdat behind it"),
        (FTYP + moov() + fragment(), "lists no samples"),
        (FTYP + moov() + fragment((0x1, (0, -1))), "lists 0 samples in 35 bytes"),
        (FTYP + moov() + fragment((0x1, (1 << 31, -1))), "lists 2147483648 samples in 35 bytes"),
        (FTYP + moov() + fragment((0x1, (3, -1))), "not in its mdat"),
        (FTYP + moov() + fragment((0x201, (3, -1, 21, 7, 8))), "not in its mdat"),
        (FTYP + moov() + fragment((0x201, (3, 8, 21, 7, 7))), "not in its mdat"),
        (FTYP + moov() + fragment((0x201, (3, -1, 21, 7))), "trun box at byte 308 is too short"),
        (
            FTYP + moov() + fragment(FULL, samples=(b"\0\0\0\x63", b"x" * 31)),
            "the sample at byte 384 is too short",
        ),
        (FTYP + moov() + fragment(FULL, samples=(bytes(35),)), "the sample at byte 384 is too short"),
    ],
    ids=lambda value: value if isinstance(value, str) else "bytes",
)
def test_what_is_not_a_whole_track_is_refused_with_its_reason(data: bytes, why: str) -> None:
    """The message is one sentence and says what is wrong."""
    with pytest.raises(VerificationError, match=why) as caught:
        parse(data)
    assert str(caught.value).startswith("the CMAF file is broken: ")


def test_a_file_cut_off_anywhere_is_refused() -> None:
    """Only the end of a fragment is a place to cut unseen, and there the frame count tells."""
    ends = {part.offset + part.size_bytes for part in parse(WHOLE).fragments}
    whole = set()
    for cut in range(len(WHOLE)):
        try:
            parse(WHOLE[:cut])
        except VerificationError:
            continue
        whole.add(cut)
    assert whole == ends - {len(WHOLE)}


@given(
    st.sampled_from([WHOLE, FTYP + moov(mp4a()) + fragment((0x301, (3, -1, 40, 21, 40, 7, 40, 7)))]),
    st.lists(
        st.tuples(st.integers(0, len(WHOLE)), st.integers(0, 4), st.binary(max_size=8)),
        min_size=1,
        max_size=4,
    ),
)
def test_damage_raises_nothing_else(data: bytes, edits: list[tuple[int, int, bytes]]) -> None:
    """A damaged file is refused, or still reads as fragments that tile it."""
    for at, dropped, put in edits:
        data = data[:at] + put + data[at + dropped :]
    try:
        track = parse(data)
    except VerificationError:
        return
    bounds = [track.init_bytes, *(part.offset + part.size_bytes for part in track.fragments)]
    assert bounds == [*(part.offset for part in track.fragments), len(data)]


@pytest.mark.process
@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=6))
def test_damage_to_a_real_file_raises_nothing_else(video_sample: bytes, at: int, put: bytes) -> None:
    """So it is with what ffmpeg wrote."""
    data = bytearray(video_sample)
    at %= 2_000  # the init segment and the first moof
    data[at : at + len(put)] = put
    try:
        parse(memoryview(data))
    except VerificationError:
        return


def test_a_mapped_file_is_read_without_copying_it(tmp_path: Path) -> None:
    """Nothing of the media bytes is copied or held, so that the file can be closed even after an error."""
    path = tmp_path / "large.mp4"
    large = bytes(8 << 20)
    rows = (4, -1, 21, 7, 7, len(large))
    path.write_bytes(FTYP + moov() + fragment((0x201, rows), samples=(*SAMPLES, large)))
    del large
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        memoryview(mapped) as view,
    ):
        tracemalloc.start()
        track = parse(view)
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        with memoryview(mapped)[:-1] as cut, pytest.raises(VerificationError, match="cut off"):
            parse(cut)
    assert track.fragments[0].sizes == (21, 7, 7, 8 << 20)
    assert peak_bytes < 1 << 20
