"""The report: what it says of a job, and what it keeps to itself."""

import json
from collections.abc import Mapping, Sequence

from rugbytx.core.job.job import Job, Status
from rugbytx.core.lease.result import TracksResult
from rugbytx.core.lease.unit import AUDIO, PLAN, PUBLISH, Kind, Measured, State, Unit, UnitKey
from rugbytx.core.plan.plan import Plan
from rugbytx.core.verify import job_report
from rugbytx.core.verify.before_publish import PublishCheck
from rugbytx.core.verify.job_report import JobReport
from tests.plans import PROFILE, SOURCE, small_plan
from tests.results import chunk, sound

PRIVATE = SOURCE.model_copy(update={"bucket": "club-uploads", "key": "final.mp4"})
GRID = small_plan(chunks=3).model_copy(update={"source": PRIVATE})
JOB = Job(
    id="7ad4",
    status=Status.RUNNING,
    source=PRIVATE,
    profile=PROFILE,
    submitted_at=1000.0,
    deadline_at=5000.0,
    wake_at=1600.0,
)
CHECK = PublishCheck(rule="frame-count", where="180p", expected="180", seen="180", passed=True)


def unit(key: UnitKey, result: Plan | TracksResult, **measured: object) -> Unit:
    """Return a finished unit that a worker called ``jetson-7`` made."""
    cost = {"worker": "jetson-7", "worker_class": "jetson", "started_at": 1030.0, "elapsed_s": 7.5}
    return Unit(
        key=key,
        generation=1,
        state=State.DONE,
        fence=1,
        measured=Measured.model_validate(cost | measured),
        result=result.model_dump_json(),
    )


def units(encoders: Sequence[str] = ("x264",) * 3) -> dict[UnitKey, Unit]:
    """Return the units of a job that is about to be published."""
    made = {
        UnitKey(Kind.VIDEO, index): unit(
            UnitKey(Kind.VIDEO, index),
            chunk(GRID, index, encoder=encoder),
            encoder=encoder,
            frames=60,
            bytes_read=100,
            bytes_written=1000,
            encode_s=6.25,
            ffmpeg="5.1.9",
            gpu="NVIDIA L4",
            driver="550.54",
        )
        for index, encoder in enumerate(encoders)
    }
    publishing = Unit(key=PUBLISH, generation=1, state=State.LEASED, fence=2)
    return {
        PLAN: unit(PLAN, GRID, bytes_read=1000),
        AUDIO: unit(AUDIO, sound(GRID)),
        PUBLISH: publishing,
        **made,
    }


def built(found: Mapping[UnitKey, Unit]) -> JobReport:
    """Return the report, having gone through its JSON."""
    whole = job_report.build(JOB, GRID, found, gates=[CHECK], warnings=["0.5 s are missing"], target_s=6)
    return JobReport.model_validate_json(whole.model_dump_json())


def test_it_says_what_was_made_by_whom_and_how() -> None:
    """Units in the order of the work, tracks with their figures, and the checks."""
    made = built(units())
    assert [one.unit for one in made.units] == ["PLAN", "AUDIO", "VIDEO#00000", "VIDEO#00001", "VIDEO#00002"]
    video = made.units[2]
    assert (video.encoder, video.ffmpeg, video.frames) == ("x264", "5.1.9", 60)
    assert (video.wait_s, video.elapsed_s, video.encode_s) == (30.0, 7.5, 6.25)
    assert [track.name for track in made.tracks] == ["180p", "90p", "audio"]
    top = made.tracks[0]
    assert (top.samples, top.keyframes, top.segments, top.files) == (180, 9, 3, 3)
    assert top.planned_average_bps == GRID.renditions[0].rate_bps
    assert top.measured_peak_bps >= top.measured_average_bps > 0
    assert [(one.picture, one.samples, one.keyframes, one.first_s, one.last_s) for one in top.chunks] == [
        ("320x180", 60, 3, 0.0, 5.9),
        ("320x180", 60, 3, 6.0, 11.9),
        ("320x180", 60, 3, 12.0, 17.9),
    ]
    assert {(one.codec, one.size_bytes) for one in top.chunks} == {("avc1.64001f", 640)}
    assert (video.gpu, video.driver) == ("NVIDIA L4", "550.54")
    assert made.gates == (CHECK,)
    assert made.grid == GRID.grid
    assert made.notes == GRID.notes


def test_the_sound_lies_where_the_picture_does() -> None:
    """But for the encoder's priming, and a part of a frame at its end."""
    offset = built(units()).sound_offset
    assert offset
    assert offset.begins_s == -0.021333
    assert 0 <= offset.ends_s <= 0.0214


def test_the_source_is_counted_as_often_as_it_was_read() -> None:
    """1000 bytes by the plan, 300 by the chunks."""
    made = built(units())
    assert (made.bytes_read, made.source_reads) == (1300, 1.3)
    assert made.bytes_written == 3000


def test_warnings_are_told_and_fail_nothing() -> None:
    """What is known of the source, splices, attempts."""
    found = units(("x264", "nvenc", "nvenc"))
    key = UnitKey(Kind.VIDEO, 2)
    found[key] = found[key].model_copy(update={"verdicts": 1, "deaths": 1})
    made = built(found)
    assert made.splices_s == (6.0,)
    assert made.warnings == (
        "0.5 s are missing",
        "VIDEO#00002 needed 3 attempts",
        "unlike encoders meet at 6 s",
    )


def test_a_rate_that_was_not_asked_for_is_worth_a_warning() -> None:
    """So is a peak that players do not expect."""
    found = units()
    key = UnitKey(Kind.VIDEO, 1)
    heavy = chunk(GRID, 1)
    [segment] = heavy.files[0].segments
    larger = heavy.files[0].model_copy(
        update={"segments": (segment.model_copy(update={"size_bytes": 900_000}),)}
    )
    found[key] = unit(key, heavy.model_copy(update={"files": (larger, *heavy.files[1:])}))
    assert [sentence for sentence in built(found).warnings if sentence.startswith("180p")] == [
        "180p peaks at 3.0 times its average rate, and players expect at most 2",
        "180p has 400 kbit/s on average, and 300 were asked for",
    ]


def test_it_names_no_place_and_no_host() -> None:
    """Outputs may be public."""
    text = json.dumps(built(units()).model_dump(mode="json"))
    for private in ("jetson-7", "club-uploads", "final.mp4"):
        assert private not in text
