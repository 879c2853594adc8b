"""The ladder: which renditions a source deserves, and why."""

from fractions import Fraction

from rugbytx.core.job.profile import Profile, Rung
from rugbytx.core.plan import encoder_recipe
from rugbytx.core.plan.plan import Rendition
from rugbytx.core.source.media_info import VideoStream

#: Above this the profile's rates for high motion hold: 50 and 60 frames a second show sport as it is.
HIGH_MOTION_ABOVE = Fraction(30)

#: At such rates a rendition of fewer lines shows every other frame: at its bits a sharp picture is
#: worth more than an even motion, except where it is the best there is.
FULL_RATE_FROM = 540
MOST_FRAME_STEP = 2

#: Sides that every hardware encoder takes.  A source beyond them is scaled, so that no plan is made that only
#: some hosts can do; ``core.media`` refuses shapes that are beyond both.
LEAST_SIDE = encoder_recipe.NVENC_LEAST_SIDE
MOST_SIDE = min(encoder_recipe.NVENC_MOST_SIDE, encoder_recipe.NVMPI_MOST_WIDTH)

#: A source this much taller than the next rung gets a rendition of its own size.
WELL_ABOVE = 1.15

#: How many bits H.264 needs for what one bit of the source's codec says.
H264_BITS_FOR = {"hevc": 1.6, "vp9": 1.6, "av1": 2.0, "mpeg2video": 0.6, "mjpeg": 0.3, "prores": 0.2}

#: Rates do not fall below this: a picture needs its headers.
LEAST_RATE_BPS = 64_000

#: A smaller picture needs fewer bits, but not in proportion to its pixels.
RATE_EXPONENT = 0.75

#: The rate controller may go this far above the average, and fill so many seconds of it.
PEAK_OVER_AVERAGE = 1.5
BUFFER_S = 2.0


def decide(
    video: VideoStream, profile: Profile, *, rate: Fraction, source_rate_bps: int
) -> tuple[tuple[Rendition, ...], tuple[str, ...]]:
    """Return the renditions, from the largest to the smallest, and a sentence for each choice.

    Nothing is scaled up, but for a source that is smaller than GPUs encode, and
    nothing gets more bits than the source can fill (``source_rate_bps``, 0 where
    unknown).  Every GPU host can make every rendition of a profile whose rungs
    are at least as high as that; a Jetson may take the tallest to its CPU.  A
    source that stands well above the largest rung that fits it keeps its own
    size on top, because throwing away a sixth of the picture is seen and storing
    it costs little.
    """
    width, height = _encodable(video.display_size)
    short = _even_below(min(width, height))
    rungs, notes = _fitting(profile, short)
    if (width, height) != video.display_size:
        shown = "x".join(map(str, video.display_size))
        notes.append(f"{shown} is brought to {width}x{height} at most: hardware encodes nothing beyond")
    renditions: list[Rendition] = []
    for rung in rungs:
        scale = Fraction(rung.height, min(width, height))
        size = (
            min(_even(width * scale), _even_below(width)),
            min(_even(height * scale), _even_below(height)),
        )
        step = MOST_FRAME_STEP if is_fast(rate) and rung.height < FULL_RATE_FROM and renditions else 1
        asked = rung.high_motion_rate_bps if is_fast(rate / step) else rung.rate_bps
        useful = _useful_rate_bps(video, source_rate_bps, size)
        given = max(LEAST_RATE_BPS, min(asked, useful) // 1000 * 1000)
        if given < asked:
            notes.append(
                f"{rung.height}p gets {given // 1000} kbit/s instead of {asked // 1000}: the source has no more"
            )
        renditions.append(
            Rendition(
                name=f"{rung.height}p",
                width=size[0],
                height=size[1],
                rate_bps=given,
                peak_bps=int(given * PEAK_OVER_AVERAGE),
                buffer_bits=int(given * BUFFER_S),
                frame_step=step,
            )
        )
        if step > 1:
            notes.append(f"{rung.height}p shows every other frame: it has less than {FULL_RATE_FROM} lines")
    return tuple(renditions), tuple(notes)


def _encodable(size: tuple[int, int]) -> tuple[int, int]:
    """Return the size within what every encoder takes that is nearest to ``size`` and has its shape.

    >>> _encodable((1920, 1080)), _encodable((8192, 1080)), _encodable((128, 96))
    ((1920, 1080), (3840, 506), (195, 146))
    """
    least, most = Fraction(LEAST_SIDE, min(size)), Fraction(MOST_SIDE, max(size))
    scale = min(max(Fraction(1), least), most)
    return round(size[0] * scale), round(size[1] * scale)


def is_fast(rate: Fraction) -> bool:
    """Return whether a rate is one of high motion.

    >>> is_fast(Fraction(30)), is_fast(Fraction(50))
    (False, True)
    """
    return rate > HIGH_MOTION_ABOVE


def _fitting(profile: Profile, short: int) -> tuple[list[Rung], list[str]]:
    """Return the rungs for a source whose shorter side is ``short``, and why."""
    fitting = [rung for rung in profile.rungs if rung.height <= short]
    dropped = [rung for rung in profile.rungs if rung.height > short]
    notes = [f"{rung.height}p is left out: the source has only {short} lines" for rung in dropped]
    if not dropped:
        return fitting, notes
    if not fitting or short >= fitting[0].height * WELL_ABOVE:
        fitting.insert(0, _between(short, dropped[-1], fitting[0] if fitting else None))
        below = f"well above {fitting[1].height}p" if len(fitting) > 1 else "below every rung"
        notes.append(f"{short}p keeps the source's own size: it stands {below}")
    return fitting, notes


def _between(height: int, upper: Rung, lower: Rung | None) -> Rung:
    """Return a rung of ``height`` whose rates lie on the line between its neighbours'."""
    low = (lower.height, lower.rate_bps, lower.high_motion_rate_bps) if lower else (0, 0, 0)
    part = Fraction(height - low[0], upper.height - low[0])
    return Rung.model_construct(
        height=height,
        rate_bps=int(low[1] + part * (upper.rate_bps - low[1])),
        high_motion_rate_bps=int(low[2] + part * (upper.high_motion_rate_bps - low[2])),
    )


def _useful_rate_bps(video: VideoStream, source_rate_bps: int, size: tuple[int, int]) -> int:
    """Return the rate beyond which a rendition of ``size`` could only store what the source lacks."""
    if not source_rate_bps:
        return 1 << 40
    share = Fraction(size[0] * size[1], video.width * video.height)
    factor = H264_BITS_FOR.get(video.codec, 1.0)
    return int(source_rate_bps * factor * min(1.0, float(share)) ** RATE_EXPONENT)


def _even(side: Fraction | float) -> int:
    """Return the even number nearest to ``side``: 4:2:0 pictures have no odd sides.

    >>> [_even(side) for side in (853.33, 480, 1, 607.5)]
    [854, 480, 2, 608]
    """
    return max(2, round(side / 2) * 2)


def _even_below(side: int) -> int:
    """Return the largest even number up to ``side``, and at least 2.

    >>> [_even_below(side) for side in (853, 480, 1)]
    [852, 480, 2]
    """
    return max(2, side // 2 * 2)
