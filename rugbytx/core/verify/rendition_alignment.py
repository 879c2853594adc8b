"""Whether the renditions of one job agree with each other and with the master that names them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rugbytx.core.hls import media_playlist, parser
from rugbytx.core.hls.master_playlist import video_codec
from rugbytx.core.plan.plan import Grid
from rugbytx.core.verify.before_publish import declared
from rugbytx.core.verify.finding import MOST_FINDINGS, Finding, Rule, finding


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """One rendition, as far as the others must agree with it."""

    #: The playlist's name.
    name: str
    starts_us: tuple[int, ...]
    #: The places in the playlist with a discontinuity before them, each as often as it has one.
    breaks: tuple[int, ...]
    #: The places where the file's own init segment is not that of the file before.
    changes: tuple[int, ...]
    rates: media_playlist.Bitrates
    codecs: frozenset[str]
    #: (0, 0) for audio.
    size: tuple[int, int]
    samples: int
    #: The rendition's own grid; the audio has the job's.
    grid: Grid
    #: Whether it is a video's.
    has_frames: bool


def check_together(
    master: parser.MasterPlaylist, videos: Sequence[Timeline], audio: Timeline | None, *, name: str
) -> tuple[Finding, ...]:
    """Return in what the renditions disagree with each other and with the master, whose name is ``name``.

    ``videos`` stand in the order of the master's variants.
    """
    findings = (
        *_discontinuities(videos, audio),
        *_boundaries(videos),
        *_variants(master, videos, audio, name),
    )
    return findings[:MOST_FINDINGS]


def _discontinuities(videos: Sequence[Timeline], audio: Timeline | None) -> Iterator[Finding]:
    """Yield where discontinuities are missing or in the way.

    All renditions change together, so a change in one asks for a discontinuity
    in each; the audio has as many, at its own boundaries (RFC 8216, 6.2.4), but
    for sound of a single segment, which has none.
    """
    due = sorted({place for video in videos for place in video.changes})
    for video in videos:
        if list(video.breaks) != due:
            yield finding(
                Rule.DISCONTINUITY, video.name, _places(due), f"{_places(video.breaks)} in the playlist"
            )
    has_room = audio is not None and len(audio.starts_us) > 2
    if audio and has_room and len(audio.breaks) != len(due):
        yield finding(Rule.DISCONTINUITY, audio.name, f"{len(due)} of them", len(audio.breaks))


def _places(places: Sequence[int]) -> str:
    """Return where discontinuities are.

    >>> _places([]), _places([10, 20])
    ('none', 'one before segment 10, 20')
    """
    return f"one before segment {', '.join(map(str, places))}" if places else "none"


def _boundaries(videos: Sequence[Timeline]) -> Iterator[Finding]:
    for video in videos[1:]:
        if video.starts_us != videos[0].starts_us:
            yield finding(
                Rule.BOUNDARIES, video.name, f"the segments of {videos[0].name}", "segments of another length"
            )


def _variants(
    master: parser.MasterPlaylist, videos: Sequence[Timeline], audio: Timeline | None, name: str
) -> Iterator[Finding]:
    for variant, video in zip(master.variants, videos, strict=True):
        where = f"{name}, variant {variant.path},"
        pairs: list[tuple[Rule, object, object]] = [
            (Rule.PICTURE_SIZE, "{}x{}".format(*video.size), f"{variant.width}x{variant.height}"),
            (Rule.FRAME_DURATION, f"{float(video.grid.rate):.3f}", f"{float(variant.frame_rate):.3f}"),
        ]
        if video.codecs:
            pairs.append((Rule.CODEC, video_codec(video.codecs), variant.video_codec))
        if audio and audio.codecs:
            pairs.append((Rule.CODEC, ",".join(sorted(audio.codecs)), variant.audio_codec))
        for rule, expected, actual in pairs:
            if expected != actual:
                yield finding(rule, where, expected, actual)
        sound = audio.rates if audio else media_playlist.Bitrates(average_bps=0, peak_bps=0)
        for which, said, here, there in (
            ("peak", variant.bandwidth_bps, video.rates.peak_bps, sound.peak_bps),
            ("average", variant.average_bps, video.rates.average_bps, sound.average_bps),
        ):
            check = declared(where, which, said, here + there)
            if not check.passed:
                yield check.finding()
