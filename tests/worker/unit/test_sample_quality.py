"""Looking at what was published: after the job's end, in nobody's way, and with an alarm where it is bad."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from rugbytx.core.job.job import Job, Pointer, Status
from rugbytx.core.lease.result import Metric, Quality, WindowReason
from rugbytx.core.lease.unit import CHECK, State
from rugbytx.core.plan.plan import Plan
from rugbytx.core.verify import sampled_quality
from rugbytx.core.verify.sampled_quality import Scores
from rugbytx.errors import TranscodeError
from rugbytx.ports import Pulse
from rugbytx.worker.shutdown.drain import Leave
from tests.fakes.media import FakeMedia
from tests.footage import film
from tests.published import SmallMedia, publish
from tests.worker.world import BUCKET, Call, World


class BadJoins(FakeMedia):
    """An encoder whose chunks begin badly: the middle third of every window of a join is worse."""

    def compare(
        self, plan: Plan, frames: range, source: Path, made: Path, *, first: int, pulse: Pulse
    ) -> Scores:
        """Find the middle of every window bad."""
        super().compare(plan, frames, source, made, first=first, pulse=pulse)
        third = len(frames) // 3
        rest = len(frames) - 2 * third
        return Scores(metric=Metric.SSIM, values=(0.97,) * third + (0.9,) * rest + (0.97,) * third)


def looked(world: World) -> Quality | None:
    """Return what was found."""
    return sampled_quality.quality_of(world.store.units.read(world.job_id, 1))


def told(world: World) -> list[str]:
    """Return the keys under which something is told of the samples."""
    return [key for _, key in world.storage.puts if "/quality-" in key]


def test_a_published_job_is_looked_at(tmp_path: Path) -> None:
    """What was found stands beside the outputs and on the unit, and survives the clean-up."""
    world = World(tmp_path)
    world.submit()
    assert world.run_until_ended().status is Status.SUCCEEDED
    found = looked(world)
    assert found
    assert (found.metric, found.mean, found.alarms) == (Metric.SSIM, 1.0, ())
    assert told(world) == ["out/7ad4/g1/quality-f1.json"]
    assert Quality.model_validate_json(world.storage.get(BUCKET, told(world)[0])) == found
    world.clean_up()
    assert world.storage.head(BUCKET, told(world)[0])


def test_the_job_has_ended_by_then(tmp_path: Path) -> None:
    """Nobody waits for a look, and its unit counts for none of the plan's."""
    ended: list[Job] = []

    def watch(call: Call) -> Any:
        if call.name == "media.compare":
            ended.append(world.job())
        return call.do()

    world = World(tmp_path, on_call=watch)
    world.submit()
    job = world.run_until_ended()
    assert ended
    assert {seen.status for seen in ended} == {Status.SUCCEEDED}
    assert str(CHECK) not in job.done
    assert len(job.done) == job.units


def test_no_look_while_others_wait(tmp_path: Path) -> None:
    """Another job's message is worth more."""
    world = World(tmp_path)
    world.submit()
    world.queue.send([Pointer(job_id="other", generation=1)])
    world.deliver()
    assert world.job().status is Status.SUCCEEDED
    assert CHECK not in world.store.units.read(world.job_id, 1)
    assert told(world) == []


def test_no_look_without_the_source(tmp_path: Path) -> None:
    """A lane that only published has not downloaded it, and does not for this."""

    def interrupt(call: Call) -> Any:
        if call.name == "store.units.claim" and str(call.args[1]) == "PUBLISH":
            world.notice.give(Leave.NOW)
        return call.do()

    world = World(tmp_path, on_call=interrupt)
    world.submit()
    world.deliver()
    assert world.job().is_open
    world.ports = replace(
        World(tmp_path).ports, store=world.store, queue=world.queue, storage=world.storage, media=world.media
    )
    world.deliver()
    assert world.job().status is Status.SUCCEEDED
    assert CHECK not in world.store.units.read(world.job_id, 1)


def test_a_bad_join_raises_an_alarm(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With its fields in the log, and on the unit for `rugbytx status`."""
    world = World(tmp_path)
    world.ports = replace(world.ports, media=BadJoins())
    world.submit()
    with caplog.at_level(logging.INFO, logger="rugbytx.worker.unit.sample_quality"):
        assert world.run_until_ended().status is Status.SUCCEEDED
    found = looked(world)
    assert found
    assert found.alarms == ("the join at 6 s has ssim 0.9, and beside it are 0.97",)
    [alarm] = [record for record in caplog.records if record.message == "quality-alarm"]
    assert alarm.levelno == logging.WARNING
    assert vars(alarm)["reason"] == found.alarms[0]
    assert vars(alarm)["job_id"] == world.job_id


def test_a_look_that_fails_harms_nobody(tmp_path: Path) -> None:
    """The unit carries the reason, the job stays as it is, and the message is gone."""

    def broken(call: Call) -> Any:
        if call.name == "media.compare":
            raise TranscodeError("the filter is missing")
        return call.do()

    world = World(tmp_path, on_call=broken)
    world.submit()
    assert world.run_until_ended().status is Status.SUCCEEDED
    unit = world.store.units.read(world.job_id, 1)[CHECK]
    assert (unit.state, unit.reason) == (State.WAITING, "the filter is missing")
    assert list(world.untrue()) == []
    depth = world.queue.depth()
    assert depth.visible + depth.in_flight == 0


def test_a_worker_that_is_to_leave_leaves_the_look(tmp_path: Path) -> None:
    """It is given back uncharged, and nobody makes up for it."""

    def leave(call: Call) -> Any:
        if call.name == "media.compare":
            world.notice.give(Leave.NOW)
        return call.do()

    world = World(tmp_path, on_call=leave)
    world.submit()
    world.deliver()
    unit = world.store.units.read(world.job_id, 1)[CHECK]
    assert (unit.state, unit.verdicts) == (State.WAITING, 0)
    assert world.job().status is Status.SUCCEEDED
    assert not world.deliver(), "the message is acknowledged"


def test_time_that_is_spent_ends_the_look(tmp_path: Path) -> None:
    """After the window in work, and the rest is counted as left out."""
    world = World(tmp_path)
    world.settings = world.settings.model_copy(update={"check_s": 1e-9})
    world.submit()
    world.run_until_ended()
    found = looked(world)
    assert found
    assert (len(found.samples), found.left_out) == (1, 6)


@pytest.mark.process
def test_real_outputs_are_like_their_source(tmp_path: Path) -> None:
    """Through the splice, from byte ranges of the bucket."""
    source = film(tmp_path / "film.mp4", length_s=13)
    world = World(tmp_path)
    publish(world, source, SmallMedia(profiles=("high", "main")), chunk_s=6.0)
    found = looked(world)
    assert found
    assert [sample.place for sample in found.samples][:2] == [WindowReason.START, WindowReason.SPLICE]
    assert found.left_out == 0
    assert found.worst > 0.9
    assert found.alarms == ()


@dataclass(frozen=True, kw_only=True)
class BadChunk(SmallMedia):
    """An encoder whose second chunk shows other frames than its own, all else being as planned."""

    #: By how many frames its content is late.
    late: int = 0
    #: A filter over it.
    filter: str = "null"

    def changed(self, argv: Sequence[str], plan: Plan, index: int) -> Sequence[str]:
        """Cut the second chunk wrongly."""
        if index != 1:
            return argv
        frames = plan.grid.chunk_frames(index)
        rate = plan.grid.rate
        before = f"trim=start_pts={frames.start}:end_pts={frames.stop}"
        # The frames keep their places in the film; `fps` names the rate again, which `setpts` takes away.
        after = (
            f"trim=start_pts={frames.start - self.late}:end_pts={frames.stop - self.late},"
            f"setpts=PTS+{self.late},fps={rate.numerator}/{rate.denominator},{self.filter}"
        )
        assert sum(before in word for word in argv) == 1
        return [word.replace(before, after) for word in argv]


@pytest.mark.process
@pytest.mark.parametrize(
    ("media", "alarm"),
    [
        (BadChunk(late=1), "the join at 6 s shows the source's frames behind it 1 too late"),
        (BadChunk(late=12), "the join at 6 s shows the source's frames behind it 12 too late"),
        (
            BadChunk(filter="drawbox=t=fill:color=black:enable='lt(n,1)'"),
            "the join at 6 s has a frame of ssim 0.1",
        ),
    ],
    ids=["1 late", "12 late", "a black frame"],
)
def test_a_chunk_that_shows_other_frames_raises_an_alarm(tmp_path: Path, media: BadChunk, alarm: str) -> None:
    """Its boxes are as planned, so no gate can tell."""
    world = World(tmp_path)
    publish(world, film(tmp_path / "film.mp4", length_s=13), media, chunk_s=6.0)
    found = looked(world)
    assert found
    assert any(sentence.startswith(alarm) for sentence in found.alarms), found.alarms
