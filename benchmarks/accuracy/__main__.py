# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Simulate, print the tables, and fail if the gate broke its promise: ``python -m benchmarks.accuracy``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.accuracy.faults import FAULTS
from benchmarks.accuracy.habits import CONVENTIONS
from benchmarks.accuracy.report import tables
from benchmarks.accuracy.verdicts import Verdict, parallel_verdicts
from benchmarks.accuracy.ways import OBSERVED, WAYS
from benchmarks.pages import write

RESULTS = "accuracy"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line.

    :param arguments: command line arguments.
    :returns: 0, or 1 if a gate opened early that promises not to.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("--rounds", type=int, default=25, help="destinations per fault and convention")
    parser.add_argument("--seed", type=int, default=1, help="seed of everything random")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="also write the tables into this page")
    asked = parser.parse_args(arguments)
    seen = parallel_verdicts(asked.seed, asked.rounds, WAYS)
    text = f"{summary(asked.seed, asked.rounds, seen)}\n\n{tables(seen)}"
    print(text)
    if asked.write:
        write(asked.write, RESULTS, text)
    if lies := broken(seen):
        print(f"\nThe gate opened early in {len(lies)} waits in which it promises not to", file=sys.stderr)
    return 1 if lies else 0


def broken(seen: Sequence[Verdict]) -> list[Verdict]:
    """Return the verdicts that break a promise."""
    return [one for one in seen if one.way.promises and one.fault.covered and one.early is not None]


def summary(seed: int, rounds: int, seen: Sequence[Verdict]) -> str:
    """Say what was simulated, and how much a count of zero proves."""
    destinations = rounds * len(FAULTS) * len(CONVENTIONS)
    ways = sum(way.promises for way in WAYS)
    waits = sum(one.way is OBSERVED and one.fault.covered for one in seen)
    # With no event in n independent trials, a share of more than 3/n is ruled out at 95 %.
    return (
        f"`python -m benchmarks.accuracy --seed {seed} --rounds {rounds}`: {destinations:,} destinations, "
        f"{len(seen):,} waits. In the {ways} configurations that promise not to open early, "
        f"{len(broken(seen))} waits did. One configuration has {waits:,} waits; none early among them says that the "
        f"share is below {300 / waits:.2f} % (95 % confidence), in a world as bad as this one."
    )


if __name__ == "__main__":
    raise SystemExit(main())
