# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""When a condition is told to begin or to cease: once for each change, never for the state that lasts."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_streamkap.gate import DestinationGate, Reading
from airflow_provider_streamkap.transition import Transition

READINGS: dict[str, Reading | None] = {
    "+": Reading("Active", 0),
    "-": Reading("Active", 5),
    "p": Reading("Paused", 0),
    "?": Reading("Active", None),
    "s": Reading(None, 0),
    "B": Reading("Broken", 0),
    "x": None,
}


def fires(seen: str, **arguments: Any) -> str:
    """Tell for each reading whether it fired."""
    transition = Transition(DestinationGate(fail_on_status=()), **arguments)
    return "".join("!" if transition.observe(READINGS[sign]) else "." for sign in seen)


@pytest.mark.parametrize(
    ("seen", "fired"),
    [
        # What is seen first is where it starts from.
        ("++++", "...."),
        ("----", "...."),
        # The change is told once, when it is confirmed.
        ("--++++", "...!.."),
        ("--++--++", "...!...!"),
        # What flaps is not told of.
        ("--+-+-+-", "........"),
        ("--+-++", ".....!"),
        # What cannot be told breaks the row, and is no change of its own.
        ("--+?++", ".....!"),
        ("--+x++", ".....!"),
        ("++??++", "......"),
        ("++xx++", "......"),
        ("++ss++", "......"),
        ("??xx--++", ".......!"),
        # Whatever is known to be missing counts as out.
        ("++pp++", ".....!"),
        ("++BB++", ".....!"),
        ("++p-++", ".....!"),
    ],
)
def test_the_way_in(seen: str, fired: str) -> None:
    assert fires(seen) == fired


@pytest.mark.parametrize(("seen", "fired"), [("++--++--", "...!...!"), ("--++", "...."), ("++?-x-", "......")])
def test_the_way_out(seen: str, fired: str) -> None:
    assert fires(seen, edge="out_of") == fired


def test_one_confirmation_tells_at_once() -> None:
    assert fires("-+-+", confirmations=1) == ".!.!"


def test_a_change_that_happened_while_nobody_looked_is_told() -> None:
    assert fires("++", state=False) == ".!"
    assert fires("++", state=True) == ".."
    assert fires("--", state=True, edge="out_of") == ".!"


def test_latency_can_be_the_condition() -> None:
    gate = DestinationGate(None, None, 500)
    assert gate.holds(Reading(None, None, 400)) is True
    assert gate.holds(Reading(None, None, 600)) is False
    assert gate.holds(Reading(None, None, None)) is None


def test_a_given_status_can_be_the_condition() -> None:
    gate = DestinationGate(None, "Broken", fail_on_status=())
    seen = [Reading("Broken", 0), Reading("Active", 0), Reading(None, 0)]
    assert [gate.holds(reading) for reading in seen] == [True, False, None]
    assert DestinationGate().holds(Reading("Broken", 0)) is False


@pytest.mark.parametrize(
    ("arguments", "says"),
    [({"edge": "up"}, "edge must be 'into' or 'out_of'"), ({"confirmations": 0}, "confirmations")],
)
def test_what_makes_no_sense_is_refused(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Transition(DestinationGate(), **arguments)
