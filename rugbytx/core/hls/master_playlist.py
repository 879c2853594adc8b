"""The text of the master playlist (RFC 8216, 4.3.4): what a player chooses from."""

from collections.abc import Callable, Iterable, Sequence

from rugbytx.core.hls import media_playlist
from rugbytx.core.hls.media_playlist import Bitrates, files_of, measure, uri
from rugbytx.core.lease.result import TrackFile, TracksResult
from rugbytx.core.plan.plan import Plan, Rendition

#: A player that knows nothing of its network starts here (Apple's authoring specification, 1.32).
DEFAULT_BPS = 2_000_000


def iframes_name(rendition: str) -> str:
    """Return what the playlist of a rendition's keyframes is called."""
    return f"{rendition}-iframes"


def master_playlist(
    plan: Plan,
    chunks: Sequence[TracksResult],
    audio: TracksResult | None,
    *,
    target_s: int,
    path_of: Callable[[str], str],
    has_iframes: bool = True,
) -> str:
    """Return the master playlist; ``path_of`` gives a playlist's path by its rendition's name, or by ``audio``.

    The first variant is where a player starts: the one whose average is nearest
    to 2 Mbit/s.  The others fall from the largest.  Rates are measured, and a
    variant's are the sums of its video's and the audio's (RFC 8216, 4.3.4.2).
    The keyframes of each follow, for scrubbing (Apple's authoring specification, 6.1).
    """
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{media_playlist.VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    sound, sound_codec, group = Bitrates(average_bps=0, peak_bps=0), "", ""
    if audio and plan.audio:
        sound = measure(audio.files, target_s=target_s)
        sound_codec, group = f",{audio.files[0].codec}", ',AUDIO="audio"'
        lines.append(
            '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio",LANGUAGE="und",'
            f'DEFAULT=YES,AUTOSELECT=YES,CHANNELS="{plan.audio.channels}",URI="{uri(path_of("audio"))}"'
        )
    variants, iframes = [], []
    for rendition in plan.renditions:
        files = files_of(chunks, rendition.name)
        picture = measure(files, target_s=target_s)
        together = Bitrates(
            average_bps=picture.average_bps + sound.average_bps, peak_bps=picture.peak_bps + sound.peak_bps
        )
        text = (
            f"#EXT-X-STREAM-INF:{_common_attributes(rendition, files, together, sound_codec)}"
            f",FRAME-RATE={float(plan.grid_of(rendition).rate):.3f}{group}\n{uri(path_of(rendition.name))}"
        )
        variants.append((abs(together.average_bps - DEFAULT_BPS), text))
        keys = _common_attributes(rendition, files, measure(files, target_s=target_s, iframes=True))
        path = uri(path_of(iframes_name(rendition.name)))
        iframes.append(f'#EXT-X-I-FRAME-STREAM-INF:{keys},URI="{path}"')
    start = min(range(len(variants)), key=lambda number: variants[number][0])
    variants.insert(0, variants.pop(start))
    return "\n".join([*lines, *(text for _, text in variants), *(iframes if has_iframes else []), ""])


def _common_attributes(
    rendition: Rendition, files: Sequence[TrackFile], rates: Bitrates, sound_codec: str = ""
) -> str:
    """Return the attributes that a variant and its keyframes have in common."""
    return (
        f"BANDWIDTH={rates.peak_bps},AVERAGE-BANDWIDTH={rates.average_bps},"
        f'CODECS="{video_codec(file.codec for file in files)}{sound_codec}",RESOLUTION={rendition.width}x{rendition.height}'
    )


def video_codec(codecs: Iterable[str]) -> str:
    """Return the codec that a decoder must know to play all files of a rendition.

    Where encoders differ it is the highest profile with the highest level,
    since a decoder for these plays the lower ones too.  To name each of them
    would be an honest list, but players ask the browser about all video codecs
    of the attribute at once, as if they stood in one track file.

    >>> video_codec(["avc1.64001f", "avc1.4d4028"])
    'avc1.640028'
    """
    known = tuple(codecs)
    profile = max(codec[5:9] for codec in known)
    level = max(codec[9:11] for codec in known)
    return f"avc1.{profile}{level}"
