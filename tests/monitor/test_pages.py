"""Flower's pages and ours in a browser, beside a job that runs: they show its truth, and the buttons work.

With ``SCREENSHOTS`` in the environment, the pictures in the docs are made anew::

    SCREENSHOTS=docs/images scripts/test tests/monitor/test_pages.py
"""

import os
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rugbytx import intake
from rugbytx import system as systems
from rugbytx.aws.client import client
from rugbytx.core.cost.ledger import SlotPrices
from rugbytx.core.job.job import Job, Status
from rugbytx.core.status.overview import summarize
from rugbytx.local.system import LocalSystem
from rugbytx.system import Connection
from tests.monitor.conftest import PATIENCE_S, Flower, HeldBack, flower
from tests.player.chromium import Chromium, Tab
from tests.player.devtools import BrowserError

pytestmark = pytest.mark.process

#: Where pictures go; without it they are made and thrown away.
SCREENSHOTS = os.environ.get("SCREENSHOTS", "")
WIDTH, HEIGHT = 1280, 860


@pytest.fixture(scope="module")
def system() -> Iterator[LocalSystem]:
    """Run a local system whose one worker comes later."""
    with LocalSystem(jetson=0) as local:
        yield local


@contextmanager
def page(browser: Chromium, address: str) -> Iterator[Tab]:
    """Open a page that agrees to whatever it asks."""
    with Tab(browser, address) as tab:
        tab._call(
            "Emulation.setDeviceMetricsOverride",
            width=WIDTH,
            height=HEIGHT,
            deviceScaleFactor=1,
            mobile=False,
        )
        tab.run("window.confirm = () => true; 0")
        yield tab
        assert tab.thrown == []


def until(tab: Tab, script: str) -> None:
    """Return once a script's value is true; a page that is being loaded has none yet."""
    ends_at = time.monotonic() + PATIENCE_S
    problem = ""
    while time.monotonic() < ends_at:
        try:
            if tab.run(script):
                return
        except BrowserError as error:
            problem = str(error)
        time.sleep(0.1)
    pytest.fail(f"never: {script}\n{problem}\n{tab.run('document.body.innerText')}")


def again(script: str) -> str:
    """Return a script for a page that does not refresh itself: where it does not hold, the page is loaded anew."""
    return (
        f"(() => {{ if (document.readyState !== 'complete') return false; if ({script}) return true;"
        " window.looks = (window.looks ?? 0) + 1; if (window.looks > 20) location.reload(); return false; })()"
    )


def picture(tab: Tab, name: str, folder: Path) -> None:
    """Take a picture of a page."""
    answer = tab._call("Page.captureScreenshot", format="png", timeout_s=PATIENCE_S)
    folder = Path(SCREENSHOTS) if SCREENSHOTS else folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.png").write_bytes(b64decode(answer["data"]))


def row(job: Job) -> str:
    """Return a script's words for the job's row."""
    return f"document.getElementById('{job.id}')"


def stored_percent(connection: Connection, job: Job) -> int:
    """Return what the store knows of the job's progress."""
    units = connection.store.units.read(job.id, job.generation)
    stands = connection.store.jobs.read(job.id)
    assert stands
    return (
        summarize(stands, units, (), priced=SlotPrices(by_class={}), now=connection.store.now()).percent or 0
    )


def names_of_queues() -> list[str]:
    """Return every queue that there is."""
    return sorted(client("sqs").list_queues().get("QueueUrls", []))


def test_pages_show_a_running_job(
    system: LocalSystem, browser: Chromium, film: Path, held_back: HeldBack, tmp_path: Path
) -> None:
    """From the first chunk to Cancel, Retry and Play, every page agrees with the store."""
    connection = systems.connect(system.settings)
    queues = names_of_queues()
    job = intake.accept(intake.Request(source=str(film), chunk_s=2.0), connection).job
    # Waiting to be allowed is no sign of life, and a busy machine is no sign of death.
    worker = system.start_worker(
        wait=False, RUGBYTX_FFMPEG=held_back.program, RUGBYTX_STALL_S="900", RUGBYTX_PRESENCE_S="15"
    )
    worker.wait_ready(PATIENCE_S)
    with flower() as server:
        with page(browser, f"{server.address}/jobs") as tab:
            progress_moves(tab, connection, job, held_back)
            picture(tab, "jobs", tmp_path)
        flowers_own_pages(browser, server, job, tmp_path)
        with page(browser, f"{server.address}/jobs/{job.id}") as tab:
            until(tab, "document.querySelectorAll('[data-unit^=VIDEO].DONE').length === 2")
            until(tab, "document.querySelectorAll('[data-unit^=VIDEO].LEASED').length === 1")
            picture(tab, "job", tmp_path)
            bumped_and_back(tab, connection, job)
            tab.run("document.querySelector('[data-action=cancel]').click()")
            until(tab, "document.querySelector('#facts').innerText.includes('CANCELLED')")
            stands = connection.store.jobs.read(job.id)
            assert stands
            assert stands.status is Status.CANCELLED
            until(tab, "document.querySelectorAll('[data-action=retry]').length === 1")
            system.stop_worker(worker)
            system.start_worker(wait=False, RUGBYTX_PRESENCE_S="15").wait_ready(PATIENCE_S)
            tab.run("document.querySelector('[data-action=retry]').click()")
            until(tab, "document.querySelector('#facts').innerText.includes('SUCCEEDED')")
            assert tab.run("document.querySelectorAll('[data-unit^=VIDEO].adopted').length") == 2
        with page(browser, f"{server.address}/jobs/{job.id}/play/") as tab:
            until(tab, "rugbytx.isReady && video.readyState >= 2")
            assert tab.run("rugbytx.errors.length") == 0
    assert names_of_queues() == queues, "nothing was made for a start"


def progress_moves(tab: Tab, connection: Connection, job: Job, held_back: HeldBack) -> None:
    """See the row show RUNNING, and a share of one chunk and then of two, as the store has it."""
    bar = f"{row(job)}?.querySelector('[role=progressbar]')?.getAttribute('aria-valuenow')"
    for chunks, percent in ((1, 16), (2, 33)):
        held_back.allow(chunks)
        until(tab, f"{bar} === '{percent}' && {row(job)}.innerText.includes('jetson')")
        assert stored_percent(connection, job) == percent
    assert "RUNNING" in tab.run(f"{row(job)}.innerText")


def bumped_and_back(tab: Tab, connection: Connection, job: Job) -> None:
    """Press Bump and then Unbump: the store has each, and the page offers the other."""
    for button, other in (("bump", "unbump"), ("unbump", "bump")):
        tab.run(f"document.querySelector('[data-action={button}]').click()")
        until(tab, f"document.querySelectorAll('[data-action={other}]').length === 1")
        stands = connection.store.jobs.read(job.id)
        assert stands
        assert (stands.bumped_at is not None) is (button == "bump")


def flowers_own_pages(browser: Chromium, server: Flower, job: Job, folder: Path) -> None:
    """See workers, worker, tasks, task and broker show the same job at work."""
    with page(browser, f"{server.address}/workers") as tab:
        until(
            tab, "document.querySelector('#workers-table tbody').innerText.match(/jetson.*Online/s) !== null"
        )
        until(tab, "document.querySelector('#presence-rows').innerText.includes('x264')")
        picture(tab, "workers", folder)
        name = tab.run("document.querySelector('#presence-rows td').innerText")
    with page(browser, f"{server.address}/worker/{name}") as tab:
        until(tab, again(f"document.querySelector('#tab-tasks')?.textContent.includes('{job.id}')"))
        picture(tab, "worker", folder)
    with page(browser, f"{server.address}/tasks") as tab:
        rows = "document.querySelector('#tasks-table tbody').innerText"
        until(tab, again(f"{rows}.includes('{job.id}') && {rows}.match(/STARTED.*33 %/s) !== null"))
        task = tab.run("document.querySelector('#tasks-table tbody a').getAttribute('href')")
        picture(tab, "tasks", folder)
    with page(browser, f"{server.address}{task}") as tab:
        until(tab, again(f"document.body.innerText.includes('final.mp4 · job {job.id}')"))
        picture(tab, "task", folder)
    with page(browser, f"{server.address}/broker") as tab:
        # One message, which the worker has in hand.
        words = "document.querySelector('#queue-table tbody tr').innerText.trim().split(/\\s+/).slice(1, 5).join()"
        until(tab, again(f"{words} === '1,1,0,1'"))
        picture(tab, "broker", folder)
