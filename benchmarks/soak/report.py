# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Report resource usage over time: a Markdown table and an SVG chart."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from benchmarks.soak.plan import FULL, Plan
from benchmarks.soak.sample import LEAK_METRICS, Growth, Sample, growth_by_metric

if TYPE_CHECKING:
    from benchmarks.soak.triggerer import SoakResult

# Layout of the table and the chart.
_ROWS = 12
_SHOWN = (*(name for name, _, _ in LEAK_METRICS), "begun", "requests")
_COLUMNS, _WIDTH, _HEIGHT, _GAP, _EDGE = 2, 420, 110, 46, 18


def table(plan: Plan, result: SoakResult) -> str:
    """Format the results as a table, with a summary.

    :param plan: the plan of the run.
    :param result: its results.
    """
    counters, last = result.counters, result.samples[-1]
    ends = ", ".join(f"{what} {number:,}" for what, number in result.ends.most_common())
    every = max(len(result.samples) // _ROWS, 1)
    head = ("minute", *[what for _, what, _ in LEAK_METRICS], "waits started", "requests")
    rows = [
        (f"{sample.minute:.0f}", *(_figure(getattr(sample, name)) for name in _SHOWN))
        for sample in result.samples[every - 1 :: every]
    ]
    if plan.judged:
        trends = growth_by_metric(result.samples, plan.settled)
        rows.append(("*per hour*", *[_growth(trends[name]) for name, _, _ in LEAK_METRICS], "", ""))
        rows.append(("*allowed*", *[f"{share:+.0%}" for _, _, share in LEAK_METRICS], "", ""))
    return (
        f"`python -m benchmarks.soak{'' if plan.minutes == FULL.minutes else ' --quick'} --seed {plan.seed}`: "
        f"{plan.minutes} simulated minutes at {plan.speed:.0f}x speed. {last.begun:,} waits on "
        f"{sum(plan.kinds.values())} destinations; outcomes: {ends}. {counters['requests']:,} metrics requests over "
        f"{counters['connections']:,} connections, {counters['tokens']:,} token calls. "
        f"{counters['faults']} injected faults, {counters['revoked']} token revocations. "
        f"Leaks: {'; '.join(result.leaks) or 'none'}.\n\n"
        + "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---:"] * len(head), *rows))
    )


def _figure(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.1f}"


def _growth(trend: Growth) -> str:
    share = 100 / (trend.mean or 1)
    return f"{trend.hourly * share:+.1f} ± {trend.noise * share:.1f} %"


def draw(plan: Plan, samples: Sequence[Sample]) -> str:
    """Draw what was held over time, one small picture for each kind, each from zero on.

    :param plan: of the result.
    :param samples: of it.
    """
    trends = growth_by_metric(samples, plan.settled)
    panels = []
    for index, (name, what, _) in enumerate(LEAK_METRICS):
        x = _EDGE + index % _COLUMNS * (_WIDTH + 2 * _EDGE)
        y = _GAP + index // _COLUMNS * (_HEIGHT + _GAP)
        panels.append(_panel(x, y, what, [(sample.minute, getattr(sample, name)) for sample in samples], trends[name]))
    rows = -(-len(LEAK_METRICS) // _COLUMNS)
    width, height = _COLUMNS * (_WIDTH + 2 * _EDGE), rows * (_HEIGHT + _GAP) + _EDGE
    title = f"Resource usage of {samples[-1].begun:,} waits in {plan.minutes} simulated minutes"
    parts = "\n".join(panels)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>{escape(title)}</title>
<style>
text {{ font: 13px system-ui, "DejaVu Sans", sans-serif; fill: #57606a; }}
.what {{ font-weight: 600; fill: #24292f; }}
.end {{ text-anchor: end; }}
.trends {{ fill: none; stroke: #0969da; stroke-width: 1.5; }}
.frame {{ fill: none; stroke: #d0d7de; }}
</style>
<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>
{parts}
</svg>
"""


def _panel(x: int, y: int, what: str, points: Sequence[tuple[float, float]], trend: Growth) -> str:
    last = points[-1][0]
    top = max(value for _, value in points) * 1.15 or 1
    line = " ".join(
        f"{x + _WIDTH * minute / last:.1f},{y + _HEIGHT * (1 - value / top):.1f}" for minute, value in points
    )
    least, most = (_figure(pick(value for _, value in points)) for pick in (min, max))
    summary = f"{least} to {most}; {_growth(trend)} per hour"
    return f"""<text class="what" x="{x}" y="{y - 8}">{escape(what)}</text>
<text class="end" x="{x + _WIDTH}" y="{y - 8}">{escape(summary)}</text>
<rect class="frame" x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}"/>
<polyline class="trends" points="{line}"/>
<text x="{x}" y="{y + _HEIGHT + 16}">0 min</text>
<text class="end" x="{x + _WIDTH}" y="{y + _HEIGHT + 16}">{last:.0f} min</text>"""
