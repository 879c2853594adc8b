"""What ffmpeg and ffprobe are told, to the letter; nothing is run."""

from fractions import Fraction
from pathlib import Path

import pytest

from rugbytx.core.plan.encoder_recipe import Recipe
from rugbytx.core.plan.plan import AudioPlan, Plan
from rugbytx.core.source.media_info import MediaInfo, VideoStream
from rugbytx.media.encode import command_line, filter_graph
from tests.footage import plan_for

NTSC = Fraction(30000, 1001)
SOURCE = Path("/scratch/match.mp4")
AUDIO = AudioPlan(stream_index=1, rate_bps=128_000)


def plan(
    *,
    colour_space: str = "",
    height: int = 108,
    field_order: str = "",
    move_s: Fraction = Fraction(0),
    start_s: Fraction = Fraction(0),
) -> Plan:
    """Return a plan of five chunks of 60 frames at 29.97 a second; the video is stream 2."""
    video = VideoStream(
        index=2,
        codec="h264",
        pixel_format="yuv420p",
        width=height * 16 // 9,
        height=height,
        average_rate=NTSC,
        base_rate=NTSC,
        colour_space=colour_space,
        field_order=field_order,
        start_s=start_s,
    )
    media = MediaInfo(
        container="mov,mp4,m4a,3gp,3g2,mj2", size_bytes=1, start_s=Fraction(0), end_s=310 / NTSC, video=video
    )
    made = plan_for(media)
    return made.model_copy(update={"grid": made.grid.model_copy(update={"move_s": move_s})})


def lines(text: str) -> list[str]:
    """Return the words of a command that has no blanks within its words."""
    return text.split()


def test_a_chunk_is_cut_from_one_decode_and_encoded_in_all_sizes() -> None:
    """The last chunk of 60 + 10 frames: it begins at 240 * 1001 / 30000 s."""
    outputs = [Path("/scratch/90p.mp4"), Path("/scratch/46p.mp4")]
    wanted = """
        ffmpeg -nostdin -hide_banner -nostats -loglevel level+warning -progress pipe:1 -stats_period 0.5 -y
        -noaccurate_seek -seek_timestamp 1 -ss 6.008000 -reinit_filter 0 -noautorotate -copyts -itsoffset 0.000000
        -protocol_whitelist file -format_whitelist mov,matroska,mpegts,avi -max_pixels 36000000
        -i file:/scratch/match.mp4
        -filter_complex
        [0:2]fps=fps=30000/1001:start_time=0,tpad=stop=2:stop_mode=clone,
        trim=start_pts=240:end_pts=310,sidedata=mode=delete:type=DISPLAYMATRIX,
        sidedata=mode=delete:type=MASTERING_DISPLAY_METADATA,sidedata=mode=delete:type=CONTENT_LIGHT_LEVEL,
        sidedata=mode=delete:type=DYNAMIC_HDR_PLUS,sidedata=mode=delete:type=ICC_PROFILE,split=2[s0][s1];
        [s0]scale=160:90:flags=lanczos:in_color_matrix=smpte170m:out_color_matrix=bt709:out_range=tv,
        setsar=1,format=yuv420p,setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709[v0];
        [s1]scale=80:46:flags=lanczos:in_color_matrix=smpte170m:out_color_matrix=bt709:out_range=tv,
        setsar=1,format=yuv420p,setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709[v1];
        [0:2]nullsink
    """
    encoding = """
        -map [v{number}] -frames:v 70 -fps_mode passthrough -an -sn -dn -map_metadata -1 -map_chapters -1
        -c:v libx264 -preset veryfast -profile:v high -pix_fmt yuv420p
        -b:v 100000 -maxrate 150000 -bufsize 200000 -threads 0
        -g 30 -keyint_min 30 -sc_threshold 0 -flags +cgop -bf 2 -x264-params ratetol=0.1
        -color_primaries bt709 -color_trc bt709 -colorspace bt709 -bsf:v dump_extra=freq=keyframe
        -output_ts_offset 10.000000
        -f mp4 -use_editlist 0 -movflags +cmaf+frag_discont+negative_cts_offsets+skip_trailer+frag_keyframe
        -video_track_timescale 30000 file:/scratch/{name}.mp4
    """
    head, graph = wanted.split("-filter_complex")
    assert command_line.chunk(plan(), 4, SOURCE, outputs) == [
        *lines(head),
        "-filter_complex",
        "".join(lines(graph)),
        *lines(encoding.format(number=0, name="90p")),
        *lines(encoding.format(number=1, name="46p")),
    ]


def test_a_rendition_of_every_other_frame_is_thinned_before_it_is_scaled() -> None:
    """Half the frames in GOPs of half the length, from the same instant; nothing is done to the other one."""
    whole = plan()
    half = whole.renditions[1].model_copy(update={"frame_step": 2})
    thinned = whole.model_copy(update={"renditions": (whole.renditions[0], half)})
    [one, other] = [
        command_line.chunk(it, 4, SOURCE, [Path("/scratch/90p.mp4"), Path("/scratch/46p.mp4")])
        for it in (whole, thinned)
    ]
    changed = [(before, after) for before, after in zip(one, other, strict=True) if before != after]
    assert changed[0][1] == changed[0][0].replace("[s1]scale", "[s1]framestep=2,scale")
    assert changed[1:] == [("70", "35"), ("30", "15"), ("30", "15"), ("30000", "15000")]


@pytest.mark.parametrize(
    ("field_order", "parity"), [("tt", "tff"), ("bb", "bff"), ("tb", "auto"), ("bt", "auto")]
)
def test_fields_become_frames_before_the_grid_is_laid(field_order: str, parity: str) -> None:
    """In the container's order, or in each frame's own where writers disagree about the container's word."""
    filters = filter_graph.cut(plan(field_order=field_order), 0).split(",")
    assert filters[:2] == [
        f"bwdif=mode=send_field:parity={parity}:deint=all",
        "fps=fps=30000/1001:start_time=0",
    ]
    assert filter_graph.cut(plan(field_order="progressive"), 0).startswith("fps=")


@pytest.mark.parametrize(
    ("move_s", "shown"), [(Fraction(1, 48), "0.020833"), (Fraction(-1, 300), "-0.003333")]
)
def test_a_move_is_a_constant_in_the_streams_ticks(move_s: Fraction, shown: str) -> None:
    """After the fields, whose own moments it leaves alone, and before the grid; the audio goes along."""
    filters = filter_graph.cut(plan(field_order="tt", move_s=move_s), 0).split(",")
    assert filters[1:3] == [
        f"setpts=PTS+round({shown}/TB)",
        "fps=fps=30000/1001:start_time=0",
    ]
    argv = command_line.audio(plan(move_s=move_s), AUDIO, SOURCE, Path("/scratch/audio.mp4"))
    assert argv[argv.index("-af") + 1].startswith(f"asetpts=PTS+round({shown}/TB),aresample=")


def test_the_last_frame_of_a_track_that_begins_late_is_followed_by_another() -> None:
    """On the CPU; the GPU never gets the last chunk, and a film that begins at zero needs nothing."""
    late = plan(start_s=Fraction(1, 48))
    assert filter_graph.cut(late, 4).startswith("tpad=stop=1:stop_mode=clone,fps=")
    assert filter_graph.cut(late, 0, Recipe.NVENC_A).startswith("fps=")
    assert filter_graph.cut(plan(), 4).startswith("fps=")


def test_a_transport_stream_is_copied() -> None:
    """Two of its streams, without encoding, on the clock of the source."""
    wanted = """
        ffmpeg -nostdin -hide_banner -nostats -loglevel level+warning -progress pipe:1 -stats_period 0.5 -y
        -analyzeduration 300000000 -probesize 100000000 -fflags +genpts
        -protocol_whitelist file -format_whitelist mov,matroska,mpegts,avi -max_pixels 36000000
        -i file:/scratch/arrived -map 0:3 -c:v copy -map 0:5 -c:a copy
        -sn -dn -map_metadata -1 -map_chapters -1 -metadata comment=rugbytx-arrived-as:mpegts -fflags +bitexact
        -video_track_timescale 90000 -movie_timescale 90000 -f mp4 file:/scratch/source.part
    """
    paths = Path("/scratch/arrived"), Path("/scratch/source.part")
    video, audio = {"index": 3, "codec_name": "h264"}, {"index": 5, "codec_name": "aac"}
    assert command_line.ingest(*paths, video=video, audio=audio, arrived_as="mpegts") == lines(wanted)


@pytest.mark.parametrize(
    ("video", "audio", "muxer", "sound"),
    [
        ("h264", "mp2", "mp4", ["copy"]),
        ("hevc", "pcm_bluray", "mp4", ["flac", "-strict", "experimental"]),
        ("mpeg2video", "aac_latm", "mp4", ["flac", "-strict", "experimental"]),
        ("vc1", "ac3", "matroska", ["copy"]),
    ],
)
def test_what_mp4_cannot_hold(video: str, audio: str, muxer: str, sound: list[str]) -> None:
    """Audio becomes lossless audio; video is never encoded, so it gets another container."""
    argv = command_line.ingest(
        SOURCE,
        SOURCE,
        video={"index": 0, "codec_name": video},
        audio={"index": 1, "codec_name": audio},
        arrived_as="mpegts",
    )
    place = argv.index("-c:a") + 1
    assert argv[place : place + len(sound)] == sound
    assert argv[argv.index("-f") + 1] == muxer
    assert argv[argv.index("-c:v") + 1] == "copy"


def test_the_audio_is_encoded_once_and_as_long_as_the_video() -> None:
    """310 frames at 29.97 a second are 10.343667 s."""
    wanted = """
        ffmpeg -nostdin -hide_banner -nostats -loglevel level+warning -progress pipe:1 -stats_period 0.5 -y
        -reinit_filter 0 -copyts -itsoffset 0.000000
        -protocol_whitelist file -format_whitelist mov,matroska,mpegts,avi -max_pixels 36000000
        -i file:/scratch/match.mp4 -map 0:1 -vn -sn -dn -map_metadata -1 -map_chapters -1
        -af aresample=async=1:first_pts=0:osr=48000,aformat=channel_layouts=stereo,apad,atrim=end=10.343667
        -c:a aac -b:a 128000 -output_ts_offset 10.000000
        -f mp4 -use_editlist 0 -movflags +cmaf+frag_discont+negative_cts_offsets+skip_trailer
        -frag_duration 2000000 file:/scratch/audio.mp4
    """
    assert command_line.audio(plan(), AUDIO, SOURCE, Path("/scratch/audio.mp4")) == lines(wanted)


def test_an_mp4_is_muxed_without_encoding() -> None:
    """The audio is moved back by its priming."""
    wanted = """
        ffmpeg -nostdin -hide_banner -nostats -loglevel level+warning -progress pipe:1 -stats_period 0.5 -y
        -i file:/scratch/joined -itsoffset -0.021333 -i file:/scratch/audio.mp4 -map 0:v:0 -map 1:a:0
        -sn -dn -map_metadata -1 -map_chapters -1 -c copy -bsf:v filter_units=remove_types=7|8
        -movflags +faststart -f mp4 file:/scratch/out.mp4
    """
    delay_s = Fraction(-1024, 48_000)
    argv = command_line.mux(
        Path("/scratch/joined"), Path("/scratch/audio.mp4"), Path("/scratch/out.mp4"), sound_delay_s=delay_s
    )
    assert argv == lines(wanted)
    silent = command_line.mux(Path("/scratch/joined"), None, Path("/scratch/out.mp4"), sound_delay_s=delay_s)
    assert "-itsoffset" not in silent
    assert silent.count("-i") == silent.count("-map") == 1


@pytest.mark.parametrize(
    ("index", "seek"),
    [
        (0, None),
        (1, None),  # 2.002 s less 2 s: not worth a seek
        (2, "2.004000"),
    ],
)
def test_decoding_begins_before_the_chunk(index: int, seek: str | None) -> None:
    """Two seconds before, from where the index finds a keyframe."""
    argv = command_line.read(plan(), index, SOURCE)
    assert (argv[argv.index("-ss") + 1] if "-ss" in argv else None) == seek


def test_the_clock_begins_where_the_plan_says() -> None:
    """For picture, seek and sound: an ffmpeg of another version may take another start for the same file's."""
    told = plan()
    told = told.model_copy(update={"media": told.media.model_copy(update={"start_s": Fraction(-21, 1000)})})
    for argv in (
        command_line.read(told, 2, SOURCE),
        command_line.audio(told, AUDIO, SOURCE, Path("/scratch/audio.mp4")),
    ):
        assert argv[argv.index("-itsoffset") + 1] == "0.021000"
        assert "-start_at_zero" not in argv
    argv = command_line.read(told, 2, SOURCE)
    assert argv[argv.index("-seek_timestamp") :][:4] == ["-seek_timestamp", "1", "-ss", "1.983000"]


@pytest.mark.parametrize(
    ("colour_space", "height", "name"),
    [
        ("bt709", 108, "bt709"),
        ("bt470bg", 1080, "bt470"),
        ("bt2020nc", 1080, "bt2020"),
        ("", 1080, "bt709"),
        ("", 576, "smpte170m"),
        ("gbr", 1080, "bt709"),
    ],
)
def test_colours_are_read_as_the_source_means_them(colour_space: str, height: int, name: str) -> None:
    """What does not say goes by its size."""
    assert filter_graph.matrix(plan(colour_space=colour_space, height=height).media.video) == name


@pytest.mark.parametrize("name", ["-y", "a b.mp4", "%d.mp4", "two\nlines", "http:x.mp4", "a|b'c\\.mp4"])
def test_no_name_is_more_than_a_name(name: str) -> None:
    """Every path stands alone, absolute, behind ``file:``."""
    path = Path("/scratch") / name
    url = f"file:/scratch/{name}"
    outputs = [path, path]
    chunk = command_line.chunk(plan(), 0, path, outputs)
    assert [word for word in chunk if name in word and word != "-y"] == [url] * 3
    for argv in (
        command_line.headers(path),
        command_line.packets(path, stream_index=0, from_s=None),
        command_line.count(path),
        command_line.mux(path, None, path, sound_delay_s=Fraction(0)),
        command_line.audio(plan(), AUDIO, path, path),
    ):
        assert argv[-1] == url


def test_a_pace_stands_before_the_input() -> None:
    """It is an option of reading; without one there is none."""
    outputs = [Path("/scratch/90p.mp4"), Path("/scratch/46p.mp4")]
    argv = command_line.chunk(plan(), 4, SOURCE, outputs, read_rate=2.5)
    at = argv.index("-readrate")
    assert argv[at + 1] == "2.5"
    assert at < argv.index("-i")
    assert [*argv[:at], *argv[at + 2 :]] == command_line.chunk(plan(), 4, SOURCE, outputs)
