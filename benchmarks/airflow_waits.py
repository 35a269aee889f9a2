# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What waits cost a real Airflow: worker slots by way of waiting, and two hundred mapped waits that end together.

``python -m benchmarks.airflow_waits [--crowd]`` starts an Airflow of its own against the simulator and prints
Markdown tables. A worker counts as taken while the task instance is running in the metadata database, which is
looked at five times a second.
"""

from __future__ import annotations

import argparse
import datetime as dt
import logging
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from airflow_provider_streamkap.testing import StreamkapSimulator, scenarios
from benchmarks.dags.bench_waits import DESTINATIONS, WAYS
from benchmarks.pages import write
from scripts.airflow_database import Postgres
from scripts.airflow_stack import AirflowStack
from scripts.stop_signals import signals_as_exceptions

DAGS = Path(__file__).parent / "dags"
LOOK_EVERY = 0.2
LAGGING, DRAINED = scenarios.stalled(lag=120), scenarios.steady()
_SETTINGS = {
    "AIRFLOW__CORE__PARALLELISM": "8",
    "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "400",
    "AIRFLOW__TRIGGERER__CAPACITY": "1000",
    "AIRFLOW__SCHEDULER__MAX_TIS_PER_QUERY": "64",
}


def states(stack: AirflowStack, dag_id: str) -> Counter[str]:
    """Count the task instances of a DAG by state."""
    rows = stack.query("SELECT state, count(*) AS n FROM task_instance WHERE dag_id = ? GROUP BY state", dag_id)
    return Counter({str(row["state"]): row["n"] for row in rows})


def ways(stack: AirflowStack, simulator: StreamkapSimulator, seconds: float) -> str:
    """Let one destination for each way drain after some seconds, and tell what each wait took.

    :param seconds: how long the destinations lag.
    """
    for way in WAYS:
        simulator.add(way, LAGGING)
    run_id = stack.trigger_dag("bench_ways")
    stack.wait(lambda: states(stack, "bench_ways").total() == len(WAYS), 60, "The run does not begin")
    taken: Counter[str] = Counter()
    workers: Counter[str] = Counter()
    busy: set[str] = set()
    began = last = time.monotonic()
    drained = False
    while stack.run_state("bench_ways", run_id) not in ("success", "failed"):
        time.sleep(LOOK_EVERY)
        now = time.monotonic()
        rows = stack.query("SELECT task_id, state FROM task_instance WHERE dag_id = 'bench_ways'")
        running = {row["task_id"] for row in rows if row["state"] == "running"}
        for task_id in running:
            taken[task_id] += round((now - last) * 1000)
        workers.update(running - busy)
        busy, last = running, now
        if not drained and now - began > seconds:
            drained = True
            for way in WAYS:
                simulator.set(way, DRAINED)
    lines = [
        "| way to wait | times a worker was taken | seconds on a worker | requests | ended as |",
        "|---|---:|---:|---:|---|",
    ]
    by_task = {task.task_id: task.state for task in stack.task_instances("bench_ways", run_id)}
    for way in WAYS:
        asked = simulator.count(f"/destinations/{way}/metrics")
        lines.append(f"| {way} | {workers[way]} | {taken[way] / 1000:.1f} | {asked} | {by_task[way]} |")
    return "\n".join(lines)


def crowd(stack: AirflowStack, simulator: StreamkapSimulator) -> str:
    """Let two hundred waits on twenty destinations begin, drain all at one moment, and tell how it went."""
    for id_ in DESTINATIONS:
        simulator.add(id_, LAGGING)
    waits = 10 * len(DESTINATIONS)
    began = time.monotonic()
    run_id = stack.trigger_dag("bench_crowd")
    stack.wait(lambda: states(stack, "bench_crowd")["deferred"] == waits, 1500, "The waits do not all begin")
    deferred_after = time.monotonic() - began
    # One interval for the last to find their place, and then three to count.
    time.sleep(10)
    asked = simulator.count("/metrics")
    time.sleep(30)
    rate = (simulator.count("/metrics") - asked) / 30
    drained_at = dt.datetime.now(dt.UTC)
    for id_ in DESTINATIONS:
        simulator.set(id_, DRAINED)
    asked = simulator.count("/metrics")
    stack.wait(lambda: stack.run_state("bench_crowd", run_id) in ("success", "failed"), 300, "The waits do not end")
    tasks = stack.task_instances("bench_crowd", run_id)
    ends = sorted((task.end - drained_at).total_seconds() for task in tasks if task.end)
    ended: Mapping[str | None, int] = Counter(task.state for task in tasks)
    return "\n".join(
        [
            "| figure | value |",
            "|---|---:|",
            f"| waits, destinations, interval | {waits}, {len(DESTINATIONS)}, 10 s |",
            f"| seconds until all were deferred | {deferred_after:.0f} |",
            f"| requests a second while all wait (destinations / interval = {len(DESTINATIONS) / 10:g}) | {rate:.2f} |",
            f"| tokens taken | {simulator.token_calls} |",
            f"| requests from the drain to the end | {simulator.count('/metrics') - asked} |",
            f"| seconds from the drain to the first, median and last success | {ends[0]:.1f}, "
            f"{ends[len(ends) // 2]:.1f}, {ends[-1]:.1f} |",
            f"| ended as | {', '.join(f'{count} {state}' for state, count in ended.items())} |",
        ]
    )


def main() -> int:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.airflow_waits", description=__doc__)
    parser.add_argument("--crowd", action="store_true", help="also two hundred mapped waits (several minutes)")
    parser.add_argument("--seconds", type=float, default=60, help="how long the destinations lag, default 60")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the tables into this page, too")
    options = parser.parse_args()
    logging.getLogger("airflow_provider_streamkap.testing").setLevel(logging.WARNING)
    with signals_as_exceptions(), StreamkapSimulator() as simulator:
        connections = {"streamkap_default": simulator.airflow_connection()}
        with AirflowStack(Path(sys.executable), DAGS, connections, overrides=_SETTINGS, database=Postgres()) as stack:
            found = {"ways": ways(stack, simulator, options.seconds)}
            print(found["ways"], flush=True)
            if options.crowd:
                found["crowd"] = crowd(stack, simulator)
                print(f"\n{found['crowd']}", flush=True)
    if options.write:
        for name, text in found.items():
            write(options.write, name, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
