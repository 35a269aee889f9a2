# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""When a transition fires: once for each change, never for an unchanged state."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_streamkap.gate.conditions import DestinationGate
from airflow_provider_streamkap.gate.edges import EdgeDetector
from airflow_provider_streamkap.gate.reading import LagPoint, Reading

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
    """Return for each reading whether the transition fired."""
    detector = EdgeDetector(DestinationGate(fail_on_status=(), lag_source="latest"), **arguments)
    return "".join("!" if detector.add_reading(READINGS[sign]) else "." for sign in seen)


@pytest.mark.parametrize(
    ("seen", "fired"),
    [
        # The first reading is the starting point.
        ("++++", "...."),
        ("----", "...."),
        # The change fires once, when it is confirmed.
        ("--++++", "...!.."),
        ("--++--++", "...!...!"),
        # Flapping does not fire.
        ("--+-+-+-", "........"),
        ("--+-++", ".....!"),
        # An unknown reading interrupts the sequence, and is not a change itself.
        ("--+?++", ".....!"),
        ("--+x++", ".....!"),
        ("++??++", "......"),
        ("++xx++", "......"),
        ("++ss++", "......"),
        ("??xx--++", ".......!"),
        # Values known to be missing count as not meeting the condition.
        ("++pp++", ".....!"),
        ("++BB++", ".....!"),
        ("++p-++", ".....!"),
    ],
)
def test_entering_condition(seen: str, fired: str) -> None:
    assert fires(seen) == fired


@pytest.mark.parametrize(("seen", "fired"), [("++--++--", "...!...!"), ("--++", "...."), ("++?-x-", "......")])
def test_leaving_condition(seen: str, fired: str) -> None:
    assert fires(seen, edge="out_of") == fired


def test_one_confirmation_fires_immediately() -> None:
    assert fires("-+-+", confirmations=1) == ".!.!"


def test_change_between_polls_fires() -> None:
    assert fires("++", state=False) == ".!"
    assert fires("++", state=True) == ".."
    assert fires("--", state=True, edge="out_of") == ".!"


def states(gate: DestinationGate, readings: list[Reading]) -> list[bool | None]:
    """Return after each reading whether the condition is known to be met."""
    detector = EdgeDetector(gate, confirmations=1)
    seen: list[bool | None] = []
    for reading in readings:
        detector.state = None
        detector.add_reading(reading)
        seen.append(detector.state)
    return seen


def test_latency_condition() -> None:
    gate = DestinationGate(None, None, 500)
    readings = [Reading(None, None, latency) for latency in (400, 600, None)]
    assert states(gate, readings) == [True, False, None]


def test_status_condition() -> None:
    gate = DestinationGate(None, "Broken", fail_on_status=())
    assert states(gate, [Reading("Broken", 0), Reading("Active", 0), Reading(None, 0)]) == [True, False, None]


class Watched:
    """A transition on timestamped lag; times are seconds since an arbitrary moment."""

    def __init__(self, **arguments: Any) -> None:
        self.detector = EdgeDetector(DestinationGate(fail_on_status=()), **arguments)

    def fires(self, now: float, points: dict[float, float], latest: float | None = None) -> bool:
        start = datetime(2026, 3, 1, tzinfo=UTC)
        known = tuple(LagPoint(start.timestamp() + at, lag) for at, lag in sorted(points.items()))
        return self.detector.add_reading(Reading("Active", latest, None, known, start + timedelta(seconds=now)))


def test_destination_caught_up_after_two_later_points() -> None:
    watched = Watched()
    for now in (0, 60):
        assert not watched.fires(now, {now - 60: 700})
    assert watched.detector.state is False
    assert not watched.fires(120, {60: 0})
    assert not watched.fires(140, {60: 0})
    assert watched.fires(180, {60: 0, 120: 0})
    assert watched.detector.evidence.as_dict()["recordsLag"]["value"] == 0


def test_contradicting_latest_lag_does_not_meet_condition() -> None:
    watched = Watched(state=False)
    for now in range(0, 600, 60):
        assert not watched.fires(now, {now - 60: 0}, latest=700)
    assert watched.detector.state is False


def test_repeated_point_is_not_a_change() -> None:
    watched = Watched(state=False)
    watched.fires(0, {-60: 0})
    watched.fires(60, {0: 0})
    for now in range(120, 400, 20):
        assert not watched.fires(now, {60: 0})


def test_latest_lag_without_points_must_last_longer() -> None:
    watched = Watched(state=False)
    assert [watched.fires(now, {}, latest=0) for now in (0, 60, 120, 149, 150, 210)] == [False] * 4 + [True, False]
    assert watched.detector.evidence.as_dict() == {"lag_source": "latest"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [({"edge": "up"}, "edge must be 'into' or 'out_of'"), ({"confirmations": 0}, "confirmations")],
)
def test_invalid_arguments_are_rejected(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        EdgeDetector(DestinationGate(), **arguments)
