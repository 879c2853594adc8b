"""`rugbytx scaling`: AWS's own scaling policies for the workers, applied, shown and removed."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rugbytx.cli.shared.output import emit, remark, say
from rugbytx.core.native_scaling.policy_changes import PolicyKind

if TYPE_CHECKING:
    from rugbytx.aws.ecs.native_scaling import NativeScaling
    from rugbytx.core.native_scaling.policy_changes import Change, NativeSetup, SetupChanges
    from rugbytx.ports.fleet import FleetState
    from rugbytx.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

scaling = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Apply, show or remove AWS's own scaling policies; `rugbytx autoscale` works only without one.",
)


@scaling.command()
def apply(
    context: typer.Context,
    *,
    policy: Annotated[
        PolicyKind,
        typer.Option(help="What shall decide how many AWS workers there are; none removes all policies."),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be changed; change nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Register scalable target, policies and alarms for the ECS service, and remove all others.

    As often as it is repeated, only what differs is changed.
    """
    from rugbytx.core.native_scaling import foreign_policies

    settings, native, state = _service(context)
    decision = _decide(settings, policy, native.read(), most=settings.max_workers)
    if not dry_run:
        native.carry_out(decision.changes)
    traps = foreign_policies.traps(policy)
    if as_json:
        emit(
            {
                "policy": policy.value,
                "dry_run": dry_run,
                "changes": [_change(change) for change in decision.changes],
                "left": list(decision.left),
                "traps": list(traps),
                "desired": state.desired,
            }
        )
        return
    _print_changes(decision, dry_run=dry_run)
    if policy is PolicyKind.NONE and state.desired:
        remark(
            f"the service still wants {state.desired} workers: nobody sets that number until an autoscaler runs"
        )
    _warn(traps)


@scaling.command()
def show(context: typer.Context, *, as_json: Json = False) -> None:
    """Show what scales the ECS service: counts, target, policies, alarms, and what is known against them."""
    from rugbytx.core.native_scaling import foreign_policies

    settings, native, state = _service(context)
    present, alarms = native.read(), native.states()
    most = present.target.most if present.target else settings.max_workers
    kinds = [kind for kind in PolicyKind if not _decide(settings, kind, present, most=most).changes]
    kind = kinds[0] if kinds else None
    if as_json:
        emit(_as_json(settings, state, present, alarms, kind))
        return
    for line in _lines(settings, state, present, alarms, kind):
        say(line)
    if kind:
        _warn(foreign_policies.traps(kind))


def _service(context: typer.Context) -> "tuple[Settings, NativeScaling, FleetState]":
    """Return the settings, what scales the service, and its counts; raises Unreachable where there is no such service."""
    from rugbytx.aws.ecs.native_scaling import NativeScaling
    from rugbytx.cli.shared.connection import connection, fleet

    made = connection(context)
    settings, state = made.settings, fleet(made).state()
    return settings, NativeScaling(cluster=settings.cluster, service=settings.service), state


def _decide(settings: "Settings", kind: PolicyKind, present: "NativeSetup", *, most: int) -> "SetupChanges":
    from rugbytx.core.native_scaling import policy_changes, policy_setup

    name = policy_setup.prefix(cluster=settings.cluster, service=settings.service)
    setup = policy_setup.wanted(kind, name=name, queue=settings.queue, most=most)
    return policy_changes.decide(setup, present, own_alarms=policy_setup.alarm_names(name))


def _print_changes(decision: "SetupChanges", *, dry_run: bool) -> None:
    if not decision.changes:
        say("nothing to change")
    for change in decision.changes:
        say(f"{'would ' if dry_run else ''}{change.step.replace('-', ' ')} {change.name} ({change.reason})")
    for name in decision.left:
        remark(f"alarm {name} is left: it calls something else as well")


def _warn(traps: Sequence[str]) -> None:
    for number, sentence in enumerate(traps):
        say(f"{'' if number else chr(10) + 'Known traps:' + chr(10)}- {sentence}")


def _change(change: "Change") -> dict[str, str]:
    return {"step": change.step.value, "name": change.name, "reason": change.reason}


def _as_json(
    settings: "Settings",
    state: "FleetState",
    present: "NativeSetup",
    alarms: Mapping[str, str],
    kind: PolicyKind | None,
) -> dict[str, Any]:
    target = present.target
    return {
        "cluster": settings.cluster,
        "service": settings.service,
        "desired": state.desired,
        "running": state.running,
        "pending": state.pending,
        "target": target and {"min": target.least, "max": target.most, "suspended": target.is_suspended},
        "policies": [{"name": policy.name, "type": policy.type} for policy in present.policies],
        "alarms": [{"name": name, "state": value} for name, value in alarms.items()],
        "applied": kind.value if kind else "other",
    }


def _lines(
    settings: "Settings",
    state: "FleetState",
    present: "NativeSetup",
    alarms: Mapping[str, str],
    kind: PolicyKind | None,
) -> list[str]:
    target = present.target
    bounds = f"{target.least} to {target.most}" if target else "none"
    return [
        (
            f"service   {settings.cluster}/{settings.service}:"
            f" {state.desired} desired, {state.running} running, {state.pending} pending"
        ),
        f"target    {bounds}{', suspended' if target and target.is_suspended else ''}",
        *(f"policy    {policy.name} ({policy.type})" for policy in present.policies),
        *(f"alarm     {name}: {value}" for name, value in alarms.items()),
        f"applied   {kind.value if kind else 'other: not what `rugbytx scaling apply` makes'}",
    ]
