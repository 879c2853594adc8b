"""Which objects may go, and when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rugbytx.core.job.job import Job, Outputs, Status
from rugbytx.core.output import retention
from rugbytx.core.output.result import Manifest, ManifestEntry
from tests.plans import PROFILE, SOURCE

ENDED_AT = 1_800_000_000.0
DAY_S = 24 * 3600.0


def outputs(generation: int) -> Outputs:
    """Return what a generation published."""
    return Outputs(
        master_key=f"out/j/g{generation}/master-f1.m3u8",
        manifest_key=f"out/j/g{generation}/manifest-f1.json",
        manifest_sha256="0" * 64,
        size_bytes=9,
        frames=750,
        duration_s=30.0,
        renditions=("720p",),
    )


def job(status: Status, **fields: object) -> Job:
    """Return a job in that state, which ended at ``ENDED_AT`` unless it is open."""
    whole = Job(
        id="j",
        generation=2,
        status=status,
        source=SOURCE,
        profile=PROFILE,
        submitted_at=0.0,
        deadline_at=3600.0,
        wake_at=0.0,
    )
    return whole.model_copy(update={"ended_at": None if whole.is_open else ENDED_AT, **fields})


TABLE = [
    # job, seconds since its end -> clean, reason, what is spared
    (None, DAY_S, True, "job-removed", None),
    (job(Status.QUEUED), DAY_S, False, "job-open", None),
    (job(Status.RUNNING, published=outputs(1)), 9 * DAY_S, False, "job-open", None),
    (job(Status.FAILED), DAY_S - 1, False, "ended-lately", None),
    (job(Status.SUCCEEDED, outputs=outputs(2)), DAY_S - 1, False, "ended-lately", None),
    (job(Status.FAILED), DAY_S, True, "job-ended", None),
    (job(Status.CANCELLED, published=outputs(1)), DAY_S, True, "job-ended", outputs(1)),
    (job(Status.SUCCEEDED, outputs=outputs(2)), DAY_S, True, "job-ended", outputs(2)),
    (
        job(Status.SUCCEEDED, outputs=outputs(2), published=outputs(1)),
        DAY_S,
        True,
        "job-ended",
        outputs(2),
    ),
]


@pytest.mark.parametrize(("seen", "passed_s", "cleans", "reason", "spared"), TABLE)
def test_table(seen: Job | None, passed_s: float, cleans: bool, reason: str, spared: Outputs | None) -> None:
    """Nothing of an open job goes, nor of one that ended within a day; else all but the newest manifest's."""
    decision = retention.decide(seen, now=ENDED_AT + passed_s)
    assert (decision.clean, decision.reason, decision.spared) == (cleans, reason, spared)


@given(st.floats(min_value=0, max_value=4e9))
def test_a_clean_up_falls_due_when_it_can_be_done(ended_at: float) -> None:
    """Not a moment too early, within the hour, and on the hour."""
    due_at = retention.due_at(ended_at)
    assert retention.decide(job(Status.FAILED, ended_at=ended_at), now=due_at).clean
    assert due_at - ended_at - retention.CLEAN_AFTER_S < 3600
    assert due_at % 3600 == 0


@given(st.floats(min_value=0, max_value=10 * DAY_S), st.sampled_from(list(Status)))
def test_what_is_lent_is_not_cleaned_up(passed_s: float, status: Status) -> None:
    """A retry and a clean-up never want the same objects, with an hour between them for the slow."""
    seen = job(status, outputs=outputs(2) if status is Status.SUCCEEDED else None)
    now = ENDED_AT + passed_s
    if retention.lends(seen, now=now):
        later = retention.decide(seen, now=now + 3599)
        assert not later.clean or later.spared == seen.outputs


def test_strays_are_what_the_manifest_does_not_name() -> None:
    """The manifest itself is no stray, and whatever else lies there is."""
    manifest = Manifest(
        job_id="j",
        generation=2,
        master_key="out/j/g2/master-f1.m3u8",
        entries=(
            ManifestEntry(key="out/j/g1/a", size_bytes=1, sha256="0", content_type="video/mp4"),
            ManifestEntry(key="out/j/g2/b", size_bytes=1, sha256="0", content_type="video/mp4"),
        ),
    )
    keys = ["out/j/g1/a", "out/j/g1/b", "out/j/g2/b", outputs(2).manifest_key, outputs(1).manifest_key]
    assert retention.strays(keys, manifest, outputs(2)) == ["out/j/g1/b", outputs(1).manifest_key]
    assert retention.strays(keys, None, None) == keys


def test_only_what_a_finished_look_said_stays() -> None:
    """What one that was cut off had written names no truth."""
    manifest = Manifest(job_id="j", generation=1, master_key="out/j/g1/m", entries=())
    keys = ["out/j/g1/quality-f1.json", "out/j/g1/quality-f2.json"]
    assert retention.strays(keys, manifest, None, look_fence=2) == keys[:1]
    assert retention.strays(keys, manifest, None) == keys
