"""What is done to a source because of what it is: the plan's notes, a sentence each."""

from collections.abc import Iterator

from rugbytx.core.plan.plan import Grid
from rugbytx.core.source.media_info import AudioStream, MediaInfo, VideoStream

#: Pictures that go to the encoder as they are.
PLAIN_FORMATS = frozenset({"yuv420p", "yuvj420p", "nv12"})
#: ITU-R BT.2100's two ways to high dynamic range, by ffprobe's names.
HDR_NAMES = {"smpte2084": "PQ", "arib-std-b67": "HLG"}
CONTAINER_NAMES = {"mpegts": "MPEG-TS"}


def of_source(media: MediaInfo, grid: Grid) -> Iterator[str]:
    """Yield what is done to this source, and why; nothing for one that needs nothing."""
    if media.arrived_as:
        name = CONTAINER_NAMES.get(media.arrived_as, media.arrived_as)
        yield f"the source comes as {name}, and is copied once into a file with an index and one clock"
    yield from _of_picture(media.video)
    yield from _of_colours(media.video)
    if grid.move_s:
        yield (
            f"the film is moved by {float(grid.move_s) * 1000:+.1f} ms:"
            " its frames lay between those of the grid, where some would be lost and others doubled"
        )
    if media.audio:
        yield from _of_audio(media.audio)
    if media.other_audio:
        tracks = "track is" if media.other_audio == 1 else "tracks are"
        yield f"{media.other_audio} other audio {tracks} left out"


def _of_picture(video: VideoStream) -> Iterator[str]:
    if video.mirrored:
        yield "the picture is mirrored, as its display matrix says"
    if video.rotation:
        yield f"the picture is turned by {video.rotation} degrees, as its display matrix says"
    if video.sample_aspect != 1:
        width, height = video.display_size
        yield f"pixels of {_ratio(video)} become square: the picture is {width}x{height}"


def _ratio(video: VideoStream) -> str:
    return f"{video.sample_aspect.numerator}:{video.sample_aspect.denominator}"


def _of_colours(video: VideoStream) -> Iterator[str]:
    if name := HDR_NAMES.get(video.colour_transfer):
        yield f"high dynamic range ({name}) is mapped to the colours of ordinary screens (BT.709)"
    if video.is_full_range:
        yield "full range of brightness becomes limited range"
    if video.pixel_format not in PLAIN_FORMATS:
        yield f"{video.pixel_format} pictures become 8-bit 4:2:0"


def _of_audio(audio: AudioStream) -> Iterator[str]:
    if audio.channels == 1:
        yield "mono audio becomes stereo"
    elif audio.channels > 2:
        yield f"audio of {audio.channels} channels is mixed down to stereo"
