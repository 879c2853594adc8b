"""`rugbytx play`: watch what was published, in a browser on this machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rugbytx.cli.shared.output import emit, printable, remark

if TYPE_CHECKING:
    from rugbytx.player.server import Playing


def play(
    context: typer.Context,
    target: Annotated[
        str,
        typer.Argument(
            metavar="JOB|PATH", help="A job's id, or a folder of outputs, or the master playlist in one."
        ),
    ],
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on loopback; 0 takes a free one.")] = 0,
    native: Annotated[
        bool, typer.Option("--native", help="Without hls.js, for a browser that plays HLS by itself.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Serve a page that plays outputs, on this machine only, until Ctrl-C.

    A job's outputs stay in the bucket and are read as the page asks for them;
    credentials stay in this process.
    """
    from rugbytx.player.server import Server

    playing = _on_disk(Path(target)) if Path(target).exists() else _in_bucket(context, target)
    with Server(playing, port=port, native=native) as server:
        if as_json:
            emit({"url": server.url, "title": playing.title})
        else:
            typer.echo(f"{printable(playing.title)} plays at {server.url}")
            remark("Ctrl-C ends it.")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            remark("The page is served no longer.")


def _on_disk(path: Path) -> "Playing":
    """Return what is to play of a folder, or of a playlist or an MP4 in one; raises NotFound."""
    from rugbytx.player.place import around
    from rugbytx.player.server import Playing
    from rugbytx.verify.fetch import find_master

    master = find_master(path)
    if master.suffix not in {".m3u8", ".mp4"}:
        raise typer.BadParameter(f"{path} is neither a folder of outputs nor a playlist nor an MP4")
    place, name = around(master)
    title = path.name if path.is_file() else path.resolve().name
    return Playing(title=title, place=place, master=name)


def _in_bucket(context: typer.Context, job_id: str) -> "Playing":
    """Return what is to play of a job's outputs; raises NotFound."""
    from rugbytx.cli.shared.connection import connection
    from rugbytx.core.output import object_keys
    from rugbytx.errors import NotFound
    from rugbytx.player.place import BucketFiles
    from rugbytx.player.server import Playing
    from rugbytx.verify.fetch import outputs_of

    system = connection(context)
    job = system.store.jobs.read(job_id)
    if job is None:
        raise NotFound(f"there is no job {job_id}, and no file or folder of that name")
    prefix = object_keys.job_prefix(job.id)
    return Playing(
        title=f"{Path(job.source.key).name} · job {job.id}",
        place=BucketFiles(system.storage, bucket=system.settings.output_bucket, prefix=prefix),
        master=outputs_of(job).master_key.removeprefix(prefix),
    )
