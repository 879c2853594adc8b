"""`rugbytx verify`: whether what was published is whole."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rugbytx.cli.shared.exit import Code
from rugbytx.cli.shared.output import console, emit, printable, remark

if TYPE_CHECKING:
    from rugbytx.media.process.programs import Programs
    from rugbytx.ports import OnBytes
    from rugbytx.verify.verification import VerificationResult


def verify(
    context: typer.Context,
    target: Annotated[
        str,
        typer.Argument(
            metavar="JOB|PATH", help="A job's id, or a folder of outputs, or the master playlist in one."
        ),
    ],
    *,
    quick: Annotated[bool, typer.Option("--quick", help="Do not decode every frame.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check outputs again: sizes, SHA-256, every box of every segment, the playlists, and every frame.

    A job's outputs are copied here first.  Exit status: 0 if everything is as it
    should be, 1 if not.
    """
    from rugbytx.media.process.programs import Programs
    from rugbytx.verify.fetch import find_master
    from rugbytx.verify.verification import verify

    with ExitStack() as stack:
        if Path(target).exists():
            master, programs = find_master(Path(target)), Programs()
        else:
            master, programs = _fetch(context, target, stack)
        verdict = verify(master, on_step=remark, quick=quick, programs=programs)
    _print_result(verdict, as_json=as_json)
    if verdict.findings:
        raise typer.Exit(Code.JOB_FAILED)


def _fetch(context: typer.Context, job_id: str, stack: ExitStack) -> "tuple[Path, Programs]":
    """Copy a job's outputs into a folder that lasts as long as the stack; return its master, and the programs."""
    from rugbytx import temporary
    from rugbytx.cli.shared.connection import connection
    from rugbytx.errors import NotFound
    from rugbytx.media.process.programs import Programs
    from rugbytx.verify.fetch import fetch, outputs_of

    system = connection(context)
    job = system.store.jobs.read(job_id)
    if job is None:
        raise NotFound(f"there is no job {job_id}, and no file or folder of that name")
    outputs = outputs_of(job)
    temporary.use(system.settings.scratch)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rugbytx-verify-")))
    with _progress(outputs.size_bytes) as on_bytes:
        master = fetch(system.storage, system.settings.output_bucket, outputs, folder, on_bytes=on_bytes)
    return master, Programs(ffmpeg=system.settings.ffmpeg, ffprobe=system.settings.ffprobe)


@contextmanager
def _progress(size_bytes: int) -> "Iterator[OnBytes]":
    """Show, on a terminal, how much of the outputs is here."""
    from rich.progress import Progress

    with Progress(console=console(stderr=True), transient=True) as progress:
        task = progress.add_task("copying", total=size_bytes)
        yield lambda moved: progress.advance(task, moved)


def _print_result(verdict: "VerificationResult", *, as_json: bool) -> None:
    if as_json:
        emit(
            {
                "passed": not verdict.findings,
                "files": verdict.files,
                "segments": verdict.segments,
                "frames": verdict.frames,
                "decoded": verdict.decoded,
                "has_manifest": verdict.has_manifest,
                "findings": [
                    {
                        "rule": str(finding.rule),
                        "where": finding.where,
                        "expected": finding.expected,
                        "seen": finding.seen,
                    }
                    for finding in verdict.findings
                ],
            }
        )
        return
    for finding in verdict.findings:
        typer.echo(printable(f"{finding.sentence}."))
    looked = f"{verdict.files} files, {verdict.segments} segments, {verdict.frames} frames"
    how = "decoded without a complaint" if verdict.decoded else "not decoded"
    against = "held against the manifest" if verdict.has_manifest else "there is no manifest"
    if verdict.findings:
        typer.echo(f"{len(verdict.findings)} findings in {looked}.")
    else:
        typer.echo(f"All is well: {looked}, {how}; {against}.")
