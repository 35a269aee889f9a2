# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The tables of ``docs/errors.md``, generated from the fault matrix.

Run ``python -m tests.faults.docs_tables`` and paste its output into the page when they change.
"""

from __future__ import annotations

from collections.abc import Iterable

from tests.faults.matrix import PLACES, ROWS, Effect, Row
from tests.faults.outcomes import BEHAVIOURS, TIMES, Behaviour, Outcome

_FAULTS = ("fault", "metrics request", "hook raises", "token request", "hook raises")
_OUTCOMES = (
    "outcome",
    "what happens",
    *(f"call, {times}" for times in TIMES),
    *(f"sensor, {times}" for times in TIMES),
    *(f"deferrable, {times}" for times in TIMES),
    "operator raises",
    "sensor raises",
)


def faults() -> str:
    """Format the table of faults."""
    return _table(_FAULTS, (_fault(row) for row in ROWS))


def outcomes() -> str:
    """Format the table of outcomes."""
    return _table(_OUTCOMES, (_ending(name, behaviour) for name, behaviour in BEHAVIOURS.items()))


def _fault(row: Row) -> list[str]:
    return [row.name, *(cell for place in PLACES for cell in _effect(row.at.get(place)))]


def _effect(effect: Effect | None) -> tuple[str, str]:
    return ("", "") if effect is None else (f"*{effect.behaviour}*", _code(effect.error))


def _ending(name: str, behaviour: Behaviour) -> list[str]:
    outcomes = (*behaviour.calls, *behaviour.waits, *behaviour.of("deferred"))
    fails = any(outcome.fails for outcome in outcomes)
    raised = (behaviour.operator, behaviour.sensor) if fails else (None, None)
    return [f"*{name}*", behaviour.description, *map(_outcome, outcomes), *map(_code, raised)]


def _outcome(outcome: Outcome) -> str:
    if outcome == Outcome(0):
        return "continues"
    return f"{'fails' if outcome.fails else 'continues'}, {outcome.hits}, {outcome.waited:g} s"


def _code(name: str | None) -> str:
    return f"`{name}`" if name else ""


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join("|" + "|".join(f" {cell} " if cell != "---" else cell for cell in line) + "|" for line in lines)


if __name__ == "__main__":
    print(faults(), outcomes(), sep="\n\n")
