# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Measure the cost of waits for several triggers and print the tables: ``python -m benchmarks.cost``.

Each workload runs in a new process, against a server in another process.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.cost.measure import Measurements, MeasurementTask
from benchmarks.cost.plan import FULL, QUICK, SHORT, Plan, Workload
from benchmarks.cost.report import Results, machine, tables
from benchmarks.cost.server import ROOT, running
from benchmarks.doc_sections import replace_section


def _last_line(command: Sequence[str]) -> str:
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip().splitlines()[-1]


def measure(workload: Workload) -> Measurements:
    """Run one workload in a new process.

    :param workload: the workload.
    """
    print(f"{workload.kind}: {workload.waits:,} waits on {workload.destinations:,}", file=sys.stderr, flush=True)
    with running() as url:
        task = MeasurementTask(url=url, **asdict(workload))
        output = _last_line([sys.executable, "-m", "benchmarks.cost.measure", json.dumps(asdict(task))])
    return Measurements(**json.loads(output))


def measure_bare_requests(requests: int) -> dict[str, float]:
    """Measure requests without Airflow.

    :param requests: number of requests.
    :returns: CPU seconds per request, by library.
    """
    print(f"bare: {requests:,} requests", file=sys.stderr, flush=True)
    with running() as url:
        command = [
            sys.executable,
            "-m",
            "benchmarks.cost.bare_requests",
            f"{url}/destinations/d1/metrics",
            str(requests),
        ]
        results: dict[str, float] = json.loads(_last_line(command))
    return results


def run(plan: Plan) -> Results:
    """Run all workloads of a plan in sequence.

    :param plan: the workloads.
    """
    return Results(
        bare=measure_bare_requests(plan.requests),
        side_by_side={
            heading: [(workload, measure(workload)) for workload in workloads]
            for heading, workloads in plan.side_by_side.items()
        },
        growth=[(workload, measure(workload)) for workload in plan.growth],
        memory=[(workload, measure(workload)) for workload in plan.memory],
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line.

    :param arguments: command line arguments.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small workloads, as a smoke test (1 minute)")
    parser.add_argument("--short", action="store_true", help="at most 1,000 waits (6 minutes)")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="also write the tables to this page")
    options = parser.parse_args(arguments)
    results = run(QUICK if options.quick else SHORT if options.short else FULL)
    text = f"{machine()}\n\n{tables(results)}"
    print(text)
    if options.write:
        replace_section(options.write, "waits", text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
