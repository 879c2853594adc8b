"""The table in docs/reference/hostile.md: what becomes of each hostile or broken source, as a run of all of them shows it."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rugbytx.core.job.job import Job
from tests.footage import film
from tests.hostile.host import BUCKET, LEASE_S, Ended, Host
from tests.hostile.kind import KINDS, Kind
from tests.hostile.name import KEYS, NAMES, submit_file, submit_key
from tests.hostile.source import Place
from tests.hostile.trap import Canary, Listener
from tests.worker.world import Call

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "hostile.md"
BEGIN, END = "<!-- hostile -->", "<!-- /hostile -->"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One kind, the job's status, and what its record says."""

    kind: str
    result: str
    sentence: str

    @property
    def line(self) -> str:
        """Return the row in Markdown."""
        return f"| {self.kind} | {self.result} | {self.sentence} |"


def row(kind: str, job: Job) -> Row:
    """Return what became of a job."""
    warnings = "; ".join(job.outputs.warnings) if job.outputs else ""
    return Row(kind=kind, result=job.status, sentence=job.reason or warnings)


def run_kind(kind: Kind, place: Place, host: Host) -> Ended:
    """Make a source of a kind and give it to the host."""
    body = kind.make(place).read_bytes()
    return host.run(host.submit(f"{kind.name}.mp4", body))


#: When an object is replaced, by the call of a port before which it happens.
MOMENTS = {"before its download": "storage.download", "while it is encoded": "media.encode_chunk"}


def run_replaced(moment: str, host: Host, good: bytes) -> Ended:
    """Replace the object of a job under way; another host's lane then goes on with it."""
    job = host.submit(f"replaced {moment}.mp4", good)

    def on_call(call: Call) -> object:
        if call.name == MOMENTS[moment]:
            host.storage.put(good + b"more", BUCKET, job.source.key, content_type="video/mp4")
            if call.name != "storage.download":
                raise Died
        return call.do()

    host.renew_lane(on_call)
    deliveries = 0
    try:
        host.deliver()
        deliveries += 1
    except Died:
        # Its lease runs out, its message is shown again, and a fresh lane has no copy of the source.
        host.store.clock.advance(LEASE_S + 1)
    host.renew_lane()
    while host.deliver():
        deliveries += 1
    return host.ended(job.id, deliveries)


class Died(BaseException):
    """The worker is gone: nothing catches this."""


def run_names(label: str, host: Host, folder: Path, good: bytes) -> Sequence[Ended]:
    """Submit a film under a name as a file, as an object, or as both, and do the jobs."""
    results = []
    if label in NAMES:
        results.append(submit_file(host, folder, NAMES[label], good))
    if label in KEYS:
        results.append(submit_key(host, KEYS[label], good))
    assert all(result.exit_code == 0 for result in results), [result.output for result in results]
    return [host.run(job_of(host, result.stdout), compares=False) for result in results]


def job_of(host: Host, stdout: str) -> Job:
    """Return the job that ``rugbytx submit`` printed."""
    job = host.store.jobs.read(stdout.split(maxsplit=1)[0])
    assert job
    return job


def labels() -> list[str]:
    """Return what there is about names, those of files first."""
    return [*NAMES, *(label for label in KEYS if label not in NAMES)]


def rows(folder: Path) -> Iterator[Row]:
    """Run everything and yield the rows of the table."""
    made = folder / "made"
    made.mkdir()
    good = good_film(made)
    host = Host(folder / "scratch")
    with Canary(folder / "canary.mp4") as canary, Listener() as listener:
        place = Place(folder=made, canary=canary, listener=listener)
        for kind in KINDS:
            yield row(kind.name, run_kind(kind, place, host).job)
    for moment in MOMENTS:
        yield row(replaced(moment), run_replaced(moment, host, good).job)
    for label in labels():
        for ended in run_names(label, host, made, good)[:1]:
            yield row(named(label), ended.job)


def good_film(folder: Path) -> bytes:
    """Return the bytes of a small film in order."""
    return film(folder / "good.mp4", length_s=0.4).read_bytes()


def replaced(moment: str) -> str:
    """Return the kind of an object that is replaced."""
    return f"an object replaced {moment}"


def named(label: str) -> str:
    """Return the kind of a name."""
    return f"a name with {label}" if label != "leading dashes" else "a name that begins with dashes"


def in_document() -> dict[str, Row]:
    """Return the document's rows, by kind."""
    section = DOCUMENT.read_text(encoding="utf-8").split(BEGIN, 1)[1].split(END, 1)[0]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in section.strip().splitlines()]
    return {kind: Row(kind=kind, result=result, sentence=sentence) for kind, result, sentence in cells[2:]}


def main() -> None:
    """Run everything and put the table into the document."""
    with tempfile.TemporaryDirectory() as folder:
        table = ["| source | result | what its record says |", "|---|---|---|"]
        for made in rows(Path(folder)):
            table.append(made.line)
            sys.stdout.write(made.line + "\n")
    before, rest = DOCUMENT.read_text(encoding="utf-8").split(BEGIN, 1)
    _, after = rest.split(END, 1)
    DOCUMENT.write_text("\n".join((before + BEGIN, *table, END + after)), encoding="utf-8")


if __name__ == "__main__":
    main()
