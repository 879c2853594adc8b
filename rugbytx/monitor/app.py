"""Flower, put together for this system: tasks from the event queue, workers from presence, jobs from the store."""

import logging
import sys
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from flower import command
from flower.app import Flower, rewrite_handler
from flower.options import options as flower_options
from flower.views import BaseHandler
from tornado.ioloop import IOLoop
from tornado.web import HTTPError, StaticFileHandler, url

from rugbytx import settings as rugbytx_settings
from rugbytx import system
from rugbytx.aws.client import client
from rugbytx.aws.sqs.event_queue import SqsEventQueue, event_queue
from rugbytx.errors import RugbytxError, SettingsError
from rugbytx.monitor import access
from rugbytx.monitor.cache import SystemCache
from rugbytx.monitor.flower.event_source import OwnEvents
from rugbytx.monitor.flower.inspector import PresenceInspector
from rugbytx.monitor.flower.templates import Loader
from rugbytx.monitor.flower.worker_events import Beats
from rugbytx.monitor.page.broker import BrokerPage, QueueLengths
from rugbytx.monitor.page.jobs import JobAction, JobData, JobPage, JobsData, JobsPage, SummaryData
from rugbytx.monitor.page.metrics import MetricsPage
from rugbytx.monitor.page.player import PlayerPage, Stage
from rugbytx.monitor.page.task import TaskPage, TasksData
from rugbytx.system import Connection

_JOB = r"/jobs/([0-9a-z]{1,64})"
#: Which columns Flower's list of tasks has: the source and the progress stand among them.
TASK_COLUMNS = "uuid,state,args,result,received,started,runtime,worker"
#: How long a worker that is gone stays on Flower's pages.
OFFLINE_S = 3600


def prepare() -> None:
    """Let Flower's command start this application, with our defaults where nobody says otherwise."""
    command.Flower = Monitor
    flower_options.address = access.LOOPBACK
    flower_options.tasks_columns = TASK_COLUMNS
    flower_options.read_only = None  # until somebody says something
    flower_options.purge_offline_workers = OFFLINE_S
    # These two tell every request and every credential at INFO, which is Flower's level.
    for name in ("botocore", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _end(problem: RugbytxError) -> NoReturn:
    """End the process with a sentence and the status that commands have for it (``cli.exit``)."""
    sys.stderr.write(f"rugbytx monitor: {problem}\n")
    sys.exit(2 if isinstance(problem, SettingsError) else 5)


class UnknownHost(BaseHandler):
    """Answers a request that came under a name that is not this machine's."""

    def prepare(self) -> None:
        """Refuse it, whatever it is."""
        raise HTTPError(421)


HANDLERS: tuple[Any, ...] = (
    url(r"/jobs", JobsPage, name="jobs"),
    url(r"/jobs/data", JobsData),
    url(r"/jobs/summary", SummaryData),
    url(
        r"/jobs/static/(.*)",
        StaticFileHandler,
        {"path": str(Path(__file__).with_name("static"))},
        name="jobs-static",
    ),
    url(_JOB, JobPage, name="job"),
    url(_JOB + r"/data", JobData),
    url(_JOB + r"/(cancel|retry|bump|unbump)", JobAction),
    url(_JOB + r"/play/(.*)", PlayerPage, name="play"),
    url(r"/broker", BrokerPage, name="broker"),
    url(r"/api/queues/length", QueueLengths),
    url(r"/metrics", MetricsPage),
    url(r"/task/(.+)", TaskPage, name="task"),
    url(r"/tasks/datatable", TasksData),
)


class Monitor(Flower):
    """Flower's application with our pages."""

    def __init__(
        self, options: Any = None, capp: Any = None, connection: Connection | None = None, **settings: Any
    ) -> None:
        chosen = options or flower_options
        try:
            self._is_authenticated = access.require(
                address=chosen.address,
                unix_socket=chosen.unix_socket,
                basic_auth=chosen.basic_auth,
                auth=chosen.auth,
                read_only=chosen.read_only,
            )
            connection = connection or system.connect(rugbytx_settings.read())
            events = SqsEventQueue(client("sqs"), event_queue(connection.settings.queue))
        except RugbytxError as error:
            _end(error)
        #: Flower's own controls are off in any case; ours unless somebody asked for that.
        self.may_act = not chosen.read_only
        chosen.read_only = True
        self.cache = SystemCache(connection)
        self.stage = Stage(self.cache)
        super().__init__(
            options=chosen,
            capp=capp,
            events=OwnEvents(
                events,
                Beats(connection.store),
                capp,
                IOLoop.current(),
                db=chosen.db,
                persistent=chosen.persistent,
                state_save_interval=chosen.state_save_interval,
                enable_events=False,
                max_workers_in_memory=chosen.max_workers,
                max_tasks_in_memory=chosen.max_tasks,
            ),
            template_loader=Loader(),
            **settings,
        )
        self.inspector = PresenceInspector(self)
        prefix = chosen.url_prefix
        self.add_handlers(
            ".*", [rewrite_handler(handler, prefix) if prefix else handler for handler in HANDLERS]
        )

    @cached_property
    def broker_uri(self) -> str:
        """Return what Flower shows of the broker: kombu's address of SQS names neither account nor queue."""
        return f"sqs, {self.cache.system.settings.queue}"

    def find_handler(self, request: Any, **arguments: Any) -> Any:
        """Return what answers a request; without authentication only under a name of loopback."""
        if not self._is_authenticated and not access.is_own_name(request.host):
            return self.get_handler_delegate(request, UnknownHost)
        return super().find_handler(request, **arguments)
