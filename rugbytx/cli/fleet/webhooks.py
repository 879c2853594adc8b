"""`rugbytx webhooks`: what others are told of jobs."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rugbytx.cli.shared.output import Json, emit, printable, remark, say

if TYPE_CHECKING:
    from rugbytx.core.notify.notification import Dispatch, Notification

webhooks = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Look at what others are told of jobs, and have it told again.",
)

Jobs = Annotated[list[str] | None, typer.Argument(metavar="[JOB...]", help="Ids of jobs.")]


@webhooks.command("list")
def list_notifications(context: typer.Context, job_ids: Jobs = None, *, as_json: Json = False) -> None:
    """List the notifications of jobs; without any, of those that have some to tell or were given up."""
    from rugbytx.cli.shared.connection import connection
    from rugbytx.control import webhook

    store = connection(context).store
    if job_ids:
        notifications = [notification for job_id in job_ids for notification in webhook.of_job(job_id, store)]
    else:
        notifications = list(webhook.pending(store.outbox))
    pairs = [
        (notification, dispatch) for notification in notifications for dispatch in notification.dispatches
    ]
    for notification, dispatch in pairs:
        if as_json:
            emit(_as_json(notification, dispatch))
        else:
            say(_line(notification, dispatch))
    if not pairs:
        remark("nothing is to be told")


@webhooks.command()
def replay(
    context: typer.Context,
    job_ids: Jobs = None,
    *,
    every: Annotated[bool, typer.Option("--every", help="Also what was delivered.")] = False,
    as_json: Json = False,
) -> None:
    """Have told again what was given up: of these jobs, or of all.  Its id is the same as before."""
    from rugbytx.audit import who
    from rugbytx.cli.shared.connection import connection
    from rugbytx.control import webhook

    store = connection(context).store
    if every and not job_ids:
        raise typer.BadParameter("--every needs the jobs' ids")
    count = 0
    for notification, targets in webhook.replay(job_ids or (), store, every=every, by=who()):
        count += 1
        if as_json:
            emit(
                {
                    "action": "replayed",
                    "id": notification.id,
                    "job_id": notification.job_id,
                    "targets": targets,
                }
            )
        else:
            say(f"{notification.id}  replayed  {targets} targets")
    if not count:
        remark("nothing was given up" if not every else "nothing was told")


def _line(notification: "Notification", dispatch: "Dispatch") -> str:
    from rugbytx.cli.shared.job_view import local_time
    from rugbytx.core.notify.target import shown

    parts = [notification.id, str(dispatch.state), printable(shown(dispatch.target))]
    if dispatch.tries:
        parts.append(f"{dispatch.tries} tries failed")
    if dispatch.delivered_at:
        parts.append(local_time(dispatch.delivered_at))
    if dispatch.reason:
        parts.append(printable(dispatch.reason))
    return "  ".join(parts)


def _as_json(notification: "Notification", dispatch: "Dispatch") -> dict[str, Any]:
    """Return one target's copy of a notification for a program; a URL's query may be secret, and is left out."""
    from rugbytx.core.notify.notification import DispatchState
    from rugbytx.core.notify.target import shown
    from rugbytx.core.timestamp import iso

    is_waiting = dispatch.state is DispatchState.WAITING
    return {
        "id": notification.id,
        "job_id": notification.job_id,
        "generation": notification.generation,
        "type": str(notification.kind),
        "target": shown(dispatch.target),
        "state": str(dispatch.state),
        "tries": dispatch.tries,
        "due_at": iso(dispatch.due_at) if is_waiting else None,
        "delivered_at": iso(dispatch.delivered_at),
        "reason": dispatch.reason or None,
    }
