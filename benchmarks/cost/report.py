# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The tables of what waits cost, in Markdown."""

from __future__ import annotations

import datetime as dt
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.cost.contestants import CONTESTANTS, IDLE
from benchmarks.cost.crowd import Figures
from benchmarks.cost.plan import Crowd

Measured = Sequence[tuple[Crowd, Figures]]
_PACKAGES = ("apache-airflow", "apache-airflow-providers-http", "airflow-provider-fivetran-async", "aiohttp")


@dataclass(frozen=True)
class Results:
    """Everything that was measured; see :class:`benchmarks.cost.plan.Plan`.

    :param bare: processor seconds for one bare request, by library.
    """

    bare: Mapping[str, float]
    side_by_side: Mapping[str, Measured]
    growth: Measured
    memory: Measured


def machine() -> str:
    """Say on what it was measured, and when."""
    processors = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    model = processors[0] if processors else "unnamed"
    return (
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {os.cpu_count()} processors ({model}), Python "
        f"{platform.python_version()}; {packages}"
    )


def tables(results: Results) -> str:
    """Tell everything.

    :param results: what was measured.
    """
    least = min(results.bare.values())
    parts = [
        "**One bare request**, pooled, its JSON read: "
        + ", ".join(f"{name} {1000 * seconds:.2f} ms" for name, seconds in results.bare.items())
        + " of processor time."
    ]
    for heading, measured in results.side_by_side.items():
        parts += [f"**{heading}**", _crowds(measured, least)]
    if results.growth:
        parts += ["**Ever more waits** on the same 100 destinations, every 10 s", _crowds(results.growth, least)]
    parts += ["**Memory**", _memory(results.memory)]
    return "\n\n".join(parts)


def _crowds(measured: Measured, bare: float) -> str:
    head = (
        "trigger",
        "waits",
        "requests a second",
        "destinations / interval",
        "connections",
        "tokens",
        "processor ms per wait and poll",
        "in bare requests",
        "share of one processor",
        "loop late: p99, most (ms)",
        "from the reading that passes to the event: median, most (s)",
        "fired",
    )
    rows = []
    for crowd, figures in measured:
        # Of what was to be polled in the window: a loop that cannot keep up polls less.
        each = figures.cpu / (crowd.waits * figures.seconds / crowd.interval)
        rows.append(
            (
                _label(crowd),
                f"{crowd.waits:,}",
                f"{figures.requests / figures.seconds:.1f}",
                f"{crowd.destinations / crowd.interval:.1f}",
                f"{figures.connections:,}",
                str(figures.tokens),
                f"{1000 * each:.3f}",
                f"{each / bare:.2f}",
                f"{figures.cpu / figures.seconds:.1%}",
                f"{1000 * figures.lag_p99:.1f}, {1000 * figures.lag_max:.0f}",
                f"{figures.event_median:.1f}, {figures.event_max:.1f}",
                f"{figures.fired:,}",
            )
        )
    return _table(head, rows)


def _memory(measured: Measured) -> str:
    # What Airflow itself takes for a trigger that only sleeps is nobody's own.
    idle = next((figures for crowd, figures in measured if crowd.contestant == IDLE), Figures())
    rows = [
        (
            _label(crowd),
            f"{crowd.waits:,}",
            f"{figures.traced / 1024:.1f}",
            f"{(figures.traced - idle.traced) / 1024:.1f}",
            f"{figures.rss / 1024:.1f}",
        )
        for crowd, figures in measured
    ]
    return _table(("trigger", "waits", "KiB traced per wait", "beyond one that sleeps", "KiB resident per wait"), rows)


def _label(crowd: Crowd) -> str:
    return CONTESTANTS[crowd.contestant].label + (", the lag changes at every poll" if crowd.moving else "")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
