# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Every rule of the gate."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_streamkap.gate.conditions import Decision, DestinationGate
from airflow_provider_streamkap.gate.reading import LagPoint, Reading, duration, number, utc_text

OPEN, WAIT, FAIL = Decision.OPEN, Decision.WAIT, Decision.FAIL
NAN, INF = float("nan"), float("inf")

ROWS: list[tuple[str, dict[str, Any], Reading, Decision, tuple[str, ...] | None]] = [
    # The default: no lag and Active.
    ("drained and active", {}, Reading("Active", 0), OPEN, ()),
    ("zero as a float", {}, Reading("Active", 0.0), OPEN, ()),
    ("lag left", {}, Reading("Active", 1200), WAIT, ("lag 1,200 > 0",)),
    ("lag below one record", {}, Reading("Active", 0.25), WAIT, ("lag 0.25 > 0",)),
    # Unknown values never open it.
    ("null lag", {}, Reading("Active", None), WAIT, ("lag is unknown",)),
    ("negative lag", {}, Reading("Active", -1), WAIT, ("lag is unknown",)),
    ("lag not a number", {}, Reading("Active", NAN), WAIT, ("lag is unknown",)),
    ("negative infinity", {}, Reading("Active", -INF), WAIT, ("lag is unknown",)),
    ("null status", {}, Reading(None, 0), WAIT, ("status is unknown, not Active",)),
    ("blank status", {}, Reading("  ", 0), WAIT, ("status is unknown, not Active",)),
    ("nothing known", {}, Reading(None, None), WAIT, ("status is unknown, not Active", "lag is unknown")),
    # A stopped consumer can show no lag.
    ("paused and no lag", {}, Reading("Paused", 0), WAIT, ("status is Paused, not Active",)),
    ("stopped and no lag", {}, Reading("Stopped", 0), WAIT, ("status is Stopped, not Active",)),
    ("a status never seen", {}, Reading("Rebalancing", 0), WAIT, ("status is Rebalancing, not Active",)),
    # Statuses are compared ignoring case and whitespace.
    ("upper case", {}, Reading("ACTIVE", 0), OPEN, ()),
    ("blanks around", {}, Reading(" active ", 0), OPEN, ()),
    ("wanted in lower case", {"connector_status": "active"}, Reading("Active", 0), OPEN, ()),
    ("broken in lower case", {}, Reading("broken", 0), FAIL, ("status is broken, which is in fail_on_status",)),
    # Fatal statuses take precedence.
    ("broken, lag too", {}, Reading("Broken", 9), FAIL, ("status is Broken, which is in fail_on_status",)),
    ("broken, status not asked for", {"connector_status": None}, Reading("Broken", 0), FAIL, None),
    ("broken is not fatal", {"fail_on_status": ()}, Reading("Broken", 0), WAIT, ("status is Broken, not Active",)),
    ("no fatal status", {"fail_on_status": None}, Reading("Broken", 0), WAIT, ("status is Broken, not Active",)),
    ("another fatal status", {"fail_on_status": "Stopped"}, Reading("Stopped", 0), FAIL, None),
    # Several accepted statuses.
    ("one of two", {"connector_status": ["Active", "Starting"]}, Reading("Starting", 0), OPEN, ()),
    (
        "none of two",
        {"connector_status": ("Active", "Starting")},
        Reading("Paused", 0),
        WAIT,
        ("status is Paused, not Active or Starting",),
    ),
    ("wanting Broken", {"connector_status": "Broken", "fail_on_status": ()}, Reading("Broken", 0), OPEN, ()),
    # Conditions that are disabled.
    ("status does not matter", {"connector_status": None}, Reading(None, 0), OPEN, ()),
    ("lag does not matter", {"max_records_lag": None}, Reading("Active", None), OPEN, ()),
    ("lag does not matter at all", {"max_records_lag": None}, Reading("Active", 10**12), OPEN, ()),
    ("no partition", {}, Reading("Active", 0, partitions=0), WAIT, ("no partition is assigned",)),
    ("partitions", {}, Reading("Active", 0, partitions=3.0), OPEN, ()),
    ("no partition, only the status matters", {"max_records_lag": None}, Reading("Active", 0, partitions=0), OPEN, ()),
    # Limits.
    ("at the limit", {"max_records_lag": 100}, Reading("Active", 100), OPEN, ()),
    ("above the limit", {"max_records_lag": 100}, Reading("Active", 101), WAIT, ("lag 101 > 100",)),
    ("infinite lag", {"max_records_lag": 100}, Reading("Active", INF), WAIT, ("lag is unknown",)),
    ("latency below", {"max_latency_ms": 500}, Reading("Active", 0, 499.5), OPEN, ()),
    ("latency above", {"max_latency_ms": 500}, Reading("Active", 0, 501), WAIT, ("latency 501 ms > 500 ms",)),
    ("latency unknown", {"max_latency_ms": 500}, Reading("Active", 0), WAIT, ("latency is unknown",)),
    ("latency not asked for", {}, Reading("Active", 0, 1e9), OPEN, ()),
    (
        "only latency matters",
        {"max_latency_ms": 5, "max_records_lag": None, "connector_status": None},
        Reading(None, None, 5),
        OPEN,
        (),
    ),
]


@pytest.mark.parametrize(
    ("arguments", "reading", "decision", "reasons"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_reading_is_evaluated(
    arguments: dict[str, Any], reading: Reading, decision: Decision, reasons: tuple[str, ...] | None
) -> None:
    verdict = DestinationGate(**{"lag_source": "latest", **arguments}).judge(reading)
    assert verdict.decision is decision
    if reasons is not None:
        assert verdict.reasons == reasons
    else:
        assert "fail_on_status" in str(verdict)


AFTER = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_timestamped_lag_is_evaluated_by_history() -> None:
    assert DestinationGate().judge(Reading("Active", 700)).decision is OPEN
    assert DestinationGate().judge(Reading("Paused", 0)).reasons == ("status is Paused, not Active",)
    assert DestinationGate().judge(Reading("Broken", 0)).decision is FAIL


@pytest.mark.parametrize(
    ("arguments", "dated", "allows_fallback"),
    [
        ({}, True, True),
        ({"lag_source": "timeseries"}, True, False),
        ({"lag_source": "latest"}, False, False),
        ({"observed_after": AFTER}, True, False),
        ({"max_reading_age": 600}, True, False),
        ({"max_records_lag": None}, False, True),
        ({"max_records_lag": None, "lag_source": "timeseries"}, False, False),
    ],
)
def test_lag_source(arguments: dict[str, Any], dated: bool, allows_fallback: bool) -> None:
    gate = DestinationGate(**arguments)
    assert (gate.needs_timestamps, gate.allows_fallback) == (dated, allows_fallback)


def test_observed_after_accepts_text_in_any_time_zone() -> None:
    assert DestinationGate(observed_after="2026-03-01 13:00:00+01:00") == DestinationGate(observed_after=AFTER)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"max_records_lag": None, "connector_status": None}, "nothing to wait for"),
        ({"max_records_lag": None, "connector_status": []}, "nothing to wait for"),
        ({"max_records_lag": -1}, "max_records_lag must be a number from 0 to"),
        ({"max_records_lag": NAN}, "max_records_lag"),
        ({"max_records_lag": INF}, "max_records_lag"),
        ({"max_records_lag": True}, "max_records_lag"),
        ({"max_records_lag": "5"}, "max_records_lag"),
        ({"max_latency_ms": -0.5}, "max_latency_ms"),
        ({"connector_status": ""}, "connector_status must be a status"),
        ({"connector_status": ["Active", " "]}, "connector_status must be a status"),
        ({"connector_status": [5]}, "connector_status must be a status"),
        ({"fail_on_status": [None]}, "fail_on_status must be a status"),
        ({"observed_after": "2026-01-01T00:00:00"}, "observed_after has no time zone"),
        ({"observed_after": "soon"}, "observed_after must be"),
        ({"max_reading_age": -1}, "max_reading_age"),
        ({"observed_after": AFTER, "max_records_lag": None}, "max_records_lag is None"),
        (
            {"observed_after": AFTER, "connector_status": None},
            "observed_after requires a connector_status, but it is None",
        ),
        ({"lag_source": "newest"}, "lag_source must be 'auto', 'timeseries' or 'latest'; got 'newest'"),
        ({"lag_source": "latest", "observed_after": AFTER}, "observed_after and max_reading_age require a timestamp"),
        ({"lag_source": "latest", "max_reading_age": 60}, "observed_after and max_reading_age require a timestamp"),
        ({"connector_status": "broken"}, "'broken' is in both connector_status and fail_on_status"),
    ],
)
def test_invalid_gate_is_rejected(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        DestinationGate(**arguments)


def test_gate_survives_json_round_trip() -> None:
    gate = DestinationGate(5, ["Active", "Starting"], 250.5, "Broken", AFTER, 600, "timeseries")
    assert DestinationGate(**json.loads(json.dumps(gate.to_dict()))) == gate
    anything = DestinationGate(0, None, None, None)
    assert DestinationGate(**json.loads(json.dumps(anything.to_dict()))) == anything


def test_statuses_can_be_generator() -> None:
    gate = DestinationGate(connector_status=(status for status in ["Active", "Starting"]))
    assert gate.judge(Reading("Starting", 0)).decision is OPEN
    assert gate.judge(Reading("Starting", 0)).decision is OPEN


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "unknown"),
        (0, "0"),
        (0.0, "0"),
        (1234567, "1,234,567"),
        (0.125, "0.125"),
        (999.96, "1,000"),
        (12345.6, "12,346"),
        (NAN, "nan"),
        (INF, "inf"),
    ],
)
def test_numbers_are_formatted(value: float | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.0125, "12.5 ms"),
        (0.25, "250 ms"),
        (0.9997, "1 s"),
        (24.23, "24.2 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min"),
        (60, "1 min"),
        (200.4, "3 min 20 s"),
        (3599.6, "1 h"),
        (3725, "1 h 2 min"),
        (86_400, "1 day"),
        (604_800, "7 days"),
        (97_200, "1 day 3 h"),
        (float("inf"), "inf s"),
    ],
)
def test_a_duration_is_shown_as_people_read_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_reading_is_formatted() -> None:
    assert str(Reading(None, None)) == "status unknown, lag unknown"
    assert str(Reading("Active", 5, 12.5)) == "status Active, lag 5, latency 12.5 ms"
    point = LagPoint(AFTER.timestamp(), 7)
    assert str(Reading("Active", 7, None, (point,))) == "status Active, lag 7 at 2026-03-01 12:00:00Z"
    assert str(Reading("Active", 5, None, (point,))) == "status Active, lag 7 at 2026-03-01 12:00:00Z, latest lag 5"
    assert str(Reading("Active", 0, partitions=0)) == "status Active, lag 0, no partition assigned"
    assert str(Reading("Active", None, None, ())) == "status Active, latest lag unknown"


@pytest.mark.parametrize(
    ("at", "text"), [(-1e18, "0001-01-01 00:00:00Z"), (1e18, "9999-12-31 23:59:59Z"), (0.9, "1970-01-01 00:00:00Z")]
)
def test_any_time_is_formatted(at: float, text: str) -> None:
    assert utc_text(at) == text


def test_verdict_is_formatted() -> None:
    gate = DestinationGate(lag_source="latest")
    assert str(gate.judge(Reading("Active", 0))) == "open"
    assert str(gate.judge(Reading("Paused", 2))) == "status is Paused, not Active; lag 2 > 0"
