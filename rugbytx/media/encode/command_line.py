"""What ffmpeg and ffprobe are told: pure functions that return an argv.

One cut serves every rendition of a chunk, so a source is decoded once::

    source ─ seek ─ decode ─ fps (absolute grid) ─ trim (the chunk's frames) ─ split ─┬─ scale ─ encode ─ 1080p.mp4
             preroll                                                                  └─ scale ─ encode ─ 720p.mp4

Every path is absolute behind ``file:``, so that no name can pass for an option,
a protocol or a pattern, and inputs are held to known containers: a playlist
named ``match.mp4`` would otherwise have ffmpeg read other files of this host.
"""

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

from rugbytx.core.job.job import PresignedUrl
from rugbytx.core.plan.encoder_recipe import Recipe
from rugbytx.core.plan.plan import BASE_OFFSET_S, AudioPlan, Plan, Rendition
from rugbytx.core.plan.thumbnails import Picture
from rugbytx.core.source.media_info import ARRIVED_MARK, ARRIVED_TAG
from rugbytx.core.source.stream_selection import MAX_PIXELS, Stream
from rugbytx.media.encode import filter_graph
from rugbytx.media.encode.encoder_options import Encoder, Encoders

#: Containers and picture sizes that a source may have.
_GUARD = (*("-format_whitelist", "mov,matroska,mpegts,avi"), *("-max_pixels", str(MAX_PIXELS)))
#: A server that hangs is given up, a connection that breaks is made anew; left alone, ffmpeg waits for
#: ever on the one, and takes what came before the other for the whole file.
_OVER_HTTP = (
    *("-rw_timeout", "15000000"),
    *("-reconnect", "1", "-reconnect_on_network_error", "1", "-reconnect_delay_max", "5"),
)
_FFMPEG = (
    *("-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+warning"),
    *("-progress", "pipe:1", "-stats_period", "0.5", "-y"),
)
#: Filters that were made anew in mid-film would begin their grid and their silence again from zero.
_STEADY = ("-reinit_filter", "0")
#: No subtitles, data, tags or chapters of the source's.
_BARE = ("-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1")
#: A track file whose parts can be published as they are: one fragment a GOP,
#: absolute decode times, and no edit list, which players and tools read unlike.
_CMAF = ("-f", "mp4", "-use_editlist", "0", "-movflags")
_CMAF_FLAGS = "+cmaf+frag_discont+negative_cts_offsets+skip_trailer"

#: MPEG-TS names its streams one by one as they come; a commentary may begin minutes after the kick-off's picture.
_THOROUGH = ("-analyzeduration", "300000000", "-probesize", "100000000")
#: What MP4 holds as it is.  Other audio is encoded without loss, other video goes into Matroska.
MP4_VIDEO = frozenset({"h264", "hevc", "mpeg2video", "mpeg1video", "mpeg4"})
MP4_AUDIO = frozenset({"aac", "ac3", "eac3", "mp2", "mp3"})
#: MPEG-TS counts in these ticks, and so does the copy, its edit lists included.
_EXACT = ("-video_track_timescale", "90000", "-movie_timescale", "90000")
#: A still picture; ``mjpeg`` writes to the very name it is given, while ``image2`` takes it for a pattern.
_JPEG = ("-c:v", "mjpeg", "-q:v", "4", "-f", "mjpeg")
_NONE: Mapping[Picture, Path] = MappingProxyType({})

#: How far before a chunk decoding begins, so that the grid's first frame finds its predecessor.
PREROLL_S = 2

#: Frames a second of a trial's film, which is one GOP a second.
TRIAL_RATE = 30


def chunk(  # noqa: PLR0913  what, from where, to where, in which way, by which encoder and program
    plan: Plan,
    index: int,
    source: Path,
    outputs: Sequence[Path],
    *,
    pictures: Mapping[Picture, Path] = _NONE,
    recipe: Recipe = Recipe.X264,
    encoder: Encoder | None = None,
    read_rate: float = 0.0,
    side_data: Collection[str] = filter_graph.KNOWN_TO_ALL,
    ffmpeg: str = "ffmpeg",
) -> list[str]:
    """Return the command that encodes one chunk, a file for each of the plan's renditions.

    ``pictures`` says where the chunk's still pictures go, all that the plan wants of it.
    ``encoder`` holds the options of the recipe's family; their defaults if there is none.
    ``read_rate`` bounds how many seconds of film are read in a second, preroll included; 0 for no bound.
    ``side_data`` is as for ``filter_graph.graph``.
    """
    chosen = encoder or Encoders().of(recipe.family)
    paced = ["-readrate", f"{read_rate:g}"] if read_rate else []
    argv = [ffmpeg, *_FFMPEG, *filter_graph.input_options(recipe), *paced, *read(plan, index, source)]
    argv += ["-filter_complex", filter_graph.graph(plan, index, recipe, side_data=side_data)]
    for number, (rendition, output) in enumerate(zip(plan.renditions, outputs, strict=True)):
        grid = plan.grid_of(rendition)
        argv += [
            *(
                "-map",
                f"[v{number}]",
                "-frames:v",
                str(len(grid.chunk_frames(index))),
                "-fps_mode",
                "passthrough",
            ),
            *("-an", *_BARE, *chosen.options(rendition, gop=grid.gop)),
            *("-output_ts_offset", seconds(Fraction(BASE_OFFSET_S))),
            *(*_CMAF, f"{_CMAF_FLAGS}+frag_keyframe", "-video_track_timescale", str(grid.timescale)),
            _url(output),
        ]
    for picture, path in pictures.items():
        argv += ["-map", f"[{picture}]", "-frames:v", "1", "-an", *_BARE, *_JPEG, _url(path)]
    return argv


def trial(encoder: Encoder, rendition: Rendition, output: Path, *, frames: int, ffmpeg: str) -> list[str]:
    """Return the command that encodes a few frames of a made-up film, with the options of a real chunk."""
    film = f"testsrc2=size={rendition.width}x{rendition.height}:rate={TRIAL_RATE},format=yuv420p,{filter_graph.COLOURS}"
    return [
        *(ffmpeg, *_FFMPEG, "-f", "lavfi", "-i", film, "-frames:v", str(frames), "-an", *_BARE),
        *(*encoder.options(rendition, gop=TRIAL_RATE), "-output_ts_offset", seconds(Fraction(BASE_OFFSET_S))),
        *(*_CMAF, f"{_CMAF_FLAGS}+frag_keyframe", "-video_track_timescale", str(1000 * TRIAL_RATE)),
        _url(output),
    ]


def audio(plan: Plan, wanted: AudioPlan, source: Path, output: Path, *, ffmpeg: str = "ffmpeg") -> list[str]:
    """Return the command that encodes the whole audio, exactly as long as the video.

    Once for the whole job: AAC starts with priming samples and counts in frames
    of 1024, so that audio cut with the chunks would click at every join.
    """
    filters = (
        f"{filter_graph.move('asetpts', plan)}aresample=async=1:first_pts=0:osr={wanted.sample_rate}",
        "aformat=channel_layouts=stereo",
        "apad",
        f"atrim=end={seconds(plan.grid.duration_s)}",
    )
    return [
        *(ffmpeg, *_FFMPEG, *_STEADY, *_clock(plan), *_source(source)),
        *("-map", f"0:{wanted.stream_index}", "-vn", *_BARE, "-af", ",".join(filters)),
        *("-c:a", "aac", "-b:a", str(wanted.rate_bps), "-output_ts_offset", seconds(Fraction(BASE_OFFSET_S))),
        *(*_CMAF, _CMAF_FLAGS, "-frag_duration", "2000000"),
        _url(output),
    ]


def read(plan: Plan, index: int, source: Path) -> list[str]:
    """Return the input's part of a chunk's command: where to seek, and whose clock counts."""
    start_s = plan.grid.chunk_frames(index).start / plan.grid.rate
    seek_s = start_s - PREROLL_S
    # A seek to just behind the beginning saves nothing, and in AVI it lands a frame off.
    # An accurate seek would drop a frame from before it that is still on screen at the chunk's start.
    seek = []
    if seek_s > 1:
        seek = ["-noaccurate_seek", "-seek_timestamp", "1", "-ss", seconds(plan.media.start_s + seek_s)]
    return [*seek, *_STEADY, "-noautorotate", *_clock(plan), *_source(source)]


def ingest(
    source: Path,
    output: Path,
    *,
    video: Stream,
    audio: Stream | None,
    arrived_as: str,
    ffmpeg: str = "ffmpeg",
) -> list[str]:
    """Return the command that copies a source without an index into a file that can be searched.

    Without ``-copyts``, so that ffmpeg closes the jumps of a clock that was set
    anew in mid-film, for all streams alike.
    """
    maps = ["-map", f"0:{video['index']}", "-c:v", "copy"]
    if audio is not None:
        maps += ["-map", f"0:{audio['index']}", "-c:a"]
        maps += ["copy"] if audio["codec_name"] in MP4_AUDIO else ["flac", "-strict", "experimental"]
    muxer = "mp4" if video["codec_name"] in MP4_VIDEO else "matroska"
    return [
        *(ffmpeg, *_FFMPEG, *_THOROUGH, "-fflags", "+genpts", *_source(source), *maps, *_BARE),
        *("-metadata", f"{ARRIVED_TAG}={ARRIVED_MARK}:{arrived_as}", "-fflags", "+bitexact"),
        *(*(_EXACT if muxer == "mp4" else ()), "-f", muxer, _url(output)),
    ]


def headers(source: Path | PresignedUrl, *, ffprobe: str = "ffprobe", thorough: bool = False) -> list[str]:
    """Return the command that describes the container and its streams in JSON."""
    look = _THOROUGH if thorough else ()
    return [*_ffprobe(ffprobe), "-show_format", "-show_streams", "-of", "json", *look, *_source(source)]


def first_frames(source: Path | PresignedUrl, *, stream_index: int, ffprobe: str = "ffprobe") -> list[str]:
    """Return the command that decodes a few frames and says in JSON in which order their fields come, and how they are turned."""
    entries = "frame=interlaced_frame,top_field_first:frame_side_data=displaymatrix,rotation"
    return [
        *(*_ffprobe(ffprobe), "-select_streams", str(stream_index), "-read_intervals", "%+#5"),
        *("-show_entries", entries, "-of", "json", *_source(source)),
    ]


def packets(
    source: Path | PresignedUrl, *, stream_index: int, from_s: Fraction | None, ffprobe: str = "ffprobe"
) -> list[str]:
    """Return the command that lists a stream's packets, from about ``from_s`` on the container's clock to the end."""
    interval = [] if from_s is None else ["-read_intervals", f"{seconds(from_s)}%"]
    return [
        *(*_ffprobe(ffprobe), "-select_streams", str(stream_index), *interval),
        *(
            "-show_entries",
            "packet=pts,dts,duration,flags:packet_side_data=side_data_type",
            "-of",
            "compact=p=0",
            *_source(source),
        ),
    ]


def mux(
    video: Path, sound: Path | None, output: Path, *, sound_delay_s: Fraction, ffmpeg: str = "ffmpeg"
) -> list[str]:
    """Return the command that puts one rendition and the audio into a progressive MP4, without encoding.

    ffmpeg moves the start of each input to zero, the audio's then to
    ``sound_delay_s``: minus its priming, so that its first true sample and the
    first frame meet.  The parameter sets in the stream are dropped: this file
    has one header for all its frames.
    """
    inputs, maps = ["-i", _url(video)], ["-map", "0:v:0"]
    if sound is not None:
        inputs += ["-itsoffset", seconds(sound_delay_s), "-i", _url(sound)]
        maps += ["-map", "1:a:0"]
    return [
        *(ffmpeg, *_FFMPEG, *inputs, *maps, *_BARE, "-c", "copy"),
        *("-bsf:v", "filter_units=remove_types=7|8", "-movflags", "+faststart", "-f", "mp4", _url(output)),
    ]


def count(path: Path, *, ffprobe: str = "ffprobe") -> list[str]:
    """Return the command that counts the packets of each stream of an MP4."""
    entries = "stream=codec_type,nb_read_packets,start_time,duration,sample_rate"
    return [*_ffprobe(ffprobe), "-count_packets", "-show_entries", entries, "-of", "json", *_source(path)]


def seconds(value: Fraction) -> str:
    """Return a time as ffmpeg takes it: microseconds are its own resolution.

    >>> seconds(Fraction(1001, 30)), seconds(Fraction(-1024, 48000))
    ('33.366667', '-0.021333')
    """
    microseconds = round(value * 1_000_000)
    sign = "-" if microseconds < 0 else ""
    return f"{sign}{abs(microseconds) // 1_000_000}.{abs(microseconds) % 1_000_000:06d}"


def _clock(plan: Plan) -> list[str]:
    """Return the options that begin the container's clock at zero where the plan says that it begins.

    Not ``-start_at_zero``: whether a clock begins with an encoder's priming samples
    is another matter up to ffmpeg 7 than in 9, and chunks of one plan are cut by several.
    """
    return ["-copyts", "-itsoffset", seconds(-plan.media.start_s)]


def _ffprobe(ffprobe: str) -> list[str]:
    return [ffprobe, "-hide_banner", "-loglevel", "level+warning"]


def _source(source: Path | PresignedUrl) -> list[str]:
    if isinstance(source, Path):
        return ["-protocol_whitelist", "file", *_GUARD, "-i", _url(source)]
    if not source.url.startswith("https:"):
        return ["-protocol_whitelist", "http,tcp", *_GUARD, *_OVER_HTTP, "-i", source.url]
    # ffmpeg 5 trusts every certificate unless it is told not to.
    trust = ("-tls_verify", "1", "-ca_file", source.authorities)
    return ["-protocol_whitelist", "https,tls,tcp", *_GUARD, *_OVER_HTTP, *trust, "-i", source.url]


def _url(path: Path) -> str:
    return f"file:{path.absolute()}"
