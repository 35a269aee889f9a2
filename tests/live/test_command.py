# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The command line: required variables, output and exit codes, without secrets."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from scripts.live.__main__ import NOT_CONFIGURED, UNREACHABLE, main
from scripts.live.findings import Finding
from scripts.live.table import LEGEND, table
from tests.live.conftest import ROWS
from tests.testing.support import Clock

ROOT = Path(__file__).parents[2]


def environ(simulator: StreamkapSimulator, **changes: str) -> dict[str, str]:
    return {
        "STREAMKAP_HOST": simulator.url,
        "STREAMKAP_CLIENT_ID": simulator.client_id,
        "STREAMKAP_SECRET": simulator.secret,
        **changes,
    }


@pytest.mark.parametrize(
    ("given", "lacking"),
    [
        ({}, "STREAMKAP_CLIENT_ID, STREAMKAP_SECRET"),
        ({"STREAMKAP_CLIENT_ID": "me"}, "STREAMKAP_SECRET"),
        ({"STREAMKAP_SECRET": "made-up-secret"}, "STREAMKAP_CLIENT_ID"),
        ({"STREAMKAP_CLIENT_ID": " ", "STREAMKAP_SECRET": ""}, "STREAMKAP_CLIENT_ID, STREAMKAP_SECRET"),
    ],
)
def test_without_credentials(given: dict[str, str], lacking: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], given) == NOT_CONFIGURED == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"Not set: {lacking}\n")
    for name in ("CLIENT_ID", "SECRET", "HOST", "DESTINATION_ID", "PIPELINE_ID", "SOURCE_ID"):
        assert f"  STREAMKAP_{name}" in shown.err
    assert "made-up-secret" not in shown.err


def test_module_exits_with_same_code() -> None:
    command = [sys.executable, "-m", "scripts.live"]
    done = subprocess.run(command, check=False, cwd=ROOT, env={}, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (NOT_CONFIGURED, "")
    assert done.stderr.startswith("Not set: ")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"STREAMKAP_HOST": "http://api.example.com"}, "STREAMKAP_HOST uses plain http"),
        ({"STREAMKAP_HOST": "https://me:pw-of-mine@api.example.com"}, "STREAMKAP_HOST must not contain a user"),
        ({"STREAMKAP_DESTINATION_ID": ".."}, "STREAMKAP_DESTINATION_ID must not be"),
        ({"STREAMKAP_SOURCE_ID": ".."}, "STREAMKAP_SOURCE_ID must not be"),
        ({"STREAMKAP_PIPELINE_ID": ".."}, "STREAMKAP_PIPELINE_ID must not be"),
    ],
)
def test_invalid_arguments(
    simulator: StreamkapSimulator, capsys: pytest.CaptureFixture[str], changes: dict[str, str], said: str
) -> None:
    assert main([], environ(simulator, **changes)) == NOT_CONFIGURED
    shown = capsys.readouterr().err
    assert said in shown
    assert "pw-of-mine" not in shown
    assert simulator.requests == []


def test_table(simulator: StreamkapSimulator, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    simulator.add("d1", scenarios.draining(lag=9000, rate=1))
    simulator.add("d2", scenarios.paused(lag=0))
    slept: list[float] = []
    assert main(["--pause", "7"], environ(simulator), clock=clock, sleep=slept.append) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert shown.out.startswith(f"{simulator.url}, read-only\n\n")
    assert sum(line[:1] in "+!?" for line in shown.out.splitlines() if line and line != LEGEND) == len(ROWS)
    assert slept == [7]


def test_multi_line_cell() -> None:
    lines = table([Finding("short", "word " * 20, "c", None)]).splitlines()
    assert [line[:1] for line in lines] == [" ", "-", "?", " ", " ", " ", "", "+"]
    assert all(len(line) < 120 for line in lines)


def test_rejected_credentials(simulator: StreamkapSimulator, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = environ(simulator, STREAMKAP_SECRET="made-up-secret")
    assert main([], wrong, clock=clock, sleep=clock.pass_by) == UNREACHABLE == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "The check failed" in shown.err
    assert "check client id and secret" in shown.err
    assert "made-up-secret" not in shown.err


def test_no_part_of_secret_is_printed(
    simulator: StreamkapSimulator, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    # The table shows only the first 100 characters of a topic.
    topic = "x" * 85 + simulator.secret
    simulator.add_source("s1", topics=[topic], metrics={"snapshotStatus": [{"status": "completed", "topic_id": "y"}]})
    assert main([], environ(simulator), clock=clock, sleep=clock.pass_by) == 0
    shown = "".join(capsys.readouterr().out.split())
    assert "none of 1: y".replace(" ", "") in shown
    assert simulator.secret[:8] not in shown


@pytest.mark.parametrize("path", ["/auth/", "/destinations", "/sources", "/pipelines", "/metrics"])
def test_no_secret_is_printed_even_if_service_echoes_it(
    simulator: StreamkapSimulator, clock: Clock, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    simulator.add("d1", scenarios.draining(lag=9000, rate=1))
    simulator.add_pipeline("p1", "s1", "d2", scenarios.pipeline())
    run = [[], environ(simulator)]
    assert main(*run, clock=clock, sleep=clock.pass_by) == 0  # type: ignore[arg-type]
    said = f"you sent {simulator.secret} " * 3
    record = {"id": "d1", "name": said, "connector": said, "connector_status": said}
    nested = {"source": {**record, "id": "s1"}, "destination": record, "topics": [said]}
    data = {
        "state": said,
        "snapshotState": said,
        "snapshotStatus": [{"status": said, "topic_id": said}],
        "status": said,
    }
    echo = json.dumps(
        {"detail": said, "expiresIn": said, "result": [{**record, **nested, "config": {"x": said}}], "data": data}
    ).encode()
    for status in (200, 400, 401):
        fault = Fault.status(status, headers={"X-Request-Id": said}, body=echo)
        simulator.inject(fault, path=path, times=None, after=2 if path == "/auth/" else 0)
        main(*run, clock=clock, sleep=clock.pass_by)  # type: ignore[arg-type]
        simulator.clear_faults()
    shown = capsys.readouterr()
    assert "you sent ***" in shown.out
    # Cells are wrapped, so remove everything between the parts before searching for secrets.
    pieces = [secret[start : start + 8] for secret in simulator.secrets for start in range(0, len(secret) - 7, 4)]
    assert [piece for piece in pieces if piece in shown.out + shown.err and "client_id" not in piece] == []
