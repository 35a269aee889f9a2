# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Run the soak test: simulate one hour of a triggerer in minutes, and fail if a resource grows or leaks.

Usage: ``python -m benchmarks.soak``.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks.doc_sections import replace_section
from benchmarks.fast_loop import FastClock
from benchmarks.soak.plan import FULL, QUICK, Plan
from benchmarks.soak.report import draw, table
from benchmarks.soak.sample import LEAK_METRICS, Sample, growth_by_metric

ROOT = Path(__file__).parents[2]
RESULTS = "soak"
CHART = Path("images") / "soak.svg"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line.

    :param arguments: command line arguments.
    :returns: 1 if a resource grew or leaked, else 0.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a few simulated minutes, which detect leaks but not growth"
    )
    parser.add_argument("--seed", type=int, default=FULL.seed, help="of everything that is left to random")
    parser.add_argument(
        "--write", type=Path, metavar="PAGE", help="also write the table to this page and draw its chart"
    )
    options = parser.parse_args(arguments)
    plan = replace(QUICK if options.quick else FULL, seed=options.seed)
    with tempfile.TemporaryDirectory() as home:
        # Set before the first import of Airflow.
        os.environ.update(AIRFLOW_HOME=home, AIRFLOW__CORE__LOAD_EXAMPLES="False", NO_PROXY="127.0.0.1")
        return _run(plan, options.write)


def _run(plan: Plan, page: Path | None) -> int:
    from benchmarks.soak.triggerer import run_soak

    _discard_logs()
    clock = FastClock.start(plan.speed)
    arguments = json.dumps({"plan": asdict(plan), "clock": asdict(clock)})
    command = [sys.executable, "-m", "benchmarks.soak.simulated_service", arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as service:
        assert service.stdin is not None
        try:
            result = run_soak(plan, clock, service)
        finally:
            # The service stops when its standard input is closed.
            service.stdin.close()
    text = table(plan, result)
    print(text)
    if page:
        replace_section(page, RESULTS, text)
        (page.parent / CHART).write_text(draw(plan, result.samples), encoding="utf-8")
    problems = [f"leaked: {what}" for what in result.leaks]
    if plan.judged:
        problems += grown(result.samples, plan.settled)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def grown(samples: Sequence[Sample], settled: float) -> list[str]:
    """Tell what has grown, and should not have.

    :param samples: of the whole result.
    :param settled: minute from which on nothing may grow.
    """
    trends = growth_by_metric(samples, settled)
    return [
        f"{what} grew by {trends[name].hourly:.1f} per hour (mean {trends[name].mean:.1f})"
        for name, what, share in LEAK_METRICS
        if trends[name].exceeds(share)
    ]


def _discard_logs() -> None:
    """Format all log messages as in a triggerer, but discard the output."""
    try:
        from airflow.sdk.execution_time.supervisor import _configure_logs_over_json_channel
    except ImportError:
        logging.getLogger().addHandler(logging.NullHandler())
        logging.disable()
    else:
        _configure_logs_over_json_channel(os.open(os.devnull, os.O_WRONLY))


if __name__ == "__main__":
    raise SystemExit(main())
