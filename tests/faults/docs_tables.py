# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The tables of ``docs/errors.md``, generated from the fault matrix.

Run ``python -m tests.faults.docs_tables`` and paste its output into the page when they change.
"""

from __future__ import annotations

from collections.abc import Iterable

from tests.faults.matrix import PLACES, ROWS, Meeting, Row
from tests.faults.outcomes import BEHAVIOURS, TIMES, Behaviour, End

_FAULTS = ("fault", "at the metrics", "a hook raises", "at the token call", "a hook raises")
_ENDS = (
    "end",
    "what happens",
    *(f"a call, {times}" for times in TIMES),
    *(f"a sensor, {times}" for times in TIMES),
    *(f"deferrable, {times}" for times in TIMES),
    "the operator raises",
    "the sensor raises",
)


def faults() -> str:
    """Format the table of faults."""
    return _table(_FAULTS, (_fault(row) for row in ROWS))


def ends() -> str:
    """Format the table of outcomes."""
    return _table(_ENDS, (_ending(name, behaviour) for name, behaviour in BEHAVIOURS.items()))


def _fault(row: Row) -> list[str]:
    return [row.name, *(cell for place in PLACES for cell in _meeting(row.at.get(place)))]


def _meeting(meeting: Meeting | None) -> tuple[str, str]:
    return ("", "") if meeting is None else (f"*{meeting.behaviour}*", _code(meeting.error))


def _ending(name: str, behaviour: Behaviour) -> list[str]:
    ends = (*behaviour.calls, *behaviour.waits, *behaviour.of("deferred"))
    fails = any(end.fails for end in ends)
    raised = (behaviour.operator, behaviour.sensor) if fails else (None, None)
    return [f"*{name}*", behaviour.told, *map(_end, ends), *map(_code, raised)]


def _end(end: End) -> str:
    if end == End(0):
        return "goes on"
    return f"{'fails' if end.fails else 'goes on'}, {end.met}, {end.waited:g} s"


def _code(name: str | None) -> str:
    return f"`{name}`" if name else ""


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join("|" + "|".join(f" {cell} " if cell != "---" else cell for cell in line) + "|" for line in lines)


if __name__ == "__main__":
    print(faults(), ends(), sep="\n\n")
