# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The commands on the page of the command line print what it shows."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from typing import Any

import pytest

from airflow_provider_streamkap.cli.definition import get_commands
from airflow_provider_streamkap.testing import StreamkapSimulator, scenarios
from tests.docs.conftest import CUSTOMERS, ORDERS
from tests.docs.pages import DOCS, ROOT, SNIPPETS, code, table

SHOP, PIPELINE = "67ad6e0af08a2365c729bb01", "67ad6e0af08a2365c729bc01"


@pytest.fixture
def project(streamkap: StreamkapSimulator) -> StreamkapSimulator:
    """Add the resources that the page shows."""
    streamkap.add(ORDERS, scenarios.steady(lag=120), name="orders")
    streamkap.add(CUSTOMERS, scenarios.broken(), name="customers", connector="databricks")
    streamkap.add_source(SHOP, name="shop")
    streamkap.add_pipeline(PIPELINE, SHOP, ORDERS, name="shop to orders")
    return streamkap


def output(command: str) -> str:
    """Run a command as on Airflow before 3.2 and return what it prints, without trailing blanks."""
    arguments = shlex.split(command.removeprefix("airflow streamkap "))
    done = subprocess.run(
        [sys.executable, "-m", "airflow_provider_streamkap", *arguments],
        cwd=ROOT,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return "\n".join(line.rstrip() for line in done.stdout.rstrip().splitlines())


def without_times(text: str) -> str:
    """Return a text without its timestamps."""
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:]+\+00:00", "TIME", text)


def test_documented_output_matches_real_output(project: StreamkapSimulator) -> None:
    transcript = (SNIPPETS / "cli.txt").read_text(encoding="utf-8").strip()
    commands = re.findall(r"^\$ (.*)$", transcript, re.MULTILINE)
    assert len(commands) == 4
    real = "\n\n".join(f"$ {command}\n{output(command)}" for command in commands)
    assert without_times(transcript) == without_times(real)


def test_table_of_commands() -> None:
    (group,) = get_commands()
    shown = {code(cell)[0].split()[2] for cell in table("cli.md", "command")}
    assert shown == {command.name for command in group.subcommands}


def test_table_of_options() -> None:
    (group,) = get_commands()
    commands: Any = group.subcommands
    flags = {argument.flags[-1]: argument.kwargs.get("default") for argument in commands[0].args}
    rows = table("cli.md", "option")
    assert {code(cell)[-1] for cell in rows} == set(flags)
    for cell, (default, _) in rows.items():
        assert code(default) == [value for value in [flags[code(cell)[-1]]] if value]


def test_table_of_status(project: StreamkapSimulator) -> None:
    for kind, (fields,) in table("cli.md", "kind").items():
        name = {"destination": "orders", "source": "shop", "pipeline": "shop to orders"}[kind]
        lines = output(f"airflow streamkap status '{name}' --output plain").splitlines()[1:]
        printed = [line.split()[0] for line in lines]
        common = ("kind", "id", "name", "observed_at")
        assert code(fields) == [name for name in printed if name not in common]
        assert all(name in printed and f"`{name}`" in (DOCS / "cli.md").read_text(encoding="utf-8") for name in common)
