"""The filter graph of a chunk: one decode, the chunk's frames, all sizes, for each recipe.

::

    x264, nvmpi, C   decode ─ fields ─ turn ─ fps ─ tpad ─ trim ─ split ─ scale, format ─ encode
    B                decode ─ fields ─ turn ─ fps ─ tpad ─ trim ─ upload ═ split ═ scale_cuda ═ encode
    A                decode ═ fps ═ trim ═ split ═ scale_cuda ═ encode

    ─ frames in memory, ═ frames on the GPU
"""

from collections.abc import Collection, Iterator

from rugbytx.core.plan import encoder_recipe, planner, thumbnails
from rugbytx.core.plan.encoder_recipe import Recipe
from rugbytx.core.plan.plan import Plan, Rendition
from rugbytx.core.plan.thumbnails import Picture
from rugbytx.core.source.media_info import VideoStream

#: Surfaces of the decoder's pool beyond its own need: filters and encoders hold some.
_EXTRA_SURFACES = 8

#: What a source's frames say of themselves and is not true of what is made of them, by the names of
#: ffmpeg's ``sidedata`` filter.  From 7 on encoders and muxers write what their frames carry.
UNTRUE = (
    "DISPLAYMATRIX",
    "MASTERING_DISPLAY_METADATA",
    "CONTENT_LIGHT_LEVEL",
    "DYNAMIC_HDR_PLUS",
    "ICC_PROFILE",
    "DOVI_RPU_BUFFER",
    "DOVI_METADATA",
    "DYNAMIC_HDR_VIVID",
    "AMBIENT_VIEWING_ENVIRONMENT",
)
#: Those that every ffmpeg knows from 5.1 on.
KNOWN_TO_ALL = frozenset(UNTRUE[:5])
#: Up to ffmpeg 6 the encoder's options name the colours of a stream, from 7 on its frames do.
COLOURS = "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
#: By the turn, clockwise, and whether top and bottom change places before it.
_TURNS = {
    (0, False): "",
    (90, False): "transpose=clock,",
    (180, False): "hflip,vflip,",
    (270, False): "transpose=cclock,",
    (0, True): "vflip,",
    (90, True): "transpose=cclock_flip,",
    (180, True): "hflip,",
    (270, True): "transpose=clock_flip,",
}


def input_options(recipe: Recipe) -> list[str]:
    """Return what stands before the input, so that frames are where the graph wants them."""
    match recipe:
        case Recipe.NVENC_A:
            return [
                *("-hwaccel", "cuda", "-hwaccel_output_format", "cuda"),
                *("-extra_hw_frames", str(_EXTRA_SURFACES)),
            ]
        case Recipe.NVENC_B:
            return ["-init_hw_device", "cuda=cu:0", "-filter_hw_device", "cu"]
        case _:
            return []


def graph(plan: Plan, index: int, recipe: Recipe, *, side_data: Collection[str] = KNOWN_TO_ALL) -> str:
    """Return the graph with an output ``[vN]`` for each rendition.

    ``side_data`` names the kinds that this ffmpeg's ``sidedata`` filter knows.
    """
    numbers = range(len(plan.renditions))
    video = plan.media.video
    head = [cut(plan, index, recipe)]
    if encoder_recipe.is_hdr(video):
        head.append(_tone_map(video))
    # After the tone mapping, which goes by some of it.
    head += [f"sidedata=mode=delete:type={kind}" for kind in UNTRUE if kind in side_data]
    if recipe is Recipe.NVENC_B:
        head.append("format=nv12,hwupload_cuda")
    stills = dict(_stills(plan, index, recipe))
    labels = [*(f"[s{n}]" for n in numbers), *(f"[{picture}0]" for picture in stills)]
    head.append(f"split={len(labels)}")
    first = f"[0:{video.index}]{','.join(head)}{''.join(labels)}"
    scale = _scale_on_gpu if recipe in {Recipe.NVENC_A, Recipe.NVENC_B} else _scale
    sizes = (f"{_thin(plan.renditions[n])}{scale(video, plan.renditions[n])}" for n in numbers)
    renditions = (f"[s{n}]{size},{COLOURS}[v{n}]" for n, size in enumerate(sizes))
    pictures = (f"[{picture}0]{filters}[{picture}]" for picture, filters in stills.items())
    # ffmpeg 5.1 writes what the source's track says of itself into whatever comes from a graph of one
    # input, its display matrix and its mastering display too.  A second input keeps it from that.
    return ";".join([first, *renditions, *pictures, f"[0:{video.index}]nullsink"])


def cut(plan: Plan, index: int, recipe: Recipe = Recipe.X264) -> str:
    """Return the filters that give exactly the frames of chunk ``index``, at their times in the film.

    ``fps`` lays the whole source's grid from time zero whatever the seek was, so
    that all chunks see one grid, and ``trim`` counts in its frames.  No ``setpts``
    may follow: in ffmpeg 7 it takes the rate away, and an encoder that does not
    know the rate gives the last frame no duration.  The last frame may be repeated
    twice: decoders disagree about how long it lasts.  That cannot be done on the
    GPU, which therefore does not get the last chunk.
    """
    frames = plan.grid.chunk_frames(index)
    rate = plan.grid.rate
    is_on_gpu = recipe is Recipe.NVENC_A
    last = "" if is_on_gpu else _last(plan.media.video)
    pad = "" if is_on_gpu else "tpad=stop=2:stop_mode=clone,"
    return (
        f"{_fields(plan.media.video)}{_upright(plan.media.video)}{last}{_apart(plan)}{move('setpts', plan)}"
        f"fps=fps={rate.numerator}/{rate.denominator}:start_time=0,{pad}"
        f"trim=start_pts={frames.start}:end_pts={frames.stop}"
    )


def _fields(video: VideoStream) -> str:
    """Return the filter that makes a frame of each field, or nothing.

    The order of fields is the container's where that is clear: frames without a
    flag of their own would else be taken for top field first.  MOV's ``tb`` and
    ``bt`` are not, because writers took QuickTime's words for them in two ways
    (ffmpeg's ticket 6577); there each frame's own flag counts.
    """
    if not video.is_interlaced:
        return ""
    parity = {"tt": "tff", "bb": "bff"}.get(video.field_order, "auto")
    return f"bwdif=mode=send_field:parity={parity}:deint=all,"


def _upright(video: VideoStream) -> str:
    """Return the filters that turn the picture as the plan says, or nothing.

    ffmpeg is told to leave it alone: its versions find unlike display matrices,
    the plan may be another's, and lines are fields no longer once they are columns.
    """
    return _TURNS[video.rotation, video.mirrored]


def _last(video: VideoStream) -> str:
    """Return the filter that keeps ``fps`` from leaving out the last frame, or nothing.

    Where an MP4's track begins late, ffmpeg ends it by as much too early: perhaps
    before the place that its last frame has on the grid.  A constant rate says
    where a further frame would be.
    """
    return "tpad=stop=1:stop_mode=clone," if video.start_s and planner.constant_rate(video) else ""


def _apart(plan: Plan) -> str:
    """Return the filter that keeps frames at least their rate apart, or nothing.

    What a decoder of B-frames still holds at the end of an AVI has no time of its
    own.  ffmpeg puts each a tick behind the one before, and the grid would leave some out.
    """
    rate = planner.constant_rate(plan.media.video)
    if rate is None or not plan.media.video.start_s or "avi" not in plan.media.container.split(","):
        return ""
    next_pts = f"PREV_OUTPTS+{rate.denominator}/{rate.numerator}/TB"
    return f"setpts='if(isnan(PREV_OUTPTS),PTS,max(PTS,{next_pts}))',"


def move(name: str, plan: Plan) -> str:
    """Return the filter, ``setpts`` or ``asetpts``, that moves a stream onto the grid, or nothing.

    By one constant in the stream's own ticks, so that no two frames change their distance.
    """
    return f"{name}=PTS+round({float(plan.grid.move_s):.6f}/TB)," if plan.grid.move_s else ""


def _thin(rendition: Rendition) -> str:
    """Return the filter that keeps the first of every so many frames; it only passes frames on, wherever they lie."""
    return f"framestep={rendition.frame_step}," if rendition.frame_step > 1 else ""


def _stills(plan: Plan, index: int, recipe: Recipe) -> Iterator[tuple[Picture, str]]:
    """Yield the chunk's still pictures, and the filters that make each from few of its frames.

    A poster is the frame whose histogram stands best for those of all GOPs of its
    chunk, and so hardly a black one or a flash.
    """
    stills = plan.stills
    if stills is None:
        return
    frames, gop = len(plan.grid.chunk_frames(index)), plan.grid.gop
    laid, video = thumbnails.sheet(stills, frames), plan.media.video
    small = _to_jpeg(video, stills.width, stills.height, recipe)
    yield (
        Picture.SHEET,
        f"framestep={stills.every},{small},tile={laid.columns}x{laid.rows}:nb_frames={laid.count}",
    )
    if index == stills.poster_chunk:
        large = _to_jpeg(video, stills.poster_width, stills.poster_height, recipe)
        # The filter takes two frames at least.
        best = f",thumbnail={-(-frames // gop)}" if frames > gop else ""
        yield Picture.POSTER, f"framestep={gop},{large}{best}"


def _to_jpeg(video: VideoStream, width: int, height: int, recipe: Recipe) -> str:
    """Return the filters that scale to the colours of JPEG: BT.601 in full range (JFIF 1.02)."""
    on_gpu = recipe in {Recipe.NVENC_A, Recipe.NVENC_B}
    down = f"scale_cuda={width}:{height}:format=nv12,hwdownload,format=nv12," if on_gpu else ""
    source = "bt709" if on_gpu or encoder_recipe.is_hdr(video) else matrix(video)
    return (
        f"{down}scale={width}:{height}:flags=area:in_color_matrix={source}"
        ":out_color_matrix=smpte170m:out_range=pc,setsar=1,format=yuvj420p"
    )


def _scale(video: VideoStream, rendition: Rendition) -> str:
    source = "bt709" if encoder_recipe.is_hdr(video) else matrix(video)
    return (
        f"scale={rendition.width}:{rendition.height}:flags=lanczos"
        f":in_color_matrix={source}:out_color_matrix=bt709:out_range=tv,setsar=1,format=yuv420p"
    )


def _scale_on_gpu(_video: VideoStream, rendition: Rendition) -> str:
    return f"scale_cuda={rendition.width}:{rendition.height}:format=nv12,setsar=1"


def _tone_map(video: VideoStream) -> str:
    """Return the filters from BT.2020 with high dynamic range to BT.709.

    What the source leaves unsaid is told: the scaler finds no way between
    colours that it does not know.
    """
    known = f"tin={video.colour_transfer}:pin=bt2020:min=bt2020nc"
    return (
        f"zscale={known}:t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,"
        "tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv,format=yuv420p"
    )


def is_bt709(video: VideoStream) -> bool:
    """Return whether the source's pixels are BT.709 in limited range, so that only their number changes."""
    return matrix(video) == "bt709" and not video.is_full_range


def matrix(video: VideoStream) -> str:
    """Return the name under which ffmpeg's scaler knows the source's colour matrix.

    Where the source does not say, players go by its size (HD is BT.709, the
    rest BT.601), and so do we; the scaler alone would take BT.601 for all.
    """
    match video.colour_space:
        case "bt709" | "smpte170m" | "smpte240m" | "fcc":
            return video.colour_space
        case "bt470bg":
            return "bt470"
        case "bt2020nc" | "bt2020c":
            return "bt2020"
        case _:
            return "bt709" if min(video.width, video.height) >= 720 else "smpte170m"
