# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Measure what waits cost, side by side, and print the tables: ``python -m benchmarks.cost``.

Every crowd runs in a process of its own, which begins where the one before it began, against a server in another.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.cost.crowd import Figures, Task
from benchmarks.cost.plan import FULL, QUICK, SHORT, Crowd, Plan
from benchmarks.cost.report import Results, machine, tables
from benchmarks.cost.server import ROOT, running
from benchmarks.pages import write


def _last_line(command: Sequence[str]) -> str:
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip().splitlines()[-1]


def measured(crowd: Crowd) -> Figures:
    """Run one crowd.

    :param crowd: it.
    """
    print(f"{crowd.contestant}: {crowd.waits:,} waits on {crowd.destinations:,}", file=sys.stderr, flush=True)
    with running() as url:
        task = Task(url=url, **asdict(crowd))
        told = _last_line([sys.executable, "-m", "benchmarks.cost.crowd", json.dumps(asdict(task))])
    return Figures(**json.loads(told))


def bare(requests: int) -> dict[str, float]:
    """Measure bare requests.

    :param requests: how many.
    :returns: processor seconds for one, by library.
    """
    print(f"bare: {requests:,} requests", file=sys.stderr, flush=True)
    with running() as url:
        command = [sys.executable, "-m", "benchmarks.cost.bare", f"{url}/destinations/d1/metrics", str(requests)]
        found: dict[str, float] = json.loads(_last_line(command))
    return found


def run(plan: Plan) -> Results:
    """Measure everything, one after the other.

    :param plan: what is to be measured.
    """
    return Results(
        bare=bare(plan.requests),
        side_by_side={
            heading: [(crowd, measured(crowd)) for crowd in crowds] for heading, crowds in plan.side_by_side.items()
        },
        growth=[(crowd, measured(crowd)) for crowd in plan.growth],
        memory=[(crowd, measured(crowd)) for crowd in plan.memory],
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line.

    :param arguments: what follows the command's name.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small crowds, to see that it runs (a minute)")
    parser.add_argument("--short", action="store_true", help="a thousand waits at most (six minutes)")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the tables into this page, too")
    asked = parser.parse_args(arguments)
    results = run(QUICK if asked.quick else SHORT if asked.short else FULL)
    text = f"{machine()}\n\n{tables(results)}"
    print(text)
    if asked.write:
        write(asked.write, "waits", text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
