# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m airflow_provider_streamkap``: the commands of ``airflow streamkap``, on every version of Airflow."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence

from airflow_provider_streamkap.cli.definition import get_commands


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command.

    :param arguments: command-line arguments. Default: those of the process.
    :raises SystemExit: the arguments are wrong (exit code 2), or the command failed (1).
    """
    # Airflow 3.1 shows the log lines of alembic, which it imports when it starts.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    (group,) = get_commands()
    parser = argparse.ArgumentParser(prog="python -m airflow_provider_streamkap", description=group.help)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in group.subcommands:
        subparser = commands.add_parser(command.name, help=command.help, description=command.help)
        for argument in command.args:
            argument.add_to_parser(subparser)
        subparser.set_defaults(run=command.func)
    options = parser.parse_args(arguments)
    options.run(options)


if __name__ == "__main__":
    main()
