# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What a long life held, minute by minute: a table in Markdown and a picture in SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from benchmarks.soak.plan import FULL, Plan
from benchmarks.soak.sample import FLAT, Growth, Sample, growths

if TYPE_CHECKING:
    from benchmarks.soak.triggerer import Life

# Rows of the table, and the picture's measures.
_ROWS = 12
_SHOWN = (*(name for name, _, _ in FLAT), "begun", "requests")
_COLUMNS, _WIDTH, _HEIGHT, _GAP, _EDGE = 2, 420, 110, 46, 18


def table(plan: Plan, life: Life) -> str:
    """Tell of a life.

    :param plan: it as it was planned.
    :param life: it as it was.
    """
    told, last = life.told, life.samples[-1]
    ends = ", ".join(f"{what} {number:,}" for what, number in life.ends.most_common())
    every = max(len(life.samples) // _ROWS, 1)
    head = ("minute", *[what for _, what, _ in FLAT], "waits begun", "requests")
    rows = [
        (f"{sample.minute:.0f}", *(_figure(getattr(sample, name)) for name in _SHOWN))
        for sample in life.samples[every - 1 :: every]
    ]
    if plan.judged:
        seen = growths(life.samples, plan.settled)
        rows.append(("*an hour*", *[_growth(seen[name]) for name, _, _ in FLAT], "", ""))
        rows.append(("*allowed*", *[f"{share:+.0%}" for _, _, share in FLAT], "", ""))
    return (
        f"`python -m benchmarks.soak{'' if plan.minutes == FULL.minutes else ' --quick'} --seed {plan.seed}`: "
        f"{plan.minutes} minutes, {plan.speed:.0f} times as fast. {last.begun:,} waits on "
        f"{sum(plan.kinds.values())} destinations; ended: {ends}. {told['requests']:,} requests for metrics over "
        f"{told['connections']:,} connections, {told['tokens']:,} token calls. {told['troubles']} faults were injected "
        f"and all tokens revoked {told['revoked']} times. Left in the end: {'; '.join(life.left) or 'nothing'}.\n\n"
        + "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---:"] * len(head), *rows))
    )


def _figure(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.1f}"


def _growth(seen: Growth) -> str:
    share = 100 / (seen.mean or 1)
    return f"{seen.hourly * share:+.1f} ± {seen.noise * share:.1f} %"


def draw(plan: Plan, samples: Sequence[Sample]) -> str:
    """Draw what was held over time, one small picture for each kind, each from zero on.

    :param plan: of the life.
    :param samples: of it.
    """
    seen = growths(samples, plan.settled)
    panels = []
    for index, (name, what, _) in enumerate(FLAT):
        x = _EDGE + index % _COLUMNS * (_WIDTH + 2 * _EDGE)
        y = _GAP + index // _COLUMNS * (_HEIGHT + _GAP)
        panels.append(_panel(x, y, what, [(sample.minute, getattr(sample, name)) for sample in samples], seen[name]))
    rows = -(-len(FLAT) // _COLUMNS)
    width, height = _COLUMNS * (_WIDTH + 2 * _EDGE), rows * (_HEIGHT + _GAP) + _EDGE
    title = f"What {samples[-1].begun:,} waits held in {plan.minutes} simulated minutes"
    parts = "\n".join(panels)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>{escape(title)}</title>
<style>
text {{ font: 13px system-ui, "DejaVu Sans", sans-serif; fill: #57606a; }}
.what {{ font-weight: 600; fill: #24292f; }}
.end {{ text-anchor: end; }}
.seen {{ fill: none; stroke: #0969da; stroke-width: 1.5; }}
.frame {{ fill: none; stroke: #d0d7de; }}
</style>
<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>
{parts}
</svg>
"""


def _panel(x: int, y: int, what: str, points: Sequence[tuple[float, float]], seen: Growth) -> str:
    last = points[-1][0]
    top = max(value for _, value in points) * 1.15 or 1
    line = " ".join(
        f"{x + _WIDTH * minute / last:.1f},{y + _HEIGHT * (1 - value / top):.1f}" for minute, value in points
    )
    least, most = (_figure(pick(value for _, value in points)) for pick in (min, max))
    told = f"{least} to {most}; {_growth(seen)} an hour"
    return f"""<text class="what" x="{x}" y="{y - 8}">{escape(what)}</text>
<text class="end" x="{x + _WIDTH}" y="{y - 8}">{escape(told)}</text>
<rect class="frame" x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}"/>
<polyline class="seen" points="{line}"/>
<text x="{x}" y="{y + _HEIGHT + 16}">0 min</text>
<text class="end" x="{x + _WIDTH}" y="{y + _HEIGHT + 16}">{last:.0f} min</text>"""
