# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Measure how long a worker takes to read the metrics of many destinations, relative to a lower bound.

``python -m benchmarks.lists`` runs the operator and the sensor against a server in another process with a latency of
0.3 s. The lower bound is the number of requests times the latency, divided by the number of concurrent requests.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.cost.server import running
from benchmarks.doc_sections import replace_section

#: Response latency in seconds, number of destinations, and default max_concurrency of a connection.
LATENCY = 0.3
DESTINATIONS = 300
CONCURRENCY = 16
#: Maximum ratio to pass.
TARGET_RATIO = 1.5

_IDS = [f"d{number}" for number in range(DESTINATIONS)]


class _TaskInstance:
    def xcom_push(self, key: str, value: Any) -> None:
        """Discard the value."""


def _tasks() -> Mapping[str, Callable[[], Any]]:
    """Return the tasks to measure, by label."""
    from airflow_provider_streamkap.operators.streamkap import StreamkapDestinationMetricsOperator
    from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor

    context: Any = {"ti": _TaskInstance()}

    def sensor(**arguments: Any) -> Any:
        # The destinations of this server always lag; ignore that, to measure a single poll.
        task = StreamkapDestinationSensor(
            task_id="wait", destination_id=_IDS, max_records_lag=None, confirmations=1, **arguments
        )
        return task.execute(context)

    def operator() -> Any:
        return StreamkapDestinationMetricsOperator(task_id="snapshot", destination_id=_IDS).execute(context)

    return {
        "operator": operator,
        "sensor, one poll": sensor,
        "deferrable sensor, first poll": lambda: sensor(deferrable=True),
    }


def measure(url: str) -> list[tuple[str, float, float]]:
    """Measure all tasks in sequence.

    :param url: URL of the server.
    :returns: label, seconds and lower bound in seconds of each task.
    """
    connection = {"conn_type": "streamkap", "host": url, "login": "made-up", "password": "made-up-secret"}
    os.environ["AIRFLOW_CONN_STREAMKAP_DEFAULT"] = json.dumps(connection)
    results = []
    for label, run in _tasks().items():
        began = time.perf_counter()
        snapshots = run()
        seconds = time.perf_counter() - began
        assert list(snapshots) == _IDS
        results.append((label, seconds, DESTINATIONS * LATENCY / CONCURRENCY))
    return results


def table(results: Sequence[tuple[str, float, float]]) -> str:
    """Format the results as a Markdown table.

    :param results: return value of :func:`measure`.
    """
    head = "| task | destinations | s per response | concurrent requests | seconds | lower bound | ratio |"
    rows = [
        f"| {label} | {DESTINATIONS} | {LATENCY} | {CONCURRENCY} | {seconds:.2f} | {bound:.2f} "
        f"| {seconds / bound:.2f} |"
        for label, seconds, bound in results
    ]
    return "\n".join([head, "| --- | ---: | ---: | ---: | ---: | ---: | ---: |", *rows])


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
    return int(any(seconds > TARGET_RATIO * bound for _, seconds, bound in results))


if __name__ == "__main__":
    raise SystemExit(main())
