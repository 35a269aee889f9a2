# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Live an hour in minutes, print what was held, and fail if it grows or stays: ``python -m benchmarks.soak``."""

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

from benchmarks.haste import HastyClock
from benchmarks.pages import write
from benchmarks.soak.plan import FULL, QUICK, Plan
from benchmarks.soak.report import draw, table
from benchmarks.soak.sample import FLAT, Sample, growths

ROOT = Path(__file__).parents[2]
RESULTS = "soak"
PICTURE = Path("images") / "soak.svg"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line.

    :param arguments: what follows the command's name.
    :returns: 0, or 1 if something has grown, or is left in the end.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few minutes in seconds, which tell of leaks only")
    parser.add_argument("--seed", type=int, default=FULL.seed, help="of everything that is left to chance")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into this page, and draw its picture")
    asked = parser.parse_args(arguments)
    plan = replace(QUICK if asked.quick else FULL, seed=asked.seed)
    with tempfile.TemporaryDirectory() as home:
        # Before anything imports Airflow.
        os.environ.update(AIRFLOW_HOME=home, AIRFLOW__CORE__LOAD_EXAMPLES="False", NO_PROXY="127.0.0.1")
        return _judge(plan, asked.write)


def _judge(plan: Plan, page: Path | None) -> int:
    from benchmarks.soak.triggerer import live

    _hush()
    clock = HastyClock.start(plan.speed)
    arguments = json.dumps({"plan": asdict(plan), "clock": asdict(clock)})
    command = [sys.executable, "-m", "benchmarks.soak.world", arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as world:
        assert world.stdin is not None
        try:
            life = live(plan, clock, world)
        finally:
            # It serves until nobody holds this end.
            world.stdin.close()
    text = table(plan, life)
    print(text)
    if page:
        write(page, RESULTS, text)
        (page.parent / PICTURE).write_text(draw(plan, life.samples), encoding="utf-8")
    found = [f"left behind: {what}" for what in life.left] + (grown(life.samples, plan.settled) if plan.judged else [])
    for what in found:
        print(what, file=sys.stderr)
    return 1 if found else 0


def grown(samples: Sequence[Sample], settled: float) -> list[str]:
    """Tell what has grown, and should not have.

    :param samples: of the whole life.
    :param settled: minute from which on nothing may grow.
    """
    seen = growths(samples, settled)
    return [
        f"{what} grow by {seen[name].hourly:.1f} an hour, of {seen[name].mean:.1f}"
        for name, what, share in FLAT
        if seen[name].exceeds(share)
    ]


def _hush() -> None:
    """Let logging do its work, of which nobody reads."""
    try:
        from airflow.sdk.execution_time.supervisor import _configure_logs_over_json_channel
    except ImportError:
        logging.getLogger().addHandler(logging.NullHandler())
        logging.disable()
    else:
        _configure_logs_over_json_channel(os.open(os.devnull, os.O_WRONLY))


if __name__ == "__main__":
    raise SystemExit(main())
