# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The commands, in separate processes against the simulator."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_provider_streamkap.__main__ import main
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios

ROOT = Path(__file__).parents[2]
AIRFLOW = tuple(int(part) for part in version("apache-airflow").split(".")[:2])
OURS = ("-m", "airflow_provider_streamkap")
AIRFLOWS = ("-m", "airflow", "streamkap")
needs_provider_commands = pytest.mark.skipif(AIRFLOW < (3, 2), reason="providers cannot add commands before 3.2")
# An id that some programs take for a number.
NUMERIC = "670000000000000000000e12"


@pytest.fixture
def project(streamkap: StreamkapSimulator) -> StreamkapSimulator:
    """Add two destinations, a source and a pipeline."""
    streamkap.add("d1", scenarios.steady(lag=7), name="orders")
    streamkap.add(NUMERIC, scenarios.broken(), name="customers", connector="bigquery")
    streamkap.add_source("s1", name="shop")
    streamkap.add_pipeline("p1", "s1", "d1", name="shop to orders")
    return streamkap


def run(*arguments: str, program: Sequence[str] = OURS, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a separate process."""
    return subprocess.run(
        [sys.executable, *program, *arguments],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


class Commands:
    """Runs commands in this process, which is faster than a separate one."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def output(self, *arguments: str) -> str:
        """Return what a successful command printed on stdout."""
        self._capsys.readouterr()
        main(arguments)
        return self._capsys.readouterr().out

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        """Return what a successful command printed as JSON."""
        parsed: list[dict[str, Any]] = json.loads(self.output(*arguments, "--output", "json"))
        return parsed

    def error(self, *arguments: str) -> str:
        """Return the message of a failed command, and check that it printed nothing on stdout."""
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert self._capsys.readouterr().out == ""
        # Python prints it on stderr, and exits with 1.
        assert isinstance(stopped.value.code, str)
        return stopped.value.code


@pytest.fixture
def commands(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Run commands in this process, and undo what they change in the environment."""
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "")
    return Commands(capsys)


DESTINATIONS = [
    {"id": NUMERIC, "name": "customers", "connector": "bigquery", "status": "Broken"},
    {"id": "d1", "name": "orders", "connector": "snowflake", "status": "Active"},
]


@pytest.mark.parametrize("program", [OURS, pytest.param(AIRFLOWS, marks=needs_provider_commands)])
def test_destinations(project: StreamkapSimulator, program: Sequence[str]) -> None:
    done = run("destinations", "--output", "json", program=program)
    assert done.returncode == 0, done.stderr
    assert sorted(json.loads(done.stdout), key=str) == sorted(DESTINATIONS, key=str)


@pytest.mark.parametrize("program", [OURS, pytest.param(AIRFLOWS, marks=needs_provider_commands)])
def test_table_in_terminal(project: StreamkapSimulator, program: Sequence[str]) -> None:
    terminal, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    command = [sys.executable, *program, "destinations"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=inside, stdout=inside, stderr=subprocess.PIPE, env={**os.environ, "TERM": "dumb"}
    ) as process:
        os.close(inside)
        shown = b""
        # Reading from a terminal that no process has open fails on Linux.
        while chunk := _read(terminal):
            shown += chunk
    os.close(terminal)
    assert process.returncode == 0
    lines = [line.rstrip() for line in shown.decode().splitlines() if line.strip()]
    assert lines[:2] == [
        "id                       | name      | connector | status",
        "=========================+===========+===========+=======",
    ]
    assert set(lines[2:]) == {
        "670000000000000000000e12 | customers | bigquery  | Broken",
        "d1                       | orders    | snowflake | Active",
    }


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return b""


def test_sources_and_pipelines(project: StreamkapSimulator, commands: Commands) -> None:
    assert commands.rows("sources") == [{"id": "s1", "name": "shop", "connector": "postgresql", "status": "Active"}]
    assert commands.rows("pipelines") == [
        {
            "id": "p1",
            "name": "shop to orders",
            "source": "shop",
            "source_status": "Active",
            "destination": "orders",
            "destination_status": "Active",
        }
    ]


def test_plain_and_yaml(project: StreamkapSimulator, commands: Commands) -> None:
    head, *lines = (line.split() for line in commands.output("destinations", "-o", "plain").splitlines())
    assert head == list(DESTINATIONS[0])
    assert sorted(lines) == sorted(list(row.values()) for row in DESTINATIONS)
    assert sorted(yaml.safe_load(commands.output("destinations", "-o", "yaml")), key=str) == sorted(
        DESTINATIONS, key=str
    )


@pytest.mark.parametrize("output", ["table", "plain"])
def test_empty_list(streamkap: StreamkapSimulator, commands: Commands, output: str) -> None:
    assert commands.output("pipelines", "--output", output).strip() == "No data found"
    assert commands.rows("pipelines") == []


def test_more_than_one_page(streamkap: StreamkapSimulator, commands: Commands) -> None:
    for number in range(250):
        streamkap.add(f"d{number}", scenarios.steady())
    assert len(commands.rows("destinations")) == 250
    assert streamkap.count("/destinations") == 3


def test_names_cannot_control_output(streamkap: StreamkapSimulator, commands: Commands) -> None:
    name = "[/red]\x1b[31m\nlate"
    streamkap.add("d1", scenarios.steady(), name=name)
    for output in ("table", "plain"):
        assert "[/red] [31m late" in commands.output("destinations", "--output", output)
    assert commands.rows("destinations")[0]["name"] == name


@pytest.mark.parametrize("wanted", ["d1", "orders"])
def test_status_of_destination(project: StreamkapSimulator, commands: Commands, wanted: str) -> None:
    (row,) = commands.rows("status", wanted)
    assert row.pop("observed_at").endswith("+00:00")
    assert row == {
        "kind": "destination",
        "id": "d1",
        "name": "orders",
        "connector": "snowflake",
        "status": "Active",
        "records_lag": 7,
        "latency_ms": 250,
    }


def test_status_of_source(project: StreamkapSimulator, commands: Commands) -> None:
    (row,) = commands.rows("status", "shop")
    del row["observed_at"]
    assert row == {
        "kind": "source",
        "id": "s1",
        "name": "shop",
        "connector": "postgresql",
        "status": "Active",
        "state": "Streaming",
        "streaming_state": "connected",
        "connected": True,
        "behind_source_ms": 0,
        "snapshot_running": False,
    }


def test_status_of_pipeline(project: StreamkapSimulator, commands: Commands) -> None:
    (row,) = commands.rows("status", "shop to orders")
    del row["observed_at"]
    assert row == {
        "kind": "pipeline",
        "id": "p1",
        "name": "shop to orders",
        "status": "Active",
        "records_lag": 7,
        "latency_ms": 250,
        "source": "shop",
        "source_status": "Active",
        "destination": "orders",
        "destination_status": "Active",
    }


def test_status_as_table_and_plain(project: StreamkapSimulator, commands: Commands) -> None:
    project.set("d1", scenarios.null_lag())
    for output in ("table", "plain"):
        lines = [line.replace("|", " ").split() for line in commands.output("status", "d1", "-o", output).splitlines()]
        assert ["property_name", "property_value"] in lines
        assert ["name", "orders"] in lines
        assert ["records_lag", "unknown"] in lines


def test_status_without_metrics(project: StreamkapSimulator, commands: Commands) -> None:
    project.inject(Fault.status(404), path="/destinations/d1/metrics")
    (row,) = commands.rows("status", "orders")
    assert (row["status"], row["records_lag"], row["observed_at"]) == ("Active", None, None)


def test_id_takes_precedence_over_name(project: StreamkapSimulator, commands: Commands) -> None:
    project.add_source("s2", name="d1")
    assert commands.rows("status", "d1")[0]["kind"] == "destination"


def test_ambiguous_name(project: StreamkapSimulator, commands: Commands) -> None:
    project.add_source("s2", name="orders")
    assert (
        commands.error("status", "orders")
        == "Error: 2 resources are named 'orders': destination d1, source s2; pass the id"
    )


def test_unknown_name(project: StreamkapSimulator, commands: Commands) -> None:
    assert commands.error("status", "Oders") == (
        "Error: no destination, source or pipeline has the name or id 'Oders'; the nearest names are 'orders'"
    )
    assert commands.error("status", "x").endswith("has the name or id 'x'")


@pytest.mark.parametrize("program", [OURS, pytest.param(AIRFLOWS, marks=needs_provider_commands)])
def test_error_is_one_line_on_stderr(project: StreamkapSimulator, program: Sequence[str]) -> None:
    done = run("status", "nothing", program=program)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Error: no destination, source or pipeline has the name or id 'nothing'\n"


def test_connection_is_not_defined(streamkap: StreamkapSimulator) -> None:
    done = run("destinations", "--conn-id", "nowhere")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: ")
    assert "nowhere" in line


@pytest.mark.parametrize("command", ["destinations", "sources", "pipelines", "status"])
def test_rejected_credentials(project: StreamkapSimulator, commands: Commands, command: str) -> None:
    project.refuse_credentials()
    line = commands.error(command, *(["orders"] if command == "status" else []))
    assert "rejected the credentials" in line
    assert not any(secret in line for secret in project.secrets)


def test_connection_is_incomplete(
    streamkap: StreamkapSimulator, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", '{"conn_type": "streamkap", "login": "me"}')
    line = commands.error("sources")
    assert line.startswith("Error: Connection 'streamkap_default': no credentials")


def test_kind_that_may_not_be_listed(project: StreamkapSimulator, commands: Commands) -> None:
    project.inject(Fault.status(403), path="/pipelines", times=None)
    assert commands.rows("status", "orders")[0]["id"] == "d1"
    assert "403" in commands.error("status", "nothing")


@pytest.mark.parametrize("command", [["destinations"], ["sources"], ["pipelines"], ["status", "p1"]])
@pytest.mark.parametrize("output", ["json", "yaml"])
def test_configurations_are_not_printed(
    project: StreamkapSimulator, commands: Commands, command: list[str], output: str
) -> None:
    shown = commands.output(*command, "--output", output)
    assert "config" not in shown
    assert not any(secret in shown for secret in project.secrets)


def test_verbose_logs_to_stderr(project: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", project.airflow_connection(max_attempts=1, tiemout=3))
    for program in (OURS, AIRFLOWS) if AIRFLOW >= (3, 2) else (OURS,):
        quiet, verbose = (run("sources", "-o", "json", *more, program=program) for more in ([], ["--verbose"]))
        assert json.loads(quiet.stdout) == json.loads(verbose.stdout)
        assert "tiemout" not in quiet.stderr
        assert "did you mean 'timeout'" in verbose.stderr


def test_wrong_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["topics"], ["status"], ["sources", "--output", "xml"]):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 2
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    assert "destinations" in capsys.readouterr().out


def test_definition_imports_no_runtime_modules() -> None:
    code = """
import sys
from airflow.cli import cli_config
from airflow_provider_streamkap.cli.definition import get_commands
get_commands()
print(*sorted(name for name in sys.modules if name.startswith("airflow_provider_streamkap.cli")))
print(*sorted(name for name in sys.modules if name.startswith("airflow_provider_streamkap.hooks.s")))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    ours, hooks = done.stdout.splitlines()[-2:]
    assert ours == "airflow_provider_streamkap.cli airflow_provider_streamkap.cli.definition"
    assert hooks == ""


@needs_provider_commands
def test_commands_of_airflow_match_metadata() -> None:
    from airflow.providers_manager import ProvidersManager

    groups: list[Any] = [group for function in ProvidersManager().cli_command_functions for group in function()]
    (ours,) = (group for group in groups if group.name == "streamkap")
    assert [command.name for command in ours.subcommands] == ["destinations", "sources", "pipelines", "status"]


@pytest.mark.system
def test_connection_in_metadata_database(project: StreamkapSimulator, tmp_path: Path) -> None:
    environment = {"AIRFLOW_HOME": str(tmp_path), "AIRFLOW_CONN_STREAMKAP_DEFAULT": ""}
    stored = project.airflow_connection()
    for command in (["db", "migrate"], ["connections", "add", "stored", "--conn-json", stored]):
        done = run(*command, program=("-m", "airflow"), **environment)
        assert done.returncode == 0, done.stderr
    for program in (OURS, AIRFLOWS) if AIRFLOW >= (3, 2) else (OURS,):
        done = run("sources", "--conn-id", "stored", "--output", "json", program=program, **environment)
        assert [row["name"] for row in json.loads(done.stdout)] == ["shop"]
        done = run("sources", "--conn-id", "other", program=program, **environment)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "Error: The conn_id `other` isn't defined\n"
