# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Format the results as Markdown tables that are also readable in a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from benchmarks.accuracy.configurations import (
    CONFIGURATIONS,
    DEFAULT,
    DEFAULT_3,
    GRAIN,
    LATER,
    LATEST,
    NAIVE,
    OBSERVED,
    OBSERVED_3,
    Configuration,
)
from benchmarks.accuracy.exporter_behavior import CONVENTIONS
from benchmarks.accuracy.faults import FAULTS
from benchmarks.accuracy.verdicts import Tally, Verdict, quantile

_SHORT = {
    LATEST.name: "latest",
    DEFAULT_3.name: "default, 3 confirmations",
    NAIVE.name: "naive",
    GRAIN.name: "single point",
    LATER.name: "5 minutes later",
    OBSERVED.name: "`observed_after`",
    OBSERVED_3.name: "`observed_after`, 3 confirmations",
}
_FAILURES = ("broken", "unreachable", "refused", "stalled")


def tables(verdicts: Sequence[Verdict]) -> str:
    """Return all tables.

    :param verdicts: verdicts for every configuration, fault and convention.
    """
    return "\n\n".join(
        (
            f"**Configurations**, over the {sum(fault.covered for fault in FAULTS)} faults that the guarantee covers",
            _by_configuration(verdicts),
            "**Covered faults**: early openings, and for `observed_after` the delay and the failures",
            _by_fault(verdicts, (LATEST, DEFAULT, NAIVE, GRAIN, OBSERVED), covered=True),
            "**Undetectable faults**: the same, and the effect of `confirmations=3`",
            _by_fault(verdicts, (LATEST, DEFAULT, DEFAULT_3, LATER, OBSERVED_3, OBSERVED), covered=False),
            "**Delay by convention**: the meaning of a point's timestamp and value",
            _by_convention(verdicts),
        )
    )


def _by_configuration(verdicts: Sequence[Verdict]) -> str:
    rows = []
    for config in CONFIGURATIONS:
        tally = Tally.of(one for one in verdicts if one.config is config and one.fault.covered)
        rows.append(
            (
                config.name,
                _early(tally),
                span_text(quantile(tally.early, 0.5)),
                _pending(tally),
                *_late(tally),
                f"{tally.requests / max(tally.waits, 1):.1f}",
                _counts(tally.failure, without=_FAILURES),
                _counts(tally.failure, only=_FAILURES),
                str(tally.correctly_closed),
            )
        )
    head = (
        "configuration",
        "opened early",
        "by (median)",
        "records pending (median, max)",
        "delay (median)",
        "(95 %)",
        "requests (mean)",
        "never opened",
        "failed",
        "correctly closed",
    )
    return table(head, rows)


def _by_fault(verdicts: Sequence[Verdict], configs: Sequence[Configuration], *, covered: bool) -> str:
    head = (
        "fault",
        *(_SHORT.get(config.name, config.name) for config in configs),
        "delay (median)",
        "(95 %)",
        "never opened, failed",
    )
    rows = []
    for fault in FAULTS:
        if fault.covered is covered:
            some = [one for one in verdicts if one.fault is fault]
            tallies = [Tally.of(one for one in some if one.config is config) for config in configs]
            rows.append((fault.name, *map(_early, tallies), *_late(tallies[-1]), _counts(tallies[-1].failure)))
    return table(head, rows)


def _by_convention(verdicts: Sequence[Verdict]) -> str:
    rows = []
    for convention in CONVENTIONS:
        some = [one for one in verdicts if one.convention is convention and one.fault.covered]
        tallies = [Tally.of(one for one in some if one.config is config) for config in (NAIVE, GRAIN, OBSERVED)]
        cells = [text for tally in tallies for text in (_early(tally), *_late(tally))]
        rows.append((f"{convention.stamp} of its interval", f"{convention.value} value", *cells))
    configs = ("naive", "single point", "`observed_after`")
    head = (
        "timestamp",
        "value",
        *(text for config in configs for text in (f"{config}: early", "delay (median)", "(95 %)")),
    )
    return table(head, rows)


def _late(tally: Tally) -> tuple[str, str]:
    return span_text(quantile(tally.late, 0.5)), span_text(quantile(tally.late, 0.95))


def _early(tally: Tally) -> str:
    count = len(tally.early)
    return f"{count} of {tally.waits}" + (f" ({100 * count / tally.waits:.1f} %)" if count else "")


def _pending(tally: Tally) -> str:
    return f"{quantile(tally.pending, 0.5):,.0f}, {tally.pending[-1]:,}" if tally.pending else ""


def span_text(seconds: float | None) -> str:
    """Return a number of seconds as text; empty for ``None``, and "never" if infinite."""
    if seconds is None:
        return ""
    if seconds == float("inf"):
        return "never"
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"


def _counts(counts: Counter[str], only: Iterable[str] = (), without: Iterable[str] = ()) -> str:
    wanted = [(why, n) for why, n in sorted(counts.items()) if why not in without and (not only or why in only)]
    return ", ".join(f"{why} {n}" for why, n in wanted)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table with aligned columns.

    :param head: the titles.
    :param rows: the cells of each row.
    """
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]

    def row(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))} |"

    return "\n".join((row(head), row(["-" * width for width in widths]), *map(row, rows)))
