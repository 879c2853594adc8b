"""A real player plays what was published: across joins and splices, in sync, to its end."""

import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest

from tests.player.chromium import Chromium
from tests.player.film import Film, Published, published
from tests.player.screening import REACH_S, Marks, Screening, screened

pytestmark = pytest.mark.process

DEMO_CLIP = Path(__file__).parents[3] / "shared" / "media" / "big-buck-bunny-480p-30s.mp4"

#: Three chunks of 2 s, and four of which the last two are another encoder's.
MATCHES = (
    Film(name="29.97 fps", rate=Fraction(30000, 1001), frames=186),
    Film(name="50 fps", rate=Fraction(50), frames=310),
    Film(name="spliced", rate=Fraction(25), frames=205, profiles=("high", "high", "main")),
)
#: One chunk, and one join.
LATE = Film(name="beeps 100 ms late", rate=Fraction(25), frames=60, beeps_late_s=0.1)
SHORT = Film(name="short", rate=Fraction(25), frames=110)

FILMS = (*MATCHES, SHORT, LATE)
#: More than any film takes on a busy machine.
MAKING_S = 120.0

Outputs = Callable[[str], Published]

#: How far a beep may be from its flash, and how much farther than another one.
APART_S = 0.050
DRIFT_S = 0.005
#: A stall that is the fault of a busy machine does not come again, and one of the outputs does each time.
TRIES = 3


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outputs]:
    """Return a function that gives the outputs of a film by its name; all are made meanwhile, two at a time."""

    def publish(film: Film, folder: Path) -> Published:
        return published(film.write(folder / "film.mp4"), folder, chunk_s=2.0, profiles=film.profiles)

    with ThreadPoolExecutor(2) as pool:
        made = {film.name: pool.submit(publish, film, tmp_path_factory.mktemp("film")) for film in FILMS}
        if DEMO_CLIP.is_file():
            folder = tmp_path_factory.mktemp("demo")
            made[DEMO_CLIP.name] = pool.submit(published, DEMO_CLIP, folder, chunk_s=10.0, profiles=("high",))
        yield lambda name: made[name].result(timeout=MAKING_S)
        pool.shutdown(cancel_futures=True)


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A film that was played to its end at its own speed; the page is still open."""

    film: Film
    outputs: Published
    screening: Screening
    wrong: list[str]
    stalls: int
    marks: Marks

    @property
    def undisturbed(self) -> bool:
        """Return whether picture and sound came without a break."""
        return not self.wrong and not self.stalls and len(self.marks.heard_s) == len(self.film.marks)


def assert_crossed(screening: Screening, join_s: float) -> None:
    """Assert that the player seeks back across a join, arrives on both sides of it, and plays on without a stall."""
    for _ in range(TRIES):
        before = screening.stalls
        arrived_s = screening.seek_back_across(join_s)
        assert arrived_s == pytest.approx([join_s + REACH_S, join_s - REACH_S], abs=0.05)
        if screening.stalls == before:
            return
    pytest.fail(f"the player stalls at {join_s:.3f} s each time")


@pytest.fixture(scope="module", params=MATCHES, ids=lambda film: film.name)
def watched(request: pytest.FixtureRequest, browser: Chromium, outputs: Outputs) -> Iterator[Watched]:
    """Return a film like a match's, watched to its end."""
    film: Film = request.param
    made = outputs(film.name)
    for tries_left in reversed(range(TRIES)):
        with screened(browser, made.master, made.grid) as screening:
            screening.attend().play()
            seen = Watched(
                film=film,
                outputs=made,
                screening=screening,
                wrong=screening.wrong(),
                stalls=screening.stalls,
                marks=screening.marks(),
            )
            if seen.undisturbed or not tries_left:
                yield seen
                return


def test_a_match_plays_to_its_end(watched: Watched) -> None:
    """Over two joins, or over two and a splice, without an error, a stall or a hole, and for as long as planned."""
    assert watched.wrong == []
    assert watched.stalls == 0
    assert watched.outputs.grid.chunks >= 3
    text = watched.outputs.master.with_name("180p-f1.m3u8").read_text(encoding="utf-8")
    assert text.count("#EXT-X-DISCONTINUITY\n") == len(set(watched.film.profiles)) - 1


def test_flash_and_beep_stay_together(watched: Watched) -> None:
    """Each frame is white or not as in the film, each beep is heard when its flash is due, and none drifts."""
    film, marks = watched.film, watched.marks
    white = {frame for mark in film.marks for frame in mark}
    assert {frame: frame in white for frame in marks.white} == marks.white
    assert all(any(marks.white.get(frame) for frame in mark) for mark in film.marks)
    assert marks.heard_s == pytest.approx(film.marks_s, abs=APART_S)
    late_s = [heard - mark for heard, mark in zip(marks.heard_s, film.marks_s, strict=True)]
    assert max(late_s) - min(late_s) < DRIFT_S


def test_seeking_back_across_each_join(watched: Watched) -> None:
    """The player arrives on both sides and plays on over the join, from the last join to the first."""
    for join_s in reversed(watched.outputs.joins_s):
        assert_crossed(watched.screening, join_s)


@pytest.mark.parametrize(("level", "heights"), [(0, (180, 90)), (1, (90, 180))], ids=["down", "up"])
def test_switching_the_level(watched: Watched, level: int, heights: tuple[int, int]) -> None:
    """At the first join, and on to the end over all that follow."""
    before, after = heights
    first_s, *_ = watched.outputs.joins_s
    screening = watched.screening.hold(1 - level)
    assert screening.switch(level, join_s=first_s) == ({before}, {after})
    assert screening.wrong() == []


def test_switching_the_level_down_and_up(browser: Chromium, outputs: Outputs) -> None:
    """What was there in the other level is dropped."""
    short = outputs(SHORT.name)
    [join_s] = short.joins_s
    with screened(browser, short.master, short.grid) as screening:
        assert screening.hold(1).switch(0, join_s=join_s) == ({180}, {90})
        assert screening.switch(1, join_s=join_s) == ({180}, {180})
        assert screening.wrong() == []


@pytest.mark.skipif(not DEMO_CLIP.is_file(), reason="the real footage is not beside the project")
def test_the_demo_clip_plays_to_its_end(browser: Chromium, outputs: Outputs) -> None:
    """Half a minute of a real film in three chunks: fast to its end, and at its own speed across the joins."""
    demo = outputs(DEMO_CLIP.name)
    assert len(demo.joins_s) == 2
    with screened(browser, demo.master, demo.grid) as screening:
        assert screening.fetch_all().play(rate=8).wrong() == []
        for join_s in reversed(demo.joins_s):
            assert_crossed(screening, join_s)


def test_late_beeps_are_heard(browser: Chromium, outputs: Outputs) -> None:
    """A film out of sync would be noticed."""
    late = outputs(LATE.name)
    with screened(browser, late.master, late.grid) as screening:
        heard_s = screening.attend().play().marks().heard_s
    assert all(heard - mark > APART_S for heard, mark in zip(heard_s, LATE.marks_s, strict=True))


def lose(chunk: Path) -> None:
    """Lose a whole chunk."""
    chunk.unlink()


def shift(chunk: Path) -> None:
    """Let every fragment begin a tenth of a second late."""
    body = bytearray(chunk.read_bytes())
    for found in re.finditer(rb"tfdt\x01\x00\x00\x00", bytes(body)):
        at = slice(found.end(), found.end() + 8)
        body[at] = (int.from_bytes(body[at]) + 1000).to_bytes(8)
    chunk.write_bytes(body)


def truncate(chunk: Path) -> None:
    """Cut a chunk off in its last segment."""
    body = chunk.read_bytes()
    chunk.write_bytes(body[: len(body) * 6 // 10])


@pytest.mark.parametrize(
    ("damage", "index", "sign"),
    [
        pytest.param(lose, 0, "fragLoadError", id="lost"),
        pytest.param(shift, 1, "bufferSeekOverHole|video is there", id="shifted"),
        pytest.param(truncate, 0, "bufferAppendingError|video is there", id="cut off, and more follows"),
        pytest.param(truncate, 1, "video is there", id="cut off at the end"),
    ],
)
def test_broken_outputs_do_not_pass(
    damage: Callable[[Path], None],
    index: int,
    sign: str,
    browser: Chromium,
    outputs: Outputs,
    tmp_path: Path,
) -> None:
    """Whatever becomes of one chunk in all renditions, the player complains or has not all of the film."""
    short = outputs(SHORT.name)
    shutil.copytree(short.master.parent, tmp_path / "out")
    for rendition in ("180p", "90p"):
        damage(tmp_path / "out" / rendition / f"{index:05d}-f1.mp4")
    with screened(browser, tmp_path / "out" / short.master.name, short.grid) as screening:
        wrong = screening.play(rate=4).wrong()
    assert any(re.search(sign, line) for line in wrong), wrong


def test_a_browser_plays_without_hls_js(browser: Chromium, outputs: Outputs) -> None:
    """If it can play HLS by itself, as Chromium has learnt to."""
    short = outputs(SHORT.name)
    with screened(browser, short.master, short.grid, native=True) as screening:
        screening.play(rate=4)
        assert screening.run("[rugbytx.hls, rugbytx.errors, rugbytx.ended]") == [None, [], True]
