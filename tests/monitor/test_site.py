"""The Jobs pages over HTTP, on a system of fakes."""

import json
import re
from collections.abc import Iterator

import pytest

from rugbytx.aws.sqs import event_parser
from rugbytx.core.fleet.presence import Worker
from rugbytx.core.job.job import Job, Status
from rugbytx.core.lease.unit import PLAN
from rugbytx.monitor.app import Monitor
from rugbytx.monitor.cache import PAGE
from tests.connection import OUTPUTS, Fakes, make_job
from tests.monitor.site import Visitor, served

PASSWORD = "umpire:advantage"


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a client be made that is never used."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")


@pytest.fixture
def fakes() -> Fakes:
    """Return a system of fakes with nothing in it."""
    return Fakes()


@pytest.fixture
def site(fakes: Fakes) -> Iterator[tuple[Visitor, Monitor]]:
    """Return the pages without authentication, on loopback."""
    with served(fakes.connection) as (visitor, monitor):
        yield visitor, monitor


@pytest.fixture
def visitor(site: tuple[Visitor, Monitor]) -> Visitor:
    """Return who looks at them."""
    return site[0]


def add(fakes: Fakes, number: int, *, status: Status = Status.QUEUED, **fields: object) -> Job:
    """Put a job into the store."""
    at = fakes.store.now() - number
    return fakes.store.jobs.create(make_job(id=f"{number:020x}", status=status, submitted_at=at, **fields))


def test_pages_hold_each_job_once(fakes: Fakes, visitor: Visitor) -> None:
    """Ten thousand ended jobs come page by page, and a page reads no more jobs than it shows, and one."""
    for number in range(10_000):
        add(fakes, number, status=Status.SUCCEEDED, outputs=OUTPUTS)
    first = visitor.get("/jobs/data").json
    assert [job["job_id"] for job in first["jobs"]] == [f"{number:020x}" for number in range(PAGE)]
    second = visitor.get(f"/jobs/data?before={first['after']}").json
    assert second["jobs"][0]["job_id"] == f"{PAGE:020x}"
    last = visitor.get(f"/jobs/data?before={fakes.store.now() - 9998}~{9998:020x}").json
    assert ([job["job_id"] for job in last["jobs"]], last["after"]) == ([f"{9999:020x}"], None)


def test_filters(fakes: Fakes, visitor: Visitor) -> None:
    """Jobs are found by status, by a part of their source or id, and by their whole id wherever they stand."""
    for number in range(3 * PAGE):
        job = add(fakes, number)
        if number % 2:
            fakes.end(job, Status.FAILED, reason="the source is not a film")
    listed = visitor.get("/jobs/data?status=FAILED").json["jobs"]
    assert len(listed) == PAGE
    assert {job["status"] for job in listed} == {"FAILED"}
    assert {job["reason"] for job in listed} == {"the source is not a film"}
    assert len(visitor.get("/jobs/data?text=FINAL.mp4").json["jobs"]) == PAGE
    assert visitor.get("/jobs/data?text=nothing").json == {"jobs": [], "after": None}
    (found,) = visitor.get(f"/jobs/data?text={149:020x}").json["jobs"]
    assert found["job_id"] == f"{149:020x}"
    assert visitor.get(f"/jobs/data?text={149:020x}&status=QUEUED").json["jobs"] == []


FORGED_EVENTS: tuple[dict[str, object], ...] = (
    {"kwargs": [1]},
    {"args": {"a": 1}},
    {"type": 7},
    {"type": "task-children"},
    {"type": "task-"},
    {"uuid": ["x"]},
    {"hostname": None},
    {"timestamp": "yesterday"},
    {"timestamp": 1e300},
    {"clock": "x"},
    {"name": ["x"]},
    {"runtime": "x"},
    {"cluster_state": 7, "worker": "x", "state": 7, "children": 7, "origin": 7, "as_dict": 7},
)


def test_forged_events_hurt_no_page(site: tuple[Visitor, Monitor]) -> None:
    """What Flower is told of is a task as its pages can show it, sort it and match it, or it is not told."""
    visitor, monitor = site
    honest = {
        "type": "task-received",
        "uuid": "honest",
        "hostname": "jetson-1@pitch",
        "timestamp": 1795543200.5,
        "clock": 1,
        "name": "rugbytx.transcode",
        "args": "()",
        "kwargs": "{'job_id': 'x'}",
    }
    body = json.dumps([{**honest, "uuid": f"forged-{n}", **odd} for n, odd in enumerate(FORGED_EVENTS)])
    told, refused = event_parser.parse(body)
    assert (len(told), refused) == (1, len(FORGED_EVENTS) - 1)
    read, _ = event_parser.parse(json.dumps([honest]))
    for event in (*told, *read):
        monitor.io_loop.add_callback(monitor.events.state.event, {**event, "local_received": 1795543201.0})
    for column, name in enumerate(("name", "state", "received", "started")):
        query = f"draw=1&start=0&length=10&order[0][column]={column}&columns[{column}][data]={name}"
        answer = visitor.get(f"/tasks/datatable?{query}&search[value]=")
        assert answer.status == 200, answer.text
        assert {task["uuid"] for task in answer.json["data"]} == {
            "honest",
            f"forged-{len(FORGED_EVENTS) - 1}",
        }
    assert visitor.get("/task/honest").status == 200


@pytest.mark.parametrize("query", ["status=DONE", "before=yesterday", "before=x~y"])
def test_nonsense_is_a_sentence(visitor: Visitor, query: str) -> None:
    """Whoever types an address gets a sentence, and not a traceback."""
    answer = visitor.get(f"/jobs/data?{query}")
    assert answer.status == 400
    assert answer.json["error"]


def test_a_source_cannot_write_into_the_page(fakes: Fakes, visitor: Visitor) -> None:
    """A name that is a script is text, on every page."""
    hostile = "<script>alert(1)</script>.mp4"
    job = add(fakes, 1)
    fakes.store.table.put_job(
        job.model_copy(update={"source": job.source.model_copy(update={"key": hostile})})
    )
    assert hostile in visitor.get(f"/jobs/{job.id}/data").json["source"]
    assert hostile not in visitor.get(f"/jobs/{job.id}").text


def test_cancel_and_retry(fakes: Fakes, visitor: Visitor) -> None:
    """The buttons do what the commands do, and the next look sees it."""
    job = add(fakes, 1)
    assert visitor.get(f"/jobs/{job.id}/data").json["status"] == "QUEUED"
    assert visitor.act(f"/jobs/{job.id}/cancel").json["action"] == "cancel"
    assert visitor.get(f"/jobs/{job.id}/data").json["status"] == "CANCELLED"
    assert visitor.act(f"/jobs/{job.id}/retry").json["action"] == "retry"
    stands = fakes.store.jobs.read(job.id)
    assert stands
    assert (stands.status, stands.generation) == (Status.QUEUED, 2)
    assert [pointer.generation for pointer in fakes.queue.sent] == [2]


def test_bump_and_unbump(fakes: Fakes, visitor: Visitor) -> None:
    """An open job goes first and back again, with who asked in its trail; an ended one is refused with a sentence."""
    job = add(fakes, 1)
    for name, is_bumped in (("bump", True), ("unbump", False)):
        assert visitor.act(f"/jobs/{job.id}/{name}").json["action"] == f"{name}ed"
        assert visitor.get(f"/jobs/{job.id}/data").json["is_bumped"] is is_bumped
        assert visitor.act(f"/jobs/{job.id}/{name}").json["notes"] == [f"job {job.id} is {name}ed already"]
    trail = [(entry.what, entry.by) for entry in fakes.store.audit.read(job.id, limit=10)]
    assert trail == [("bumped", "jobs-page"), ("unbumped", "jobs-page")]
    fakes.end(job, Status.FAILED)
    answer = visitor.act(f"/jobs/{job.id}/bump")
    assert (answer.status, "only an open one" in answer.json["error"]) == (409, True)


@pytest.mark.parametrize("button", ["cancel", "bump"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-XSRFToken": ""}, 403),
        ({"X-XSRFToken": "2|6d3b1c5a|c2f0|1700000000"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Host": "rebound.example"}, 421),
    ],
)
def test_strangers_pages_cannot_press_buttons(
    fakes: Fakes, visitor: Visitor, headers: dict[str, str], status: int, button: str
) -> None:
    """Without this server's own token, from another site, or under another name, nothing happens."""
    job = add(fakes, 1)
    assert visitor.act(f"/jobs/{job.id}/{button}", **headers).status == status
    stands = fakes.store.jobs.read(job.id)
    assert stands
    assert (stands.is_open, stands.bumped_at) == (True, None)


def test_nobody_reads_along_under_another_name(visitor: Visitor) -> None:
    """Without authentication every page answers under loopback's names only."""
    for path in ("/jobs", "/jobs/data", "/workers", "/metrics", "/api/workers"):
        assert visitor.get(path, Host="rebound.example").status == 421


def test_authentication_is_asked_for_everywhere(fakes: Fakes) -> None:
    """With a password, nothing is shown and nothing done without it."""
    job = add(fakes, 1)
    paths = ("/jobs", "/jobs/data", "/jobs/summary", f"/jobs/{job.id}", f"/jobs/{job.id}/data")
    others = (
        f"/jobs/{job.id}/play/playing.json",
        f"/jobs/{job.id}/play/media/g1/x.mp4",
        "/metrics",
        "/broker",
    )
    with served(fakes.connection, basic_auth=[PASSWORD]) as (visitor, _):
        for path in paths + others:
            assert visitor.get(path).status == 401, path
        visitor.log_in("umpire:offside")
        assert visitor.act(f"/jobs/{job.id}/cancel").status in {401, 403}
        visitor.log_in(PASSWORD)
        for path in paths:
            assert visitor.get(path, Host="monitor.example").status == 200, path
        assert visitor.post(f"/jobs/{job.id}/cancel").status == 403
        stands = fakes.store.jobs.read(job.id)
        assert stands
        assert stands.is_open
        assert visitor.act(f"/jobs/{job.id}/cancel").status == 200
        assert [entry.by for entry in fakes.store.audit.read(job.id, limit=10) if entry.by] == [
            "umpire@jobs-page"
        ]


def test_read_only(fakes: Fakes) -> None:
    """Who serves the pages to look at only has no buttons that work."""
    job = add(fakes, 1)
    with served(fakes.connection) as (visitor, monitor):
        monitor.may_act = False
        for button in ("cancel", "retry", "bump", "unbump"):
            assert visitor.act(f"/jobs/{job.id}/{button}").status == 403, button


def test_what_is_not_there_or_does_not_answer(fakes: Fakes, visitor: Visitor) -> None:
    """Both are a sentence with a status of its own."""
    for path in ("/jobs/0000", "/jobs/0000/data", "/jobs/0000/play/playing.json"):
        answer = visitor.get(path)
        assert answer.status == 404, path
        assert "there is no job 0000" in answer.json["error"]
    assert visitor.act("/jobs/0000/cancel").status == 404
    fakes.store.table.down = True
    answer = visitor.get("/jobs/data?status=FAILED")
    assert answer.status == 503
    assert "does not answer" in answer.json["error"]


def test_queue_and_workers(fakes: Fakes, visitor: Visitor) -> None:
    """The card, the broker page and the metrics agree with SQS and presence."""
    fakes.queue.bury("nonsense")
    job = add(fakes, 1)
    now = fakes.store.now()
    fakes.store.workers.announce(
        Worker(
            name="jetson-1@pitch",
            worker_class="jetson",
            slots=2,
            busy=1,
            encoder="nvmpi",
            gate="fit",
            jobs=(job.id,),
            seen_at=now,
            until=now + 3600,
        )
    )
    told = visitor.get("/jobs/summary").json
    assert (told["waiting"], told["in_flight"], told["dead"], told["queued"]) == (0, 0, 1, 1)
    (worker,) = told["workers"]
    assert (worker["host"], worker["worker_class"], worker["encoder"], worker["busy"]) == (
        *("pitch", "jetson", "nvmpi", 1),
    )
    assert "sqs, rugbytx-transcode" in visitor.get("/broker").text
    assert re.search(r"dead letters</td>\s*<td[^>]*>1</td>", visitor.get("/broker").text)
    metrics = visitor.get("/metrics").text
    assert 'rugbytx_messages{queue="dead",state="visible"} 1.0' in metrics
    assert 'rugbytx_busy_slots{worker_class="jetson"} 1.0' in metrics
    assert "rugbytx_spent_usd 0.0" in metrics
    names = [line.split()[2] for line in metrics.splitlines() if line.startswith("# TYPE")]
    assert len(set(names)) == len(names), "no figure comes twice"
    page = visitor.get("/worker/jetson-1@pitch").text
    for fact in ("jetson", "nvmpi", "fit", job.id):
        assert fact in page
    assert visitor.get("/worker/nobody@nowhere").status == 404


def test_the_autoscalers_decision_is_shown(fakes: Fakes, site: tuple[Visitor, Monitor]) -> None:
    """As it was recorded, without its facts; before there is one, nothing is."""
    visitor, monitor = site
    assert visitor.get("/jobs/summary").json["decision"] is None
    fakes.store.table.decision = (
        '{"facts": {"now": 1}, "decision": {"desired": 2, "reason": "deadlines-need-them"}}'
    )
    monitor.cache.forget()
    assert visitor.get("/jobs/summary").json["decision"] == {"desired": 2, "reason": "deadlines-need-them"}


def test_many_visitors_cost_as_much_as_one(fakes: Fakes, site: tuple[Visitor, Monitor]) -> None:
    """Looks within two seconds of each other are one look at the store."""
    visitor, monitor = site
    add(fakes, 1)
    reads = 0
    list_jobs = fakes.store.jobs.list

    def counted(**arguments: object) -> object:
        nonlocal reads
        reads += 1
        return list_jobs(**arguments)  # type: ignore[arg-type]  # passed on as they came

    fakes.store.jobs.list = counted  # type: ignore[method-assign, assignment]  # counts, and is the same otherwise
    monitor.cache._monotonic = lambda: 1000.0
    for _ in range(5):
        assert visitor.get("/jobs/data").status == 200
    assert reads == 1


def test_units_are_shown(fakes: Fakes, visitor: Visitor) -> None:
    """A job's page has who is at which unit, and how far."""
    job = add(fakes, 1)
    fakes.store.jobs.start(job.id, 1)
    lease = fakes.store.units.claim(job, PLAN, None, owner="jetson-1@pitch", lease_s=600)
    assert lease
    told = visitor.get(f"/jobs/{job.id}/data").json
    (piece,) = told["pieces"]
    assert (piece["key"], piece["state"], piece["worker"]) == ("PLAN", "LEASED", "jetson-1@pitch")
    assert (told["status"], told["percent"]) == ("RUNNING", None)


def test_outputs_play_from_the_bucket(fakes: Fakes, visitor: Visitor) -> None:
    """The player's page, what it plays, and a range of it; nothing beside this job's outputs."""
    job = add(fakes, 1)
    prefix = f"out/{job.id}/g1"
    outputs = OUTPUTS.model_copy(update={"master_key": f"{prefix}/master-f1.m3u8"})
    for name, body in {
        "master-f1.m3u8": b"#EXTM3U\n",
        "video.mp4": b"0123456789",
        "manifest.json": b"{}",
    }.items():
        fakes.storage.put(body, "rugbytx-output", f"{prefix}/{name}", content_type="video/mp4")
    assert fakes.store.jobs.end(job.id, 1, Status.SUCCEEDED, outputs=outputs)
    root = f"/jobs/{job.id}/play"
    assert "<video" in visitor.get(f"{root}/").text
    assert visitor.get(f"{root}/playing.json").json["source"] == "media/g1/master-f1.m3u8"
    part = visitor.get(f"{root}/media/g1/video.mp4", Range="bytes=2-4")
    assert (part.status, part.body, part.headers["Content-Range"]) == (206, b"234", "bytes 2-4/10")
    assert visitor.get(f"{root}/media/g1/video.mp4").body == b"0123456789"
    assert visitor.get(f"{root}/media/g1/video.mp4", Range="bytes=10-").status == 416
    for path in ("g1/manifest.json", "g1/none.mp4", "../other/g1/video.mp4"):
        assert visitor.get(f"{root}/media/{path}").status == 404
