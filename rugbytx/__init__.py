"""A fault-tolerant video transcoder on Celery and Amazon SQS.

``celery -A rugbytx worker`` finds ``app`` here, and an upload service
``submit``.  Neither is imported before it is used: the service needs no Celery,
and no part of the package loads another by being imported.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from celery import Celery

    from rugbytx.intake import Accepted

    app: Celery

__all__ = ["app", "submit"]


def submit(
    source: str,
    *,
    profile: str = "match",
    deadline_s: float | None = None,
    chunk_s: float | None = None,
    force: bool = False,
    notify: "Sequence[str]" = (),
) -> "Accepted":
    """Submit a video and return its job, as ``rugbytx submit`` does.

    ``source`` is ``s3://bucket/key`` or the path of a local file, which is
    uploaded first.  The system is the one that ``AWS_*`` and ``RUGBYTX_*`` name
    at the process's first call.  The URLs in ``notify`` are told how it ends
    (docs/howto/notifications.md).  Submitting twice is one job; ``force`` does an
    ended one again.  Raises an error of ``rugbytx.errors``: JobRejected for what
    no repetition will cure, Unreachable for what another try may.
    """
    from rugbytx import audit, intake, system

    request = intake.Request(
        source=source,
        profile=profile,
        deadline_s=deadline_s,
        chunk_s=chunk_s,
        force=force,
        notify=tuple(notify),
        by=audit.who(),
    )
    return intake.accept(request, system.here())


def __getattr__(name: str) -> object:
    if name == "app":
        from rugbytx.monitor import hook
        from rugbytx.worker.app import app

        hook.install()
        return app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
