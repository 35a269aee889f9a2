# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Format the cost of waits as Markdown tables."""

from __future__ import annotations

import datetime as dt
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.cost.measure import Measurements
from benchmarks.cost.plan import Workload
from benchmarks.cost.trigger_kinds import IDLE, TRIGGER_KINDS

Measured = Sequence[tuple[Workload, Measurements]]
_PACKAGES = ("apache-airflow", "apache-airflow-providers-http", "airflow-provider-fivetran-async", "aiohttp")


@dataclass(frozen=True)
class Results:
    """All results of a run; see :class:`benchmarks.cost.plan.Plan`.

    :param bare: CPU seconds per bare request, by library.
    """

    bare: Mapping[str, float]
    side_by_side: Mapping[str, Measured]
    growth: Measured
    memory: Measured


def machine() -> str:
    """Describe the machine, the versions and the date."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    model = models[0] if models else "unknown"
    return (
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {os.cpu_count()} CPUs ({model}), Python "
        f"{platform.python_version()}; {packages}"
    )


def tables(results: Results) -> str:
    """Return all tables.

    :param results: the results.
    """
    least = min(results.bare.values())
    parts = [
        "**One bare request**, with pooled connections and JSON parsing: "
        + ", ".join(f"{name} {1000 * seconds:.2f} ms" for name, seconds in results.bare.items())
        + " of CPU time."
    ]
    for heading, measured in results.side_by_side.items():
        parts += [f"**{heading}**", _workload_table(measured, least)]
    if results.growth:
        parts += ["**Scaling**: 100 destinations, every 10 s", _workload_table(results.growth, least)]
    parts += ["**Memory**", _memory_table(results.memory)]
    return "\n\n".join(parts)


def _workload_table(results: Measured, bare: float) -> str:
    head = (
        "trigger",
        "waits",
        "requests/s",
        "destinations / interval",
        "connections",
        "token calls",
        "CPU ms per wait and poll",
        "in bare requests",
        "share of one CPU",
        "loop lag: p99, max (ms)",
        "condition met to event: median, max (s)",
        "fired",
    )
    rows = []
    for workload, measured in results:
        # Divide by the polls that were due: a loop that cannot keep up polls less.
        each = measured.cpu / (workload.waits * measured.seconds / workload.interval)
        rows.append(
            (
                _label(workload),
                f"{workload.waits:,}",
                f"{measured.requests / measured.seconds:.1f}",
                f"{workload.destinations / workload.interval:.1f}",
                f"{measured.connections:,}",
                str(measured.tokens),
                f"{1000 * each:.3f}",
                f"{each / bare:.2f}",
                f"{measured.cpu / measured.seconds:.1%}",
                f"{1000 * measured.lag_p99:.1f}, {1000 * measured.lag_max:.0f}",
                f"{measured.event_median:.1f}, {measured.event_max:.1f}",
                f"{measured.fired:,}",
            )
        )
    return _table(head, rows)


def _memory_table(results: Measured) -> str:
    # Subtract the baseline of an idle trigger, which is Airflow's own overhead.
    idle = next((measured for workload, measured in results if workload.kind == IDLE), Measurements())
    rows = [
        (
            _label(workload),
            f"{workload.waits:,}",
            f"{measured.traced / 1024:.1f}",
            f"{(measured.traced - idle.traced) / 1024:.1f}",
            f"{measured.rss / 1024:.1f}",
        )
        for workload, measured in results
    ]
    return _table(("trigger", "waits", "KiB traced per wait", "above idle trigger", "KiB resident per wait"), rows)


def _label(workload: Workload) -> str:
    return TRIGGER_KINDS[workload.kind].label + (", changing lag" if workload.moving else "")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
