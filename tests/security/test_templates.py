# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""An id rendered by Jinja stays an id: it reaches no other path, and is not rendered again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import pytest

from airflow_provider_streamkap._compat import AirflowException
from airflow_provider_streamkap.operators.streamkap import StreamkapDestinationMetricsOperator
from airflow_provider_streamkap.testing import StreamkapSimulator
from tests.airflow.sensor_modes import MODES, TaskInstance, run, sensor
from tests.airflow_imports import DAG

PARAMETERS = [
    "../../auth/whoami",
    "d1/metrics?time_type=timeseries&",
    "//elsewhere.example/",
    "https://elsewhere.example/",
    "d1#",
    "%2e%2e/auth",
    "{{ 7 * 7 }}",
    "{% raw %}",
]
REFUSED = ["..", ".", "", "d1\r\nX: y", "d1\nX: y"]


def rendered(make: Any, given: str, native: bool) -> Any:
    """Render a run parameter that a user has given."""
    with DAG("dag", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), render_template_as_native_obj=native):
        task = make()
    task.render_template_fields({"params": {"id": given}})
    return task


def operator(given: str, native: bool = False) -> Any:
    def make() -> Any:
        return StreamkapDestinationMetricsOperator(task_id="shot", destination_id="{{ params.id }}")

    return rendered(make, given, native)


def waiting(mode: str, given: str) -> Any:
    return rendered(lambda: sensor(mode, destination_id="{{ params.id }}", max_poll_failures=1), given, False)


def check(simulator: StreamkapSimulator, given: str, ends: list[list[str]]) -> None:
    requests = [item for item in simulator.requests if item.method == "GET"]
    for sent, end in zip(requests, ends, strict=True):
        _, first, segment, *rest = sent.raw_path.partition("?")[0].split("/")
        assert (first, unquote(segment), rest) == ("destinations", given, end)


@pytest.mark.parametrize("given", PARAMETERS)
@pytest.mark.parametrize("native", [False, True])
def test_operator_with_templated_id(streamkap: StreamkapSimulator, given: str, native: bool) -> None:
    task: Any = operator(given, native)
    with pytest.raises(AirflowException, match="404"):
        task.execute({"ti": TaskInstance()})
    check(streamkap, given, [["metrics"]])


@pytest.mark.parametrize("given", PARAMETERS)
@pytest.mark.parametrize("mode", MODES)
def test_sensor_with_templated_id(streamkap: StreamkapSimulator, given: str, mode: str) -> None:
    with pytest.raises(AirflowException, match="404"):
        run(waiting(mode, given))
    # A wait checks whether the destination exists.
    check(streamkap, given, [["metrics"], []])


@pytest.mark.parametrize("given", REFUSED)
def test_invalid_id_sends_nothing(streamkap: StreamkapSimulator, given: str) -> None:
    tasks: list[Any] = [operator(given), *(waiting(mode, given) for mode in MODES)]
    for task in tasks:
        with pytest.raises((AirflowException, ValueError), match="destination_id"):
            task.execute({"ti": TaskInstance()})
    assert streamkap.requests == []
