"""`rugbytx env`: the settings of a deployed system, from what its stacks say of themselves."""

from typing import Annotated

import typer

from rugbytx.cli.shared.output import emit, remark, say


def env(
    from_stack: Annotated[
        list[str],
        typer.Option(
            "--from-stack",
            metavar="NAME",
            help="A CloudFormation stack; give several for what each of them knows.",
        ),
    ],
    *,
    export: Annotated[
        bool, typer.Option("--export", help="Print lines for a shell to `eval`, not for a file of variables.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print the settings of a system that was deployed by the templates in deploy/aws.

    As ``NAME=value`` lines for systemd's EnvironmentFile or docker's --env-file.
    Which account and region is asked, AWS_PROFILE and AWS_REGION say, as for every command.
    """
    import os
    import shlex

    from rugbytx.aws import cloudformation
    from rugbytx.aws.client import address, client
    from rugbytx.core.address import named
    from rugbytx.errors import NotFound

    asked = client("cloudformation")
    remark(named(address(asked), os.environ))
    variables = {"AWS_REGION": asked.meta.region_name}
    for name in from_stack:
        variables |= cloudformation.settings(cloudformation.outputs(asked, name))
    if len(variables) == 1:
        raise NotFound(f"{', '.join(from_stack)}: no output there is a setting of rugbytx")
    if as_json:
        emit(variables)
        return
    for name, value in variables.items():
        say(f"export {name}={shlex.quote(value)}" if export else f"{name}={value}")
