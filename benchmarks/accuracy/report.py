# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The tables: Markdown that can be read in a terminal as well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from benchmarks.accuracy.faults import FAULTS
from benchmarks.accuracy.habits import CONVENTIONS
from benchmarks.accuracy.verdicts import Tally, Verdict, share
from benchmarks.accuracy.ways import DEFAULT, DEFAULT_3, GRAIN, LATER, LATEST, NAIVE, OBSERVED, OBSERVED_3, WAYS, Way

_SHORT = {
    LATEST.name: "latest",
    DEFAULT_3.name: "the default, 3 times",
    NAIVE.name: "naive",
    GRAIN.name: "one point",
    LATER.name: "5 minutes later",
    OBSERVED.name: "`observed_after`",
    OBSERVED_3.name: "`observed_after`, 3 times",
}
_GAVE_UP = ("broken", "unreachable", "refused", "stalled")


def tables(verdicts: Sequence[Verdict]) -> str:
    """Return all tables.

    :param verdicts: for every way, fault and convention.
    """
    return "\n\n".join(
        (
            f"**Configurations**, over the {sum(fault.covered for fault in FAULTS)} kinds of destinations that the "
            "guarantee covers",
            _by_way(verdicts),
            "**Faults that the guarantee covers**: opened early, and for `observed_after` how late and how often never",
            _by_fault(verdicts, (LATEST, DEFAULT, NAIVE, GRAIN, OBSERVED), covered=True),
            "**Faults that no client of the API can detect**: the same, and what `confirmations=3` changes",
            _by_fault(verdicts, (LATEST, DEFAULT, DEFAULT_3, LATER, OBSERVED_3, OBSERVED), covered=False),
            "**The price of caution**, by the meaning of a point's stamp and value",
            _by_convention(verdicts),
        )
    )


def _by_way(verdicts: Sequence[Verdict]) -> str:
    rows = []
    for way in WAYS:
        tally = Tally.of(one for one in verdicts if one.way is way and one.fault.covered)
        rows.append(
            (
                way.name,
                _early(tally),
                _span(share(tally.early, 0.5)),
                _pending(tally),
                *_late(tally),
                f"{tally.requests / max(tally.waits, 1):.1f}",
                _counts(tally.gave_up, without=_GAVE_UP),
                _counts(tally.gave_up, only=_GAVE_UP),
                str(tally.rightly),
            )
        )
    head = (
        "wait",
        "opened early",
        "by (median)",
        "records pending then (median, most)",
        "opened late (median)",
        "(95 %)",
        "requests (mean)",
        "never opened",
        "gave up",
        "rightly shut",
    )
    return _table(head, rows)


def _by_fault(verdicts: Sequence[Verdict], ways: Sequence[Way], *, covered: bool) -> str:
    head = (
        "fault",
        *(_SHORT.get(way.name, way.name) for way in ways),
        "late (median)",
        "(95 %)",
        "never opened, gave up",
    )
    rows = []
    for fault in FAULTS:
        if fault.covered is covered:
            some = [one for one in verdicts if one.fault is fault]
            tallies = [Tally.of(one for one in some if one.way is way) for way in ways]
            rows.append((fault.name, *map(_early, tallies), *_late(tallies[-1]), _counts(tallies[-1].gave_up)))
    return _table(head, rows)


def _by_convention(verdicts: Sequence[Verdict]) -> str:
    rows = []
    for convention in CONVENTIONS:
        some = [one for one in verdicts if one.convention is convention and one.fault.covered]
        tallies = [Tally.of(one for one in some if one.way is way) for way in (NAIVE, GRAIN, OBSERVED)]
        told = [text for tally in tallies for text in (_early(tally), *_late(tally))]
        rows.append((f"{convention.stamp} of its interval", f"{convention.value} value", *told))
    ways = ("naive", "one point", "`observed_after`")
    head = ("stamp", "value", *(text for way in ways for text in (f"{way}: early", "late (median)", "(95 %)")))
    return _table(head, rows)


def _late(tally: Tally) -> tuple[str, str]:
    return _span(share(tally.late, 0.5)), _span(share(tally.late, 0.95))


def _early(tally: Tally) -> str:
    count = len(tally.early)
    return f"{count} of {tally.waits}" + (f" ({100 * count / tally.waits:.1f} %)" if count else "")


def _pending(tally: Tally) -> str:
    return f"{share(tally.pending, 0.5):,.0f}, {tally.pending[-1]:,}" if tally.pending else ""


def _span(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds == float("inf"):
        return "for good"
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"


def _counts(counts: Counter[str], only: Iterable[str] = (), without: Iterable[str] = ()) -> str:
    wanted = [(why, n) for why, n in sorted(counts.items()) if why not in without and (not only or why in only)]
    return ", ".join(f"{why} {n}" for why, n in wanted)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]

    def row(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))} |"

    return "\n".join((row(head), row(["-" * width for width in widths]), *map(row, rows)))
