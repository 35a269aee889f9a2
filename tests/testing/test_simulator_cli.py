# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m airflow_provider_streamkap.testing``, in a separate process, and its argument parser."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
import requests

from airflow_provider_streamkap.testing import StreamkapSimulator, scenarios
from airflow_provider_streamkap.testing.__main__ import destination, main, pipeline
from airflow_provider_streamkap.testing.demo import DEMO, PIPELINES, add_demo
from tests.testing.support import PATIENCE, START, Api, Clock

ROOT = Path(__file__).parents[2]


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    """Run the command with the demo and one more destination, on a free port."""
    command = [sys.executable, "-m", "airflow_provider_streamkap.testing", "--port", "0", "--scenario", "demo"]
    running = subprocess.Popen(
        [*command, "--destination", "mine=steady:lag=3,status=Paused"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    yield running
    running.kill()
    running.communicate()


def until(stream: IO[str] | None, text: str) -> str:
    """Return what the process prints, up to the line with this text."""
    assert stream is not None
    lines = []
    for line in stream:
        lines.append(line)
        if text in line:
            return "".join(lines)
    raise AssertionError("".join(lines))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_command_prints_connection_serves_and_exits_cleanly(
    process: subprocess.Popen[str], number: signal.Signals
) -> None:
    output = until(process.stdout, "Ctrl-C")
    assert all(item.destination_id in output and item.name in output for item in DEMO)
    assert all(pipeline_id in output and story in output for pipeline_id, story in PIPELINES.items())
    exported = next(line for line in output.splitlines() if "AIRFLOW_CONN" in line)
    connection = json.loads(exported.partition("=")[2].strip("'"))
    assert {connection["host"], connection["login"], connection["password"]} <= set(output.split())
    with requests.Session() as session:
        session.trust_env = False
        body = {"client_id": connection["login"], "secret": connection["password"]}
        answer = session.post(connection["host"] + "/auth/access-token", json=body, timeout=PATIENCE)
        token = answer.json()["accessToken"]
        headers = {"Authorization": f"Bearer {token}"}
        for destination_id, lag in ((scenarios.DEMO_DRAINING, 120), ("mine", 3)):
            url = f"{connection['host']}/destinations/{destination_id}/metrics"
            data = session.get(url, headers=headers, timeout=PATIENCE).json()["data"]
            assert data["recordsLag"] == lag
    process.send_signal(number)
    rest, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "POST /auth/access-token -> 200" in rest
    assert f"GET /destinations/{scenarios.DEMO_DRAINING}/metrics -> 200" in rest
    assert rest.endswith("Streamkap simulator stopped.\n")
    assert token not in rest
    assert "Traceback" not in rest


def test_process_stopped_from_within(capsys: pytest.CaptureFixture[str]) -> None:
    stopped = threading.Event()
    stopped.set()
    before = signal.getsignal(signal.SIGINT)
    arguments = ["--port", "0", "--scenario", "empty", "--destination", "a=stalled", "--secret", "hush"]
    assert main([*arguments, "--pipeline", "p=source_idle:heartbeat=table,every=30"], stopped) == 0
    assert signal.getsignal(signal.SIGINT) is before
    output = capsys.readouterr().out
    assert "hush" in output
    assert [line.split() for line in output.splitlines() if "stalled" in line] == [["a", "destination-a", "stalled"]]
    assert "p-destination  destination-tion behind source_idle" in output
    assert "pipeline-p           from p-source to p-destination: source_idle" in output


def test_startup_errors_are_reported(capsys: pytest.CaptureFixture[str], simulator: StreamkapSimulator) -> None:
    assert main(["--port", simulator.url.rpartition(":")[2]]) == 1
    assert main(["--host", "0.0.0.0"]) == 1
    assert main(["--port", "0", "--destination", "a=steady", "--destination", "a=steady"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("The simulator cannot start: ") for line in lines)


def test_destination_is_parsed_from_command_line() -> None:
    destination_id, scenario = destination("a=draining:lag=10,rate=2")
    assert (destination_id, scenario.name, scenario.at(1).records_lag) == ("a", "draining", 8)
    assert destination("a=steady:status=Stopped")[1].at(0).connector_status == "Stopped"
    assert destination("a=frozen")[1].name == "frozen"


def test_pipeline_is_parsed_from_command_line() -> None:
    pipeline_id, scenario = pipeline("p=source_stalls:at=60,connector=mysql")
    assert (pipeline_id, scenario.source.name, scenario.source.connector) == ("p", "source_stalls", "mysql")
    assert scenario.consumed(1e6) == scenario.committed(55)
    with pytest.raises(argparse.ArgumentTypeError, match="must be ID=SCENARIO with one of source_streaming"):
        pipeline("p=steady")
    with pytest.raises(argparse.ArgumentTypeError, match="heartbeat must be none, table, filtered or kafka"):
        pipeline("p=source_idle:heartbeat=email")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", "must be ID=SCENARIO"),
        ("=steady", "must be ID=SCENARIO"),
        ("a=sequence", "must be ID=SCENARIO"),
        ("a=steady:speed=2", "no setting 'speed'"),
        ("a=broken:of=steady", "no setting 'of'"),
        ("a=steady:lag=much", "must be a number"),
        ("a=steady:lag=-1", "0 or more"),
    ],
)
def test_invalid_destination_argument(text: str, message: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=message):
        destination(text)


def test_demo_behaves_as_documented(api: Api, clock: Clock) -> None:
    add_demo(api.simulator)
    assert len({item.destination_id for item in DEMO}) == len(DEMO) == len(api.simulator.destinations)
    assert all(len(item.destination_id) == 24 and int(item.destination_id, 16) for item in DEMO)
    clock.pass_by(600)

    def look(destination_id: str) -> tuple[str | None, float | None]:
        data = api.metrics(destination_id)
        return data["connector_status"], data["recordsLag"]

    first = {item.destination_id: look(item.destination_id) for item in DEMO}
    clock.pass_by(25)
    later = {item.destination_id: look(item.destination_id) for item in DEMO}
    seen = {key: (first[key], later[key]) for key in first}
    assert seen == {
        scenarios.DEMO_DRAINING: (("Active", 120), ("Active", 0)),
        scenarios.DEMO_STEADY: (("Active", 0), ("Active", 0)),
        scenarios.DEMO_STARTING: (("Starting", None), ("Active", 0)),
        scenarios.DEMO_FLAPPING: (("Active", 0), ("Active", 0)),
        scenarios.DEMO_BROKEN: (("Broken", 1000), ("Broken", 1000)),
        scenarios.DEMO_PAUSED: (("Paused", 0), ("Paused", 0)),
        scenarios.DEMO_STALLED: (("Active", 500), ("Active", 500)),
        scenarios.DEMO_NULL_LAG: (("Active", None), ("Active", None)),
        scenarios.DEMO_UNFED: (("Active", 0), ("Active", 0)),
    }
    clock.pass_by(181)
    assert look(scenarios.DEMO_DRAINING) == ("Active", 120)


def test_demo_pipelines_behave_as_documented(api: Api, clock: Clock) -> None:
    add_demo(api.simulator)
    names = {
        scenarios.DEMO_PIPELINE_NAME: ("shop", "orders"),
        scenarios.DEMO_STALLED_PIPELINE_NAME: ("shop-eu", "orders-eu"),
    }
    listed = api.get("/pipelines").json()["result"]
    assert {item["name"]: (item["source"]["name"], item["destination"]["name"]) for item in listed} == names
    assert set(api.simulator.pipelines) == set(PIPELINES) == {item["id"] for item in listed}
    healthy, stalled = scenarios.DEMO_SOURCE, scenarios.DEMO_STALLED_SOURCE
    assert api.get(f"/sources/{healthy}").json()["result"][0]["config"]["heartbeat.enabled"] is True
    for _ in range(3):
        clock.pass_by(100)
        data = {id_: api.get(f"/sources/{id_}/metrics").json()["data"] for id_ in (healthy, stalled)}
        assert {item["StreamingConnected"] for item in data.values()} == {1}
        assert data[healthy]["StreamingMilliSecondsSinceLastEvent"] == 9500
        assert data[stalled]["StreamingMilliSecondsSinceLastEvent"] == (clock.now - START + 4.5) * 1000
        assert api.get(f"/pipelines/{scenarios.DEMO_STALLED_PIPELINE}/metrics").json()["data"]["recordsLag"] == 0
