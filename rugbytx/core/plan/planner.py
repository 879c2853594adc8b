"""How a job is planned: from what the source is and what is wished to the plan."""

from fractions import Fraction

from rugbytx.core.job.job import Source
from rugbytx.core.job.profile import Profile
from rugbytx.core.plan import bitrate_ladder, grid_shift, source_notes, thumbnails
from rugbytx.core.plan.plan import AudioPlan, Grid, Plan
from rugbytx.core.source.media_info import MediaInfo, VideoStream

#: A chunk when nobody asked for another length.
CHUNK_S = Fraction(60)

#: A source shorter than this is one chunk, unless a length was asked for.
ONE_CHUNK_BELOW_S = Fraction(90)

#: The keyframe interval, and the playlist segment in GOPs (Apple HLS authoring rules 1.13 and 7.5).
GOP_S = 2
SEGMENT_GOPS = 3
#: Below this rate half a frame more than two seconds is too much.
FEW_FRAMES = 10

#: A tail shorter than this many GOPs joins the chunk before it.
LEAST_TAIL_GOPS = 2

#: No interlaced system has more frames a second.
MOST_INTERLACED = Fraction(30)

HIGHEST_RATE = Fraction(60)
LOWEST_RATE = Fraction(1)

#: That of the NTSC rates.  Containers also have rates such as 11796480/491531, whose ticks would be
#: finer than the microseconds in which ffmpeg takes offsets; the nearest simple rate is off by
#: less than a frame in half an hour, which then is shown twice or not at all.
LARGEST_DENOMINATOR = 1001

STANDARD_RATES = (
    Fraction(10),
    Fraction(25, 2),
    Fraction(15),
    Fraction(24000, 1001),
    Fraction(24),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(30),
    Fraction(48),
    Fraction(50),
    Fraction(60000, 1001),
    Fraction(60),
)


def decide(media: MediaInfo, source: Source, profile: Profile, *, chunk_s: float | None = None) -> Plan:
    """Return the plan for one source: its grid, its renditions, its audio, and why.

    ``chunk_s`` is the asked-for chunk length, or None for the default.
    """
    grid, grid_note = lay_grid(media, chunk_s=chunk_s)
    renditions, notes = bitrate_ladder.decide(
        media.video, profile, rate=grid.rate, source_rate_bps=_source_rate_bps(media, grid)
    )
    audio = None
    if media.audio:
        audio = AudioPlan(stream_index=media.audio.index, rate_bps=profile.audio_rate_bps)
    return Plan(
        source=source,
        media=media,
        grid=grid,
        renditions=renditions,
        audio=audio,
        mp4=profile.mp4,
        stills=thumbnails.decide(grid, renditions) if profile.stills else None,
        notes=(
            grid_note,
            *source_notes.of_source(media, grid),
            *notes,
            *(() if audio else ("no audio: the source has none",)),
        ),
    )


def lay_grid(media: MediaInfo, *, chunk_s: float | None) -> tuple[Grid, str]:
    """Return the frame grid for a source, and why it has its rate.

    The number of frames is ``floor(end * rate + 1/2)``, which is what ffmpeg's
    ``fps`` filter (rounding to the nearest, starting at zero) makes of a source
    whose last frame ends at ``end``; measured for constant and variable rate.
    Above 30 frames a second it is even, for which the last may be shown twice.
    """
    rate, why = grid_rate(media.video)
    move_s = grid_shift.move_s(start_s=media.video.start_s, source_rate=constant_rate(media.video), rate=rate)
    # A rendition may show every other frame of a fast grid, so everything there holds whole pairs.
    step = bitrate_ladder.MOST_FRAME_STEP if bitrate_ladder.is_fast(rate) else 1
    frames = -(-max(1, _round((media.end_s + move_s) * rate)) // step) * step
    gop = _gop(rate / step) * step
    segment = SEGMENT_GOPS * gop
    if chunk_s is None and media.end_s < ONE_CHUNK_BELOW_S:
        chunk = max(segment, -(-frames // segment) * segment)
    else:
        chunk = _chunk_frames(Fraction(chunk_s or CHUNK_S), rate=rate, gop=gop, segment=segment)
    whole, tail = divmod(frames, chunk)
    chunks = max(1, whole + (tail >= LEAST_TAIL_GOPS * gop))
    grid = Grid(rate=rate, frames=frames, gop=gop, segment=segment, chunk=chunk, chunks=chunks, move_s=move_s)
    return grid, why


def _gop(rate: Fraction) -> int:
    """Return how many frames come to two seconds: the nearest number, but less where few frames make a difference.

    >>> _gop(Fraction(30000, 1001)), _gop(Fraction(25, 2)), _gop(Fraction(5, 4))
    (60, 25, 2)
    """
    return _round(GOP_S * rate) if rate >= FEW_FRAMES else max(1, int(GOP_S * rate))


def _chunk_frames(length_s: Fraction, *, rate: Fraction, gop: int, segment: int) -> int:
    """Return the chunk length nearest to ``length_s``: whole segments, or whole GOPs below one segment."""
    step = segment if length_s * rate >= segment else gop
    return max(1, _round(length_s * rate / step)) * step


def grid_rate(video: VideoStream) -> tuple[Fraction, str]:
    """Return the grid's rate and why.

    A constant rate is kept, written as the standard rate it stands for
    (29.97 is 30000/1001).  A variable one goes to the standard rate beside its
    average, or the next above it, so that frames are repeated rather than lost.
    Of interlaced video each field becomes a frame (rules 1.14 and 1.15).  Above
    60 it is halved, which drops every other frame and keeps motion even
    (Apple HLS authoring rules 1.18 and 1.19).
    """
    constant = constant_rate(video)
    average = constant or shown_rates(video)[0]
    what = f"{_fps(average)} {'fields' if video.is_interlaced else 'frames'} a second"
    if constant:
        rate = average
        why = f"{what}, and each becomes a frame" if video.is_interlaced else f"{what}, as the source has"
    else:
        rate = next((known for known in STANDARD_RATES if known >= average), average)
        why = f"variable rate, {what} on average: brought to {_fps(rate)}"
    near = min(STANDARD_RATES, key=lambda known: abs(known - average))
    tolerance = near / (3000 if constant else 200)
    if abs(near - average) <= tolerance and near != average:
        rate, why = near, f"{what} stand for {near}"
    while rate > HIGHEST_RATE:
        rate /= 2
        why = f"{what} are halved to {_fps(rate)}"
    if rate < LOWEST_RATE:
        rate, why = LOWEST_RATE, f"{what} are raised to one"
    return rate.limit_denominator(LARGEST_DENOMINATOR), why


def constant_rate(video: VideoStream) -> Fraction | None:
    """Return the rate at which frames are shown if that is constant.

    A gap here and there lowers the average; the base is what the frames between lie on.
    """
    average, base = shown_rates(video)
    return base if abs(average - base) <= base / 1000 else None


def shown_rates(video: VideoStream) -> tuple[Fraction, Fraction]:
    """Return the average and the base of the rate at which pictures are shown: each field is one.

    Some containers count fields where others count frames.  No camera makes
    more than 30 interlaced frames a second, so what is more are fields.
    """
    if not video.is_interlaced:
        return video.average_rate, video.base_rate
    return _fields(video.average_rate), _fields(video.base_rate)


def _fields(rate: Fraction) -> Fraction:
    """Return the rate of fields that a rate of fields or frames means.

    >>> _fields(Fraction(25)), _fields(Fraction(50))
    (Fraction(50, 1), Fraction(50, 1))
    """
    return 2 * rate if rate <= MOST_INTERLACED else rate


def _source_rate_bps(media: MediaInfo, grid: Grid) -> int:
    """Return the source's video rate, or what is left of the file's rate where the container is silent."""
    return media.video.rate_bps or int(media.size_bytes * 8 / grid.duration_s)


def _round(value: Fraction) -> int:
    """Return the nearest whole number, halves up: Python's own rounding goes to even.

    >>> _round(Fraction(5, 2)), _round(Fraction(7, 2))
    (3, 4)
    """
    return int((value + Fraction(1, 2)) // 1)


def _fps(rate: Fraction) -> str:
    """Return a rate for people.

    >>> _fps(Fraction(30000, 1001)), _fps(Fraction(25))
    ('29.97', '25')
    """
    return f"{float(rate):.2f}".rstrip("0").rstrip(".")
