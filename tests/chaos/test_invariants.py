"""The judge is judged: each promise, broken on purpose, is noticed, and a harmless run is not blamed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.chaos import invariants
from tests.chaos.footage import Film
from tests.chaos.killer import Hit
from tests.chaos.schedule import Kind, Moment
from tests.chaos.watch import JOB, Change, Held
from tests.chaos.weather import Gale

FILM = Film(path=Path("film.mp4"), profile="chaos", units=4)
BAD = Film(path=Path("bad.mp4"), profile="chaos", units=0, is_bad=True)
SLOTS = {"a": 0, "b": 1}


def changes(*writes: tuple[float, str, Mapping[str, Any]]) -> list[Change]:
    """Return the changes that these writes make, each on top of the one before of the same record."""
    stands: dict[str, dict[str, Any]] = {}
    made = []
    for at, name, fields in writes:
        before = stands.get(name, {})
        after = stands[name] = {**before, **fields}
        made.append(Change(at=at, job_id="j", name=name, generation=1, before=before, after=after))
    return made


def claim(owner: str, fence: int) -> dict[str, Any]:
    """Return what a claim writes."""
    return {"state": "LEASED", "owner": owner, "fence": fence}


DONE = {"state": "DONE", "owner": "", "result": "r"}
WAITING = {"state": "WAITING", "owner": "", "verdicts": 1, "reason": "S3 broke off"}


def hit(at: float, *, kind: Kind = Kind.KILL_MAIN, owner: str = "a", until: float | None = None) -> Hit:
    """Return a blow to a worker that holds the first chunk."""
    return Hit(
        at=at,
        until=until or at,
        slot=SLOTS[owner],
        owner=owner,
        kind=kind,
        moment=Moment.ENCODING,
        in_time=True,
        held=Held(job_id="j", name="VIDEO#00000", fence=1, lease_until=0.0),
    )


def test_a_kill_may_cost_one_unit() -> None:
    """The unit that the killed worker had is redone, and that is all."""
    seen = changes(
        (1, "VIDEO#00000", claim("a", 1)), (9, "VIDEO#00000", claim("b", 2)), (11, "VIDEO#00000", DONE)
    )
    redos = invariants.redone(seen, SLOTS)
    assert invariants.doubled(seen) == []
    assert [(redo.name, redo.fence, redo.slot) for redo in redos] == [("VIDEO#00000", 1, 0)]
    assert invariants.unexplained(redos, [hit(2)], []) == []
    [takeover] = invariants.takeovers(seen, [hit(2)], [], SLOTS)
    assert (takeover.claimed_s, takeover.progress_s, takeover.is_disturbed) == (7, 9, False)
    assert invariants.slow([takeover], lease_s=6) == []
    [sentence] = invariants.slow([takeover], lease_s=-7)
    assert "went on 9.0 s after kill-main" in sentence


def test_a_kill_may_not_cost_two_units() -> None:
    """Neither a second unit, nor one of another slot, nor one from before the kill."""
    for owner, at in (("a", 3.0), ("b", 1.0), ("a", -9.0)):
        seen = changes(
            (1, "VIDEO#00000", claim("a", 1)),
            (9, "VIDEO#00000", claim("b", 2)),
            (at, "VIDEO#00001", claim(owner, 1)),
            (at + 0.5, "VIDEO#00001", WAITING),
            (at + 0.6, "VIDEO#00001", claim("b", 2)),
        )
        redos = invariants.redone(seen, SLOTS)
        [sentence] = invariants.unexplained(redos, [hit(2)], [])
        assert "nothing befell that slot" in sentence


def test_a_storm_accounts_for_one_unit_of_its_slot_if_it_hurt_anything() -> None:
    """A storm in which no request was hurt explains nothing."""
    seen = changes(
        (1, "AUDIO", claim("a", 1)), (2, "AUDIO", WAITING), (5, "AUDIO", claim("b", 2)), (6, "AUDIO", DONE)
    )
    redos = invariants.redone(seen, SLOTS)
    for slot, hurt, explains in ((0, 1, True), (0, 0, False), (1, 1, False)):
        gale = Gale(name="503", slot=slot, at=1.5, until=3, hurt=hurt)
        assert (invariants.unexplained(redos, [], [gale]) == []) is explains


def test_whatever_is_done_twice_or_undone_is_noticed() -> None:
    """A second commit, a fence that falls, a result that changes, a job that ends twice."""
    begin = [(1.0, "AUDIO", claim("a", 1)), (2.0, "AUDIO", DONE)]
    ended = {"job_status": "SUCCEEDED", "outputs": "o"}
    for writes, words in (
        ([*begin, (3.0, "AUDIO", claim("b", 2))], "was done under fence 1, and changed"),
        ([*begin, (3.0, "AUDIO", claim("b", 2)), (4.0, "AUDIO", DONE)], "was committed 2 times"),
        ([*begin, (3.0, "AUDIO", {"result": "s"})], "was done under fence 1, and changed"),
        ([(1.0, "AUDIO", claim("a", 2)), (2.0, "AUDIO", claim("b", 1))], "fell from 2 to 1"),
        (
            [(1.0, JOB, {"job_status": "RUNNING"}), (2.0, JOB, ended), (3.0, JOB, {"outputs": "p"})],
            "was SUCCEEDED and changed",
        ),
    ):
        assert any(words in sentence for sentence in invariants.doubled(changes(*writes)))
    assert invariants.doubled(changes(*begin, (3.0, JOB, {"job_status": "RUNNING"}), (4.0, JOB, ended))) == []


def test_a_job_that_did_not_end_as_it_should_is_lost() -> None:
    """An open one, a failed good one, a bad one that succeeded, has no sentence, or was tried again."""
    reason = "the source is not a video"
    tried_again = changes(
        (1, "PLAN", claim("a", 1)), (2, "PLAN", {**WAITING, "reason": reason}), (3, "PLAN", claim("a", 2))
    )
    for film, status, why, seen, is_lost in (
        (FILM, "RUNNING", "", [], True),
        (FILM, "FAILED", "ffmpeg failed", [], True),
        (FILM, "SUCCEEDED", "", [], False),
        (BAD, "SUCCEEDED", "", [], True),
        (BAD, "FAILED", "", [], True),
        (BAD, "FAILED", reason, tried_again, True),
        (BAD, "FAILED", reason, [], False),
    ):
        job = {"job_status": status, "reason": why, "wake_at": 9, "submitted_at": 1}
        assert bool(invariants.lost({"j": job}, {"j": film}, seen)) is is_lost


def test_only_what_the_manifest_names_and_a_finished_look_may_stay() -> None:
    """Everything else is stray."""
    keys = {"j": ["out/j/g1/a-f1.mp4", "out/j/g1/a-f2.mp4", "out/j/g1/quality-f1.json"]}
    named = {"j": frozenset({"out/j/g1/a-f2.mp4"})}
    look = changes((1, "CHECK", claim("a", 1)), (2, "CHECK", DONE))
    assert invariants.stray(keys, named, look) == ["out/j/g1/a-f1.mp4"]
    assert invariants.stray(keys, {}, []) == keys["j"]
