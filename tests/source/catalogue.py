"""All kinds: what each camera does to the film, and how it is nevertheless to be seen."""

from dataclasses import replace
from fractions import Fraction

from tests.footage import UNEVEN
from tests.source.camera import (
    HEVC_10,
    UPRIGHT,
    dolby_vision,
    dv,
    hdr,
    interlaced,
    mpeg2_fields,
    pixels,
    sounding,
    turned,
    turned_by_itself,
    two_clocks,
)
from tests.source.film import Film
from tests.source.kind import (
    AAC,
    BT601,
    BT709,
    FIELDS,
    LONG,
    LONG_S,
    NAMED_601,
    NTSC,
    SHORT,
    TO_709,
    TO_BT601,
    TO_BT709,
    X264,
    Kind,
)

SILENCE = ("-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo")
OPEN_GOPS = ("-bf", "3", "-x264-params", "open-gop=1:b-pyramid=normal:b-adapt=0", "-g", "75")

KINDS = (
    Kind(name="a plain film", make=lambda place: place.plain("short.mp4", SHORT)),
    Kind(
        name="29.97 frames a second, B-pyramid, open GOPs",
        film=replace(LONG, rate=NTSC),
        make=lambda place: place.encode("open.mp4", replace(LONG, rate=NTSC), *OPEN_GOPS),
    ),
    Kind(
        name="phone turned right",
        film=UPRIGHT,
        make=turned("transpose=cclock", (0, 1, -1, 0)),
    ),
    Kind(name="phone upside down", make=turned("hflip,vflip", (-1, 0, 0, -1))),
    Kind(name="phone turned left", film=UPRIGHT, make=turned("transpose=clock", (0, -1, 1, 0))),
    Kind(name="mirrored: left and right", make=turned("hflip", (-1, 0, 0, 1))),
    Kind(name="mirrored: top and bottom", make=turned("vflip", (1, 0, 0, -1))),
    Kind(name="mirrored and turned", film=UPRIGHT, make=turned("transpose=cclock_flip", (0, 1, 1, 0))),
    Kind(
        name="phone turned by its pictures alone",
        film=UPRIGHT,
        make=turned_by_itself(),
        sound_from_s=None,
    ),
    Kind(
        name="phone turned by its keyframes alone",
        film=UPRIGHT,
        make=turned_by_itself(keyframes_alone=True),
        refused="it must be exported with its turn in the container",
    ),
    Kind(
        name="portrait, without a turn",
        film=UPRIGHT,
        make=lambda place: place.encode("portrait.mp4", UPRIGHT),
    ),
    Kind(
        name="phone with a variable rate",
        film=replace(LONG, rate=Fraction(30)),
        rate=NTSC,
        step=0,
        apart_s=0.06,
        # By way of Matroska: muxers of MP4 disagree about how long the last frame of an encode lasts.
        make=lambda place: place.copied(
            "vfr.mp4",
            place.encode(
                "vfr.mkv",
                replace(LONG, rate=Fraction(30)),
                *UNEVEN[2:],
                filters=f"{UNEVEN[1]},{TO_709}",
                sound=("-c:a", "pcm_s16le"),
            ),
            *AAC,
        ),
    ),
    Kind(
        name="120 frames a second",
        film=Film(rate=Fraction(120)),
        step=2,
        make=lambda place: place.encode("120.mp4", Film(rate=Fraction(120))),
    ),
    Kind(
        name="broadcast 50i: H.264 in MPEG-TS, top field first",
        first_held=2,
        film=replace(FIELDS, length_s=LONG_S),
        make=interlaced(replace(FIELDS, length_s=LONG_S), "50i.ts", "-g", "60"),
    ),
    Kind(
        name="59.94i: H.264 in Matroska, bottom field first",
        first_held=2,
        film=replace(SHORT, rate=2 * NTSC),
        make=interlaced(replace(SHORT, rate=2 * NTSC), "60i.mkv", top=False),
    ),
    Kind(name="50i: MPEG-2 4:2:2, bottom field first", film=FIELDS, make=mpeg2_fields),
    Kind(name="50i: DV in AVI", film=FIELDS, size=(240, 180), make=dv),
    Kind(
        name="10 bits: HEVC Main 10",
        make=pixels("main10.mp4", f"{TO_BT709},format=yuv420p10le", *HEVC_10),
    ),
    Kind(name="high dynamic range: HLG", colour_slack=40, make=hdr("arib-std-b67")),
    Kind(name="high dynamic range: PQ", colour_slack=40, make=hdr("smpte2084")),
    Kind(
        name="high dynamic range: PQ that names its screen and its room",
        colour_slack=40,
        make=hdr("smpte2084", lit=True),
    ),
    Kind(
        name="Dolby Vision without a base layer",
        make=dolby_vision,
        refused="Dolby Vision profile 5",
    ),
    Kind(
        name="full range",
        make=pixels("full.mp4", "scale=out_color_matrix=bt709:out_range=pc,format=yuvj420p", *X264, *BT709),
    ),
    Kind(
        name="standard definition whose colours nobody names",
        make=pixels("sd.mp4", f"{TO_BT601},format=yuv420p", *X264),
    ),
    Kind(
        name="standard definition that names BT.601",
        make=pixels("named.mp4", f"{TO_BT601},format=yuv420p,{NAMED_601}", *X264, *BT601),
    ),
    Kind(
        name="H.264 with B-frames copied into AVI",
        make=lambda place: place.copied(
            "copied.avi", place.encode("b-frames.mp4", LONG, "-bf", "2", sound=()), "-an"
        ),
        film=LONG,
        first_held=3,
        sound_from_s=None,
    ),
    Kind(
        name="4:2:2 in 10 bits: ProRes in MOV, with a timecode track",
        make=lambda place: place.encode(
            "prores.mov",
            SHORT,
            *("-timecode", "10:00:00:00"),
            filters=f"{TO_BT709},format=yuv422p10le",
            codec=("-c:v", "prores_ks", *BT709),
            sound=("-c:a", "pcm_s24le"),
        ),
    ),
    Kind(
        name="odd sides: 321x181",
        size=(320, 180),
        make=pixels(
            "odd.mp4", "scale=321:181:out_color_matrix=bt709:out_range=tv,format=yuv444p", *X264, *BT709
        ),
    ),
    Kind(
        name="pixels that are no squares: 240x180 as 16:9",
        make=pixels("wide.mp4", f"scale=240:180,{TO_709},setsar=4/3", *X264, *BT709),
    ),
    Kind(name="no audio", sound_from_s=None, make=sounding("silent.mp4")),
    Kind(name="audio in the centre of 5.1", make=sounding("surround.mp4", *AAC, "-af", "pan=5.1|FC=c0")),
    Kind(name="mono audio", make=sounding("mono.mp4", *AAC, "-ac", "1")),
    Kind(
        name="audio that begins late",
        sound_from_s=Fraction(3, 2),
        make=sounding("late.mp4", *AAC, "-af", "atrim=start=1.5"),
    ),
    Kind(
        name="three audio tracks, the second is the default one",
        make=sounding(
            "tracks.mp4",
            *(*AAC, "-t", "3.2", "-map", "0", "-map", "2", "-map", "1", "-map", "2"),
            *("-disposition:a", "0", "-disposition:a:1", "default"),
            inputs=SILENCE,
        ),
    ),
    Kind(
        name="Matroska of 24 frames a second whose clock begins with the audio",
        film=replace(LONG, rate=Fraction(24)),
        first_held=2,
        make=lambda place: place.encode("24.mkv", replace(LONG, rate=Fraction(24))),
    ),
    Kind(
        name="Matroska whose timestamps begin at ten hours",
        first_held=2,
        film=LONG,
        make=lambda place: place.copied(
            "hours.mkv", place.plain("long.mp4", LONG), "-output_ts_offset", "36000"
        ),
    ),
    Kind(
        name="MPEG-TS whose timestamps begin at ten hours",
        first_held=2,
        film=LONG,
        make=lambda place: place.copied(
            "hours.ts", place.plain("long.mp4", LONG), "-output_ts_offset", "36000"
        ),
    ),
    Kind(name="MPEG-TS whose clock is set anew in mid-film", first_held=2, film=LONG, make=two_clocks),
    Kind(
        name="MPEG-TS with PCM audio",
        make=lambda place: place.encode("pcm.m2ts", SHORT, sound=("-c:a", "pcm_bluray")),
    ),
    Kind(
        name="trimmed by an edit list",
        film=LONG,
        begins_s=Fraction(62, 25),
        make=lambda place: place.copied("cut.mp4", place.plain("long.mp4", LONG), before=("-ss", "2.48")),
    ),
    Kind(
        name="a picture that begins half a second after the audio",
        first_held=13,
        make=lambda place: place.encode(
            "afterwards.mkv",
            SHORT,
            *("-af", "adelay=480:all=1", "-fps_mode", "passthrough"),
            filters=f"setpts=PTS+0.48/TB,{TO_709}",
            sound=("-c:a", "pcm_s16le"),
        ),
    ),
)
