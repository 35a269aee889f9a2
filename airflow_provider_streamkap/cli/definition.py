# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The commands of ``airflow streamkap``. Every ``airflow`` command imports this module, so it must be cheap."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.cli.cli_config import GroupCommand

_COMMANDS = "airflow_provider_streamkap.cli._commands"


def get_commands() -> list[GroupCommand]:
    """Return the command group ``streamkap``. Airflow 3.2 and later call this for every ``airflow`` command."""
    from airflow.cli.cli_config import ARG_OUTPUT, ARG_VERBOSE, ActionCommand, Arg, GroupCommand, lazy_load_command

    options = (
        Arg(
            ("--conn-id",),
            help="Id of the Airflow connection (default: %(default)s)",
            metavar="CONN_ID",
            default="streamkap_default",
        ),
        ARG_OUTPUT,
        ARG_VERBOSE,
    )
    listed = tuple(
        ActionCommand(
            name=kind,
            help=f"List the {kind} of the project",
            func=lazy_load_command(f"{_COMMANDS}.list_{kind}"),
            args=options,
        )
        for kind in ("destinations", "sources", "pipelines")
    )
    status = ActionCommand(
        name="status",
        help="Show the status and the latest metrics of a destination, a source or a pipeline",
        func=lazy_load_command(f"{_COMMANDS}.show_status"),
        args=(Arg(("name_or_id",), help="Exact name or id", metavar="NAME_OR_ID"), *options),
    )
    return [
        GroupCommand(
            name="streamkap",
            help="List the destinations, sources and pipelines of Streamkap, and show their status",
            subcommands=(*listed, status),
        )
    ]
