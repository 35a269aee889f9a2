# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Progress log lines: the same in every mode, one line per poll with changes."""

from __future__ import annotations

import re

import pytest

from airflow_provider_streamkap._compat import AirflowException, AirflowFailException, AirflowSensorTimeout
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from tests.airflow.log_capture import Logged
from tests.airflow.sensor_modes import MODES, run, sensor

METRICS = "/destinations/d1/metrics"
BY_MODE = pytest.mark.parametrize("mode", MODES)


def reading(lag: int, status: str = "Active") -> scenarios.Reading:
    """Create a reading with an arbitrary latency."""
    return scenarios.Reading(records_lag=lag, connector_status=status, latency=250)


def progress_lines(logged: Logged) -> list[str]:
    """Return the progress lines without time-dependent numbers."""
    lines = logged.starting("Poll ")
    for timing in (r"(?<=next poll in )[\d.]+ m?s", r"(?<=Elapsed )\d+ s"):
        lines = [re.sub(timing, "~", line) for line in lines]
    return lines


@BY_MODE
def test_every_poll_with_changes_is_logged(streamkap: StreamkapSimulator, logged: Logged, mode: str) -> None:
    streamkap.add("d1", scenarios.sequence([reading(1200), reading(30, "Paused"), reading(0)]))
    run(sensor(mode))
    first, second, third, last = progress_lines(logged)
    assert first == (
        "Poll 1: d1 not ready: lag 1,200 > 0 (status Active, latency 250 ms). Elapsed ~ of 20 s; next poll in ~."
    )
    assert second.startswith("Poll 2: d1 not ready: status is Paused, not Active; lag 30 > 0 (status Paused, latency")
    assert third.startswith(
        "Poll 3: d1 ready (status Active, lag 0, latency 250 ms). Confirmed 1 of 2 times. Elapsed ~ of 20 s"
    )
    assert last.startswith(
        "Poll 4: d1 ready (status Active, lag 0, latency 250 ms). The gate is open. Elapsed ~ of 20 s"
    )


@BY_MODE
def test_failed_poll_logs_reason(streamkap: StreamkapSimulator, logged: Logged, mode: str) -> None:
    streamkap.add("d1", scenarios.steady())
    streamkap.inject(Fault.status(503, body={"detail": "upstream is away"}), path=METRICS, times=2)
    run(sensor(mode))
    first, second, *_ = progress_lines(logged)
    for line in (first, second):
        assert "1 failed poll" in line or "2 failed polls in a row" in line
        assert "upstream is away" in line
        assert "503" in line
    assert first.startswith("Poll 1: ")
    assert second.startswith("Poll 2: ")


@BY_MODE
@pytest.mark.parametrize(
    ("fault", "end", "said"),
    [
        (Fault.status(403), AirflowFailException, "The wait failed (permanent error)"),
        (Fault.status(500), AirflowException, "The wait failed (unreachable)"),
    ],
)
def test_last_line_reports_outcome(
    streamkap: StreamkapSimulator, logged: Logged, mode: str, fault: Fault, end: type[Exception], said: str
) -> None:
    streamkap.add("d1", scenarios.steady())
    streamkap.inject(fault, path=METRICS, times=None)
    with pytest.raises(end):
        run(sensor(mode, max_poll_failures=1))
    assert said in progress_lines(logged)[-1]


@BY_MODE
def test_timeout_reports_unmet_condition(streamkap: StreamkapSimulator, logged: Logged, mode: str) -> None:
    streamkap.add("a", scenarios.steady())
    streamkap.add("b", scenarios.steady(lag=7))
    streamkap.add("c", scenarios.null_lag())
    with pytest.raises(AirflowSensorTimeout) as caught:
        run(sensor(mode, destination_id=["a", "b", "c"], timeout=0.5))
    said = str(caught.value)
    assert said.startswith("Timed out waiting for 3 destinations. ")
    assert "1 of 3 ready; not ready: b: lag 7 > 0" in said
    assert "c: lag is unknown" in said
    polls = streamkap.count("/destinations/a/metrics")
    assert re.findall(r", (\d+) polls?\. ", said) == [str(polls)]
    assert "not ready: b" in logged.starting("Poll 1: ")[0]
