"""`rugbytx up`: the whole system on this machine, until Ctrl-C."""

import threading
from contextlib import ExitStack
from enum import StrEnum
from typing import Annotated

import typer

from rugbytx.cli.shared import duration
from rugbytx.core.fleet.worker_class import WorkerClass

#: A dead worker is noticed within this time.
_WATCH_S = 1.0


class LogLevel(StrEnum):
    """How much the workers' logs tell; less than ``info`` would leave out that they are ready."""

    DEBUG = "debug"
    INFO = "info"


def up(  # noqa: PLR0913, PLR0917  all that a local system can be asked for
    jetson: Annotated[
        int, typer.Option(min=0, max=64, help="How many workers of class jetson to start, one slot each.")
    ] = 1,
    aws: Annotated[
        int,
        typer.Option(
            min=0,
            max=64,
            help="How many of class aws; their x264 profile is another one, so that jobs cross splices.",
        ),
    ] = 0,
    aws_max: Annotated[
        int,
        typer.Option(
            min=0,
            max=64,
            help="How many more of class aws an ECS service may bring, by its desired count; 0 for no service.",
        ),
    ] = 0,
    cold_start: Annotated[
        str, typer.Option(help="From ECS's order to the worker's start, e.g. 5s; as long as a host takes.")
    ] = "5s",
    jetson_pace: Annotated[
        float,
        typer.Option(min=0, help="Seconds of film that a jetson encodes in a second at most; 0: no bound."),
    ] = 0.0,
    aws_pace: Annotated[float, typer.Option(min=0, help="The same for class aws.")] = 0.0,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on loopback; 0 takes a free one.")] = 0,
    log_level: Annotated[LogLevel, typer.Option(help="How much the workers' logs tell.")] = LogLevel.INFO,
) -> None:
    """Run the whole system on this machine, without an AWS account, until Ctrl-C.

    Commands in other terminals find it by themselves, unless an AWS_* or
    RUGBYTX_* variable there chooses another system.
    """
    from rugbytx.local.autoscaling import decide_in_background
    from rugbytx.local.system import LocalSystem, ended_by_signals

    try:
        with (
            ended_by_signals(),
            LocalSystem(
                jetson=jetson,
                aws=aws,
                aws_max=aws_max,
                cold_start_s=duration.option(cold_start),
                pace={WorkerClass.JETSON: jetson_pace, WorkerClass.AWS: aws_pace},
                port=port,
                announced=True,
                log_level=log_level.upper(),
            ) as local,
            ExitStack() as stack,
        ):
            decisions = stack.enter_context(decide_in_background(local.settings)) if aws_max else None
            typer.echo(
                _welcome(local.endpoint_url, [(worker.name, str(worker.log)) for worker in local.workers])
            )
            never = threading.Event()
            while not never.wait(_WATCH_S):
                for sentence in [*(decisions.take_sentences() if decisions else ()), *local.tend()]:
                    typer.echo(sentence)
    except KeyboardInterrupt:
        typer.echo("Everything is ended, and the local system's state is gone.")


def _welcome(endpoint_url: str, workers: list[tuple[str, str]]) -> str:
    running = [f"  worker {name:<12} its log: {log}" for name, log in workers]
    return "\n".join(
        [
            "The local system is up.",
            f"  SQS, S3, DynamoDB   {endpoint_url}",
            *running,
            "Its state is in memory: jobs and outputs are gone when it ends.",
            "",
            "In another terminal:",
            "  rugbytx submit match.mp4 --watch",
            "  rugbytx list",
            "",
            "Ctrl-C ends everything.",
        ]
    )
