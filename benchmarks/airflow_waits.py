# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Measure the cost of waits in a real Airflow: worker slots per mode, and 200 mapped waits that end together.

``python -m benchmarks.airflow_waits [--mapped]`` starts Airflow against the simulator and prints Markdown tables. A
worker slot counts as occupied while the task instance is running in the metadata database, sampled five times per
second.
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
from benchmarks.dags.bench_waits import DESTINATIONS, MODES
from benchmarks.doc_sections import replace_section
from scripts.airflow_database import Postgres
from scripts.airflow_stack import AirflowStack
from scripts.stop_signals import signals_as_exceptions

DAGS = Path(__file__).parent / "dags"
SAMPLE_INTERVAL = 0.2
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


def compare_modes(stack: AirflowStack, simulator: StreamkapSimulator, seconds: float) -> str:
    """Run one wait per mode and return a table of its cost.

    :param seconds: seconds until the destinations drain.
    """
    for mode in MODES:
        simulator.add(mode, LAGGING)
    run_id = stack.trigger_dag("bench_modes")
    stack.wait(lambda: states(stack, "bench_modes").total() == len(MODES), 60, "The run did not start")
    busy_ms: Counter[str] = Counter()
    slots: Counter[str] = Counter()
    busy: set[str] = set()
    started = last = time.monotonic()
    drained = False
    while stack.run_state("bench_modes", run_id) not in ("success", "failed"):
        time.sleep(SAMPLE_INTERVAL)
        now = time.monotonic()
        rows = stack.query("SELECT task_id, state FROM task_instance WHERE dag_id = 'bench_modes'")
        running = {row["task_id"] for row in rows if row["state"] == "running"}
        for task_id in running:
            busy_ms[task_id] += round((now - last) * 1000)
        slots.update(running - busy)
        busy, last = running, now
        if not drained and now - started > seconds:
            drained = True
            for mode in MODES:
                simulator.set(mode, DRAINED)
    lines = [
        "| mode | worker slots taken | seconds on a worker | requests | final state |",
        "|---|---:|---:|---:|---|",
    ]
    by_task = {task.task_id: task.state for task in stack.task_instances("bench_modes", run_id)}
    for mode in MODES:
        requests = simulator.count(f"/destinations/{mode}/metrics")
        lines.append(f"| {mode} | {slots[mode]} | {busy_ms[mode] / 1000:.1f} | {requests} | {by_task[mode]} |")
    return "\n".join(lines)


def measure_mapped_waits(stack: AirflowStack, simulator: StreamkapSimulator) -> str:
    """Run 200 waits on 20 destinations that drain at the same time, and return a table of the results."""
    for id_ in DESTINATIONS:
        simulator.add(id_, LAGGING)
    waits = 10 * len(DESTINATIONS)
    started = time.monotonic()
    run_id = stack.trigger_dag("bench_mapped")
    stack.wait(lambda: states(stack, "bench_mapped")["deferred"] == waits, 1500, "Not all waits were deferred")
    deferred_after = time.monotonic() - started
    # Skip one interval, so that all waits poll regularly, then count over three.
    time.sleep(10)
    before = simulator.count("/metrics")
    time.sleep(30)
    rate = (simulator.count("/metrics") - before) / 30
    drained_at = dt.datetime.now(dt.UTC)
    for id_ in DESTINATIONS:
        simulator.set(id_, DRAINED)
    before = simulator.count("/metrics")
    stack.wait(lambda: stack.run_state("bench_mapped", run_id) in ("success", "failed"), 300, "The waits did not end")
    tasks = stack.task_instances("bench_mapped", run_id)
    ends = sorted((task.end - drained_at).total_seconds() for task in tasks if task.end)
    ended: Mapping[str | None, int] = Counter(task.state for task in tasks)
    return "\n".join(
        [
            "| figure | value |",
            "|---|---:|",
            f"| waits, destinations, interval | {waits}, {len(DESTINATIONS)}, 10 s |",
            f"| seconds until all waits were deferred | {deferred_after:.0f} |",
            f"| requests/s while all wait (destinations / interval = {len(DESTINATIONS) / 10:g}) | {rate:.2f} |",
            f"| token calls | {simulator.token_calls} |",
            f"| requests from drain to end | {simulator.count('/metrics') - before} |",
            f"| seconds from drain to first, median and last success | {ends[0]:.1f}, "
            f"{ends[len(ends) // 2]:.1f}, {ends[-1]:.1f} |",
            f"| final states | {', '.join(f'{count} {state}' for state, count in ended.items())} |",
        ]
    )


def main() -> int:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.airflow_waits", description=__doc__)
    parser.add_argument("--mapped", action="store_true", help="also run 200 mapped waits (several minutes)")
    parser.add_argument("--seconds", type=float, default=60, help="seconds until the destinations drain (default: 60)")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="also write the tables to this page")
    options = parser.parse_args()
    logging.getLogger("airflow_provider_streamkap.testing").setLevel(logging.WARNING)
    with signals_as_exceptions(), StreamkapSimulator() as simulator:
        connections = {"streamkap_default": simulator.airflow_connection()}
        with AirflowStack(Path(sys.executable), DAGS, connections, overrides=_SETTINGS, database=Postgres()) as stack:
            tables = {"modes": compare_modes(stack, simulator, options.seconds)}
            print(tables["modes"], flush=True)
            if options.mapped:
                tables["mapped"] = measure_mapped_waits(stack, simulator)
                print(f"\n{tables['mapped']}", flush=True)
    if options.write:
        for name, text in tables.items():
            replace_section(options.write, name, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
