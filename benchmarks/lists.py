# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Measure how long a worker reads a list of destinations, as a ratio to the least that is possible.

``python -m benchmarks.lists`` runs the operator and the sensor against a server in another process that takes 0.3 s
for each response. The least is the number of requests times 0.3 s, divided by the requests that are under way at once.
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
from benchmarks.pages import write

#: Seconds until a response, destinations, and requests at once, which is the default of a connection.
LATENCY = 0.3
DESTINATIONS = 300
TOGETHER = 16
#: The ratio that is aimed at.
AIM = 1.5

_IDS = [f"d{number}" for number in range(DESTINATIONS)]


class _TaskInstance:
    def xcom_push(self, key: str, value: Any) -> None:
        """Keep nothing."""


def _tasks() -> Mapping[str, Callable[[], Any]]:
    """Return what is measured, by label."""
    from airflow_provider_streamkap.operators.streamkap import StreamkapDestinationMetricsOperator
    from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor

    context: Any = {"ti": _TaskInstance()}

    def sensor(**arguments: Any) -> Any:
        # The destinations of this server lag. That shall not matter: one poll is measured.
        task = StreamkapDestinationSensor(
            task_id="wait", destination_id=_IDS, max_records_lag=None, confirmations=1, **arguments
        )
        return task.execute(context)

    def operator() -> Any:
        return StreamkapDestinationMetricsOperator(task_id="snapshot", destination_id=_IDS).execute(context)

    return {
        "operator": operator,
        "sensor, one poll": sensor,
        "deferrable sensor, first look": lambda: sensor(deferrable=True),
    }


def measured(url: str) -> list[tuple[str, float, float]]:
    """Measure everything, one after the other.

    :param url: address of the server.
    :returns: label, seconds, and the least seconds that are possible.
    """
    connection = {"conn_type": "streamkap", "host": url, "login": "made-up", "password": "made-up-secret"}
    os.environ["AIRFLOW_CONN_STREAMKAP_DEFAULT"] = json.dumps(connection)
    found = []
    for label, run in _tasks().items():
        began = time.perf_counter()
        snapshots = run()
        seconds = time.perf_counter() - began
        assert list(snapshots) == _IDS
        found.append((label, seconds, DESTINATIONS * LATENCY / TOGETHER))
    return found


def table(found: Sequence[tuple[str, float, float]]) -> str:
    """Write the results as a Markdown table.

    :param found: what :func:`measured` gives.
    """
    head = "| task | destinations | s a response | requests at once | seconds | least possible | ratio |"
    rows = [
        f"| {label} | {DESTINATIONS} | {LATENCY} | {TOGETHER} | {seconds:.2f} | {least:.2f} | {seconds / least:.2f} |"
        for label, seconds, least in found
    ]
    return "\n".join([head, "| --- | ---: | ---: | ---: | ---: | ---: | ---: |", *rows])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; fails if the ratio that is aimed at is missed.

    :param arguments: what follows the command's name.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lists", description=__doc__)
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into this page, too")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as home, running(str(LATENCY)) as url:
        os.environ["AIRFLOW_HOME"] = home
        os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
        found = measured(url)
    print(table(found))
    if asked.write:
        write(asked.write, "lists", table(found))
    return int(any(seconds > AIM * least for _, seconds, least in found))


if __name__ == "__main__":
    raise SystemExit(main())
