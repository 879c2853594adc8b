"""Each recipe's command to the letter, and every option's name against ffmpeg's own tables.

No GPU runs these tests.  What the NVENC recipes ask for is held against golden
files, a word a line, and their options against what this ffmpeg says of
``h264_nvenc`` and of its filters, which it does without a GPU.  ``h264_nvmpi``
is in no ordinary build: its options are held against the list of the patches
(gjrtimmer/jetson-ffmpeg, ``nvmpi_enc.c``).
"""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from rugbytx.core.plan.encoder_family import Family
from rugbytx.core.plan.encoder_recipe import Recipe
from rugbytx.core.plan.plan import Plan
from rugbytx.core.plan.thumbnails import Picture
from rugbytx.media import version
from rugbytx.media.encode import command_line, filter_graph
from rugbytx.media.encode.encoder_options import X264, Encoders
from rugbytx.media.encode.encoder_trial import FRAMES, PICTURE
from tests.gpu_plan import gpu_plan

GOLDEN = Path(__file__).parents[1] / "golden"
SOURCE = Path("/scratch/match.mp4")
OUTPUTS = [Path("/scratch/180p.mp4"), Path("/scratch/90p.mp4")]
PICTURES = {Picture.SHEET: Path("/scratch/sheet.jpg"), Picture.POSTER: Path("/scratch/poster.jpg")}

#: What h264_nvmpi knows besides ffmpeg's common options.
NVMPI_OPTIONS = {"-profile", "-level", "-rc", "-preset", "-num_capture_buffers", "-max_perf"}

#: Switches of ffmpeg's that are used the other way round.
NEGATED = {"-nostdin", "-nostats", "-noaccurate_seek", "-noautorotate"}

HDR = gpu_plan(
    codec="hevc", pixel_format="yuv420p10le", colour_transfer="arib-std-b67", colour_space="bt2020nc"
)
COMMANDS = {
    **{
        recipe.replace("/", "-"): command_line.chunk(
            gpu_plan(), 1, SOURCE, OUTPUTS, pictures=PICTURES, recipe=recipe
        )
        for recipe in Recipe
    },
    "nvenc-B-hdr": command_line.chunk(HDR, 1, SOURCE, OUTPUTS, pictures=PICTURES, recipe=Recipe.NVENC_B),
    "x264-hdr": command_line.chunk(HDR, 1, SOURCE, OUTPUTS, pictures=PICTURES, recipe=Recipe.X264),
    **{
        f"trial-{family}": command_line.trial(
            Encoders().of(family), PICTURE, Path("/scratch/trial.mp4"), frames=FRAMES, ffmpeg="ffmpeg"
        )
        for family in Family
    },
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_recipe_is_what_its_golden_file_says(name: str) -> None:
    """A change of a command is a change of its file, seen by whoever reads the change."""
    assert "\n".join(COMMANDS[name]) + "\n" == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_every_golden_file_belongs_to_a_command() -> None:
    """None is left over from a recipe that is gone."""
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(COMMANDS)


@pytest.mark.parametrize("recipe", Recipe)
def test_parameter_sets_are_in_band_in_every_family(recipe: Recipe) -> None:
    """Without them a player that comes from a chunk of another encoder decodes garbage."""
    argv = command_line.chunk(gpu_plan(), 1, SOURCE, OUTPUTS, pictures=PICTURES, recipe=recipe)
    assert argv.count("dump_extra=freq=keyframe") == len(OUTPUTS)


def test_only_the_gpu_recipes_ask_for_a_gpu() -> None:
    """The x264 and nvmpi commands would not start on a host without CUDA otherwise."""
    for recipe in (Recipe.X264, Recipe.NVMPI):
        assert "cuda" not in " ".join(
            command_line.chunk(gpu_plan(), 1, SOURCE, OUTPUTS, pictures=PICTURES, recipe=recipe)
        )


@cache
def ask(*arguments: str) -> str:
    """Return what this ffmpeg says of itself."""
    argv = ["ffmpeg", "-hide_banner", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout


def private(encoder: str) -> set[str]:
    """Return the names of an encoder's own options."""
    return set(re.findall(r"^ +(-[\w-]+) +<", ask("-h", f"encoder={encoder}"), flags=re.MULTILINE))


def common() -> set[str]:
    """Return the names of the options of ffmpeg itself, of every codec and format, and of the MP4 muxer."""
    program, *sections = re.split(r"^(?=.* AVOptions:$)", ask("-h", "full"), flags=re.MULTILINE)
    shared = [one for one in sections if one.startswith(("AVCodecContext", "AVFormatContext"))]
    told = "".join([program, *shared, ask("-h", "muxer=mp4")])
    return set(re.findall(r"^ *(-[\w-]+)(?=[ :[]|$)", told, flags=re.MULTILINE))


def plain(option: str) -> str:
    """Return an option's name in the tables: ``-profile`` for ``-profile:v``, ``-stats`` for ``-nostats``."""
    name = option.partition(":")[0]
    return name.replace("-no", "-", 1) if name in NEGATED else name


def options(argv: list[str]) -> list[str]:
    """Return the words of a command that are options: values may be negative numbers."""
    return [word for word in argv if re.match(r"-[a-z]", word)]


@pytest.mark.process
@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_one_that_ffmpeg_knows(name: str) -> None:
    """Else the whole command is refused, and looks like missing hardware."""
    argv = COMMANDS[name]
    encoder = argv[argv.index("-c:v") + 1]
    own = NVMPI_OPTIONS if encoder == "h264_nvmpi" else private(encoder)
    known = own | common() | {"-i"}  # ``-i`` stands in the usage line
    assert [word for word in options(argv) if plain(word) not in known] == []


@pytest.mark.process
def test_nvenc_takes_each_value_that_is_a_word() -> None:
    """``-preset p5`` is a name in the encoder's table, and so are the others."""
    table = ask("-h", "encoder=h264_nvenc")
    argv = COMMANDS["nvenc-A"]
    for option in ("-preset", "-tune", "-rc", "-multipass", "-b_ref_mode", "-profile:v"):
        name, value = re.escape(plain(option)), argv[argv.index(option) + 1]
        section = re.search(rf"^  {name} .*\n((?:     .*\n)*)", table, flags=re.MULTILINE)
        assert section, option
        assert re.search(rf"^     {value} ", section[1], flags=re.MULTILINE), (option, value)


@pytest.mark.process
@pytest.mark.parametrize(
    ("name", "recipe", "plan"),
    [
        ("A", Recipe.NVENC_A, gpu_plan()),
        ("B", Recipe.NVENC_B, gpu_plan()),
        ("C", Recipe.NVENC_C, gpu_plan()),
        ("B, HDR", Recipe.NVENC_B, HDR),
    ],
)
def test_every_filter_and_its_options_are_known(name: str, recipe: Recipe, plan: Plan) -> None:
    """By their names in this ffmpeg's own tables."""
    text = re.sub(r"\[\w+(:\d+)?\]", "", filter_graph.graph(plan, 1, recipe))
    for word in re.split("[,;]", text):
        filter_name, _, told = word.partition("=")
        table = ask("-h", f"filter={filter_name}")
        assert "Unknown filter" not in table, name
        named = [part.partition("=")[0] for part in told.split(":") if "=" in part]
        known = set(re.findall(r"^ +(\w+) +<", table, flags=re.MULTILINE))
        assert [option for option in named if option not in known] == [], word


@pytest.mark.process
def test_frames_on_a_gpu_would_not_pass_tpad() -> None:
    """Which is why recipe A does not get the last chunk: ffmpeg 5.1's tpad takes only formats that it could draw in.

    All other filters of recipe A take whatever there is, in every version.  Frames on a GPU cannot be had here; a palette's are of a kind that it cannot draw in either.
    """
    argv = [
        *(
            "ffmpeg",
            "-nostdin",
            "-loglevel",
            "verbose",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=64x64:d=0.2,format=pal8",
        ),
        *("-vf", "{},format=pal8", "-f", "null", "-"),
    ]
    inserted = {}
    for filters in (
        f"fps=25:start_time=0,trim=end_pts=3,sidedata=mode=delete:type=ICC_PROFILE,split=1,setsar=1,{filter_graph.COLOURS}",
        "tpad=stop=2:stop_mode=clone",
    ):
        words = [word.format(filters) for word in argv]
        done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
        inserted[filters.partition("=")[0]] = len(re.findall("auto-inserting filter", done.stderr))
    # One is before the source's own format, in both.
    is_old = version.release(version.read("ffmpeg")) == "5.1"
    assert inserted == {"fps": 1, "tpad": 3 if is_old else 1}


def test_x264_profiles_have_unlike_headers_by_choice() -> None:
    """So that two classes of the local system stand for two encoders."""
    assert X264(profile="main").options(PICTURE, gop=30) != X264(profile="high").options(PICTURE, gop=30)
