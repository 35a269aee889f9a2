# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Timeseries and timesummary: consistent with themselves, with the scenario and with `latest`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from airflow_provider_streamkap.testing import Reading, Reporting, Scenario, scenarios
from airflow_provider_streamkap.testing.history import intervals
from tests.testing.support import START, Api, Clock

TOTALS = ("sinkRecordReadTotal", "sinkRecordSendTotal")
ALL_SCENARIOS = [
    scenarios.steady(lag=3),
    scenarios.draining(lag=1000, rate=2),
    scenarios.flapping(period=50),
    scenarios.stalled(),
    scenarios.null_lag(until=200),
    scenarios.broken(at=120),
    scenarios.paused(at=120),
    scenarios.starting(active_after=90, metrics_after=30),
    scenarios.frozen(at=200),
    scenarios.phases((100, scenarios.draining(lag=50)), (100, scenarios.draining(lag=80)), (1, scenarios.stalled())),
]


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(START + seconds, UTC).isoformat()


def stamps(points: list[dict[str, Any]]) -> list[float]:
    """Seconds from the start to each point."""
    moments = [datetime.fromisoformat(point["timestamp"]) for point in points]
    return [(moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - START for moment in moments]


def values(points: list[dict[str, Any]]) -> list[float]:
    return [point["value"] for point in points]


def ask(api: Api, begin: float, end: float, **params: Any) -> dict[str, Any]:
    wanted = {"time_type": "timeseries", "time_unit": "minute"} | params
    return api.metrics("d1", timestamp_from=iso(begin), timestamp_to=iso(end), **wanted)


@pytest.mark.parametrize("value", ["last", "mean"])
@pytest.mark.parametrize("stamp", ["start", "end"])
@pytest.mark.parametrize("scenario", ALL_SCENARIOS, ids=lambda scenario: scenario.name)
def test_history_matches_scenario(api: Api, clock: Clock, scenario: Scenario, stamp: Any, value: Any) -> None:
    api.simulator.add("d1", scenario, reporting=Reporting(stamp=stamp, value=value))
    clock.pass_by(600)
    data = ask(api, -300, 600)
    for name in TOTALS:
        assert all(before <= after for before, after in pairwise(values(data[name])))
    lag = dict(zip(stamps(data["recordsLag"]), values(data["recordsLag"]), strict=True))
    for minute in range(-300, 600, 60):
        lags = [scenario.at(minute + second).records_lag for second in (15, 30, 45, 60)]
        known = [item for item in lags if item is not None and scenario.at(minute + 60).has_metrics]
        at = minute if stamp == "start" else minute + 60
        if not known:
            assert at not in lag
        elif value == "mean" and len(known) == len(lags):
            assert lag[at] == pytest.approx(sum(known) / len(known))
        elif value == "last" and lags[-1] is not None:
            assert lag[at] == lags[-1]


@pytest.mark.parametrize("scenario", ALL_SCENARIOS, ids=lambda scenario: scenario.name)
def test_newest_point_equals_latest(api: Api, clock: Clock, scenario: Scenario) -> None:
    api.simulator.add("d1", scenario)
    clock.pass_by(240)
    latest, history = api.metrics("d1"), ask(api, 0, 240)
    for name, points in history.items():
        newest = points[-1] if points else {"value": None}
        if latest[name] is not None:
            assert newest["value"] == latest[name]


def test_points_are_within_range_at_interval_bounds(api: Api, clock: Clock) -> None:
    api.simulator.add("d1", scenarios.steady())
    clock.pass_by(600)
    assert stamps(ask(api, 61, 301)["recordsLag"]) == [120, 180, 240, 300]
    assert stamps(ask(api, 60, 300)["recordsLag"]) == [60, 120, 180, 240, 300]
    assert stamps(ask(api, 0, 9999)["recordsLag"]) == [60 * number for number in range(10)]
    assert stamps(ask(api, 0, 600, time_interval=4)["recordsLag"]) == [0, 240]
    assert ask(api, 700, 800)["recordsLag"] == []


def test_default_is_last_day_by_hour(api: Api, clock: Clock) -> None:
    api.simulator.add("d1", scenarios.steady())
    clock.pass_by(1800)
    found = stamps(api.metrics("d1", time_type="timeseries")["recordsLag"])
    assert found == [3600 * hour for hour in range(-23, 0)]


def test_history_begins_with_destination(api: Api, clock: Clock) -> None:
    api.simulator.add("d1", scenarios.steady(), age=120)
    clock.pass_by(60)
    assert stamps(ask(api, -900, 60)["recordsLag"]) == [-120, -60, 0]
    summary = ask(api, -900, -800, time_type="timesummary")
    assert set(summary.values()) == {None}


@pytest.mark.parametrize(
    ("layout", "written"),
    [
        ("iso", "2026-01-01T00:00:00Z"),
        ("offset", "2026-01-01T00:00:00+00:00"),
        ("naive", "2026-01-01T00:00:00"),
        ("plain", "2026-01-01 00:00:00"),
    ],
)
def test_timestamps_use_configured_format(api: Api, clock: Clock, layout: Any, written: str) -> None:
    api.simulator.add("d1", scenarios.steady())
    clock.pass_by(60)
    api.simulator.reporting = Reporting(layout=layout)
    assert api.simulator.reporting.layout == layout
    assert ask(api, 0, 60)["recordsLag"] == [{"timestamp": written, "value": 0.0}]


@pytest.mark.parametrize("value", ["last", "mean"])
def test_totals_of_each_interval(api: Api, clock: Clock, value: Any) -> None:
    reporting = Reporting(totals="interval", value=value, sample_every=1)
    api.simulator.add("d1", scenarios.steady(lag=3, rate=2), reporting=reporting)
    clock.pass_by(180)
    data = ask(api, 0, 180)
    assert values(data["sinkRecordReadTotal"]) == [120, 120, 120]
    assert values(data["recordsLag"]) == [3, 3, 3]
    assert api.metrics("d1", time_unit="minute", time_interval=2)["sinkRecordReadTotal"] == 240
    summary = api.metrics("d1", time_type="timesummary", timestamp_from=iso(0), timestamp_to=iso(180))
    assert (summary["sinkRecordReadTotal"], summary["recordsLag"]) == (360, 3)


def test_points_can_be_delayed(api: Api, clock: Clock) -> None:
    api.simulator.add("d1", scenarios.draining(lag=240, rate=1), reporting=Reporting(delay=120))
    clock.pass_by(239)
    assert values(ask(api, 0, 239)["recordsLag"]) == [180]
    clock.pass_by(1)
    assert values(ask(api, 0, 240)["recordsLag"]) == [180, 120]
    assert api.metrics("d1")["recordsLag"] == 0


def test_latest_can_be_delayed(api: Api, clock: Clock) -> None:
    api.simulator.add("d1", scenarios.draining(lag=240, rate=1), reporting=Reporting(latest_delay=60))
    clock.pass_by(100)
    assert api.metrics("d1")["recordsLag"] == 200


def test_current_interval_is_shown_on_request(api: Api, clock: Clock) -> None:
    api.simulator.add("d1", scenarios.draining(lag=240, rate=1), reporting=Reporting(partial=True))
    clock.pass_by(90)
    assert values(ask(api, 0, 90)["recordsLag"]) == [180, 150]


def test_gaps_have_no_points(api: Api, clock: Clock) -> None:
    api.simulator.add("d1", scenarios.steady(), reporting=Reporting(gaps=((60, 181), (200, 240))))
    clock.pass_by(300)
    assert stamps(ask(api, 0, 300)["recordsLag"]) == [0, 180, 240]


def test_metric_without_number_has_no_points(api: Api, clock: Clock) -> None:
    odd = Scenario("odd", lambda elapsed: Reading(records_lag=None, extra={"latency": "x", "partitionCount": True}))
    api.simulator.add("d1", odd)
    clock.pass_by(300)
    data = ask(api, 0, 300)
    assert (data["recordsLag"], data["latency"], data["partitionCount"]) == ([], [], [])
    assert len(data["sinkRecordReadTotal"]) == 5
    assert "qa_exact_count_diff" not in data
    assert "connector_status" not in data


def test_audited_destination_has_difference(api: Api, clock: Clock) -> None:
    reading = Reading(extra={"qa_exact_count_diff": 4})
    api.simulator.add("d1", Scenario("audited", lambda elapsed: Reading(missing=frozenset(), extra=reading.extra)))
    clock.pass_by(60)
    assert values(ask(api, 0, 60)["qa_exact_count_diff"]) == [4]


def test_summary_is_mean_of_period_with_final_totals_and_status(api: Api, clock: Clock) -> None:
    api.simulator.add("d1", scenarios.broken(at=120, of=scenarios.draining(lag=240, rate=1)))
    clock.pass_by(180)
    summary = ask(api, 0, 60, time_type="timesummary")
    assert summary["connector_status"] == "Active"
    assert summary["recordsLag"] == pytest.approx((225 + 210 + 195 + 180) / 4)
    assert summary["sinkRecordReadTotal"] == 1060
    assert summary["recordsConsumedTotal"] is None
    assert ask(api, 0, 999, time_type="timesummary")["connector_status"] == "Broken"


def test_summary_of_single_instant_equals_reading(api: Api, clock: Clock) -> None:
    api.simulator.add("d1", scenarios.draining(lag=240, rate=1))
    clock.pass_by(60)
    assert ask(api, 60, 60, time_type="timesummary")["recordsLag"] == 180


@pytest.mark.parametrize(
    ("unit", "every", "expected"),
    [
        ("minute", 7, None),
        ("hour", 1, None),
        ("day", 1, ["2025-12-30", "2025-12-31", "2026-01-01"]),
        ("week", 1, ["2025-12-29"]),
        ("month", 1, ["2025-12-01", "2026-01-01"]),
        ("month", 12, ["2025-01-01", "2026-01-01"]),
        ("month", 900, ["1970-01-01"]),
        ("month", 1_000_000, ["1970-01-01"]),
        ("week", 1_000_000, ["1970-01-05"]),
    ],
)
def test_intervals_are_aligned_to_calendar(unit: str, every: int, expected: list[str] | None) -> None:
    begin = START - 40 * 3600
    found = list(intervals(begin, START + 3600, every, unit))
    assert found[0][0] <= begin < found[0][1]
    assert found[-1][0] <= START + 3600 < found[-1][1]
    assert all(one[1] == other[0] for one, other in pairwise(found))
    if expected is not None:
        assert [datetime.fromtimestamp(start, UTC).isoformat()[:10] for start, _ in found] == expected


def test_weeks_begin_on_mondays() -> None:
    for start, _ in intervals(START - 60 * 86400, START, 1, "week"):
        assert datetime.fromtimestamp(start, UTC).weekday() == 0


def test_days_of_minutes_are_not_truncated(api: Api) -> None:
    api.simulator.add("d1", scenarios.steady())
    assert len(ask(api, -7 * 86400, 0)["recordsLag"]) == 7 * 1440


@pytest.mark.parametrize(
    "build",
    [lambda: Reporting(delay=-1), lambda: Reporting(latest_delay=-1), lambda: Reporting(sample_every=0)],
)
def test_reporting_is_validated(build: Callable[[], Reporting]) -> None:
    with pytest.raises(ValueError, match="must be"):
        build()
