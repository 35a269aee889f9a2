# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Measure how long a worker takes to read the metrics of many destinations, relative to a lower bound.

``python -m benchmarks.lists`` runs the operator and one poll of the sensor, with their default arguments, against a
server in another process with a latency of 0.3 s. The lower bound is the number of requests for the destinations that
were read, times the latency, divided by the number of concurrent requests.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.cost.server import running
from benchmarks.doc_sections import replace_section

#: Response latency in seconds, number of destinations, and default max_concurrency of a connection.
LATENCY = 0.3
DESTINATIONS = 300
CONCURRENCY = 16
#: Maximum ratio to pass.
TARGET_RATIO = 1.5

_IDS = [f"d{number}" for number in range(DESTINATIONS)]


class Result(NamedTuple):
    """The measurement of one task.

    :param task: what was measured.
    :param read: number of destinations that were read.
    :param requests: requests per destination.
    :param seconds: duration.
    """

    task: str
    read: int
    requests: int
    seconds: float

    @property
    def bound(self) -> float:
        """The lower bound in seconds."""
        return self.read * self.requests * LATENCY / CONCURRENCY

    @property
    def ratio(self) -> float:
        """The duration relative to the lower bound."""
        return self.seconds / self.bound


class _TaskInstance:
    def xcom_push(self, key: str, value: Any) -> None:
        """Discard the value."""


def _tasks() -> Mapping[str, tuple[Callable[[], int], int]]:
    """Return by label what to measure, and its requests per destination. Calling it returns how many were read."""
    from airflow.sdk.exceptions import TaskDeferred

    from airflow_provider_streamkap.operators.streamkap import StreamkapDestinationMetricsOperator
    from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor

    context: Any = {"ti": _TaskInstance()}

    def sensor(deferrable: bool) -> int:
        task = StreamkapDestinationSensor(task_id="wait", destination_id=_IDS, deferrable=deferrable)
        # The destinations of this server always lag.
        with suppress(TaskDeferred):
            task.poke(context)
        assert task._wait is not None
        return sum(bool(resource.last_reading) and not resource.failures for resource in task._wait.resources.values())

    def operator() -> int:
        return len(StreamkapDestinationMetricsOperator(task_id="snapshot", destination_id=_IDS).execute(context))

    return {
        "operator": (operator, 1),
        "sensor, one poll": (lambda: sensor(deferrable=False), 2),
        "deferrable sensor, first poll": (lambda: sensor(deferrable=True), 2),
    }


def measure(url: str) -> list[Result]:
    """Measure all tasks in sequence.

    :param url: URL of the server.
    """
    connection = {"conn_type": "streamkap", "host": url, "login": "made-up", "password": "made-up-secret"}
    os.environ["AIRFLOW_CONN_STREAMKAP_DEFAULT"] = json.dumps(connection)
    results = []
    for label, (run, requests) in _tasks().items():
        began = time.perf_counter()
        read = run()
        results.append(Result(label, read, requests, time.perf_counter() - began))
    return results


def table(results: Sequence[Result]) -> str:
    """Format the results as a Markdown table.

    :param results: return value of :func:`measure`.
    """
    columns = ("destinations", "read", "requests each", "seconds", "lower bound", "ratio")
    rows = [
        f"| {result.task} | {DESTINATIONS} | {result.read} | {result.requests} | {result.seconds:.2f} "
        f"| {result.bound:.2f} | {result.ratio:.2f} |"
        for result in results
    ]
    return "\n".join([f"| task | {' | '.join(columns)} |", f"| --- {'| ---: ' * len(columns)}|", *rows])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; return 1 if a ratio exceeds TARGET_RATIO.

    :param arguments: command line arguments.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lists", description=__doc__)
    parser.add_argument("--write", type=Path, metavar="PAGE", help="also write the table to this page")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as home, running(str(LATENCY)) as url:
        os.environ["AIRFLOW_HOME"] = home
        os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
        results = measure(url)
    print(table(results))
    if options.write:
        replace_section(options.write, "lists", table(results))
    return int(any(result.ratio > TARGET_RATIO for result in results))


if __name__ == "__main__":
    raise SystemExit(main())
