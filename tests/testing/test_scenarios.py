# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Scenarios: pure functions of time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_streamkap.testing import Reading, Scenario, scenarios


def lags(scenario: Scenario, *moments: float) -> list[float | None]:
    return [scenario.at(moment).records_lag for moment in moments]


def statuses(scenario: Scenario, *moments: float) -> list[str | None]:
    return [scenario.at(moment).connector_status for moment in moments]


def test_steady_keeps_its_lag_while_totals_grow() -> None:
    steady = scenarios.steady(lag=4, rate=2)
    assert lags(steady, -100, 0, 100) == [4, 4, 4]
    totals = [steady.at(moment).read_total or 0 for moment in (-1e9, 0, 10)]
    assert totals[0] == 0
    assert totals[2] - totals[1] == 20


def test_draining_reaches_zero_only_after_last_record() -> None:
    draining = scenarios.draining(lag=10, rate=3, after=5)
    assert lags(draining, -5, 5, 6, 8, 8.3, 8.34, 100) == [10, 10, 7, 1, 1, 0, 0]
    assert draining.at(100).read_total == 1010
    assert draining.at(6).latency == pytest.approx(7 / 3 * 1000)


def test_flapping_alternates() -> None:
    flapping = scenarios.flapping(period=10, lag=1, other_lag=9, other_status="Unknown")
    assert lags(flapping, -1, 0, 4.9, 5, 10) == [9, 1, 1, 9, 1]
    assert statuses(flapping, 0, 5) == ["Active", "Unknown"]


def test_stalled_lag_is_constant() -> None:
    stalled = scenarios.stalled(lag=7)
    assert stalled.at(0) == stalled.at(1e6)
    assert stalled.at(0).records_lag == 7


def test_null_lag_eventually_has_value() -> None:
    assert lags(scenarios.null_lag(until=5), 0, 4, 5) == [None, None, 0]
    assert lags(scenarios.null_lag(), 1e9) == [None]


def test_broken_keeps_figures_at_failure() -> None:
    broken = scenarios.broken(at=10, of=scenarios.draining(lag=100, rate=5))
    assert statuses(broken, 9, 10, 99) == ["Active", "Broken", "Broken"]
    assert lags(broken, 9, 10, 99) == [55, 50, 50]


def test_paused_shows_configured_lag() -> None:
    assert lags(scenarios.paused(at=10), 0, 10) == [1000, 0]
    assert lags(scenarios.paused(lag=None), 0) == [None]
    assert scenarios.paused().at(0).desired_state == "Paused"


def test_starting_becomes_active() -> None:
    starting = scenarios.starting(active_after=10, metrics_after=5, then=scenarios.draining(lag=20, rate=1))
    assert statuses(starting, 0, 9, 10) == ["Starting", "Starting", "Active"]
    assert [starting.at(moment).has_metrics for moment in (0, 4, 5, 10)] == [False, False, True, True]
    assert lags(starting, 9, 10, 15) == [None, 20, 15]


def test_frozen_readings_do_not_change() -> None:
    frozen = scenarios.frozen(at=10, of=scenarios.draining(lag=100, rate=5))
    assert lags(frozen, 5, 10, 1000) == [75, 50, 50]
    assert frozen.at(10) == frozen.at(1000)


def test_phases_run_in_order_and_totals_accumulate() -> None:
    phases = scenarios.phases(
        (30, scenarios.draining(lag=10, rate=1)), (20, scenarios.draining(lag=8, rate=1)), (0, scenarios.broken())
    )
    assert lags(phases, -5, 0, 10, 30, 38, 50, 999) == [10, 10, 0, 8, 0, 1000, 1000]
    assert statuses(phases, 49, 50) == ["Active", "Broken"]
    totals = [phases.at(moment).read_total for moment in (0, 29, 30, 49, 50)]
    assert totals == [1000, 1010, 1010, 1018, 1018]
    assert phases.name == "draining then draining then broken"


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: scenarios.steady(lag=-1), "lag"),
        (lambda: scenarios.steady(lag=math.nan), "lag"),
        (lambda: scenarios.draining(lag=math.inf), "finite"),
        (lambda: scenarios.draining(rate=0), "rate"),
        (lambda: scenarios.flapping(period=0), "period"),
        (lambda: scenarios.broken(at=-1), "at"),
        (lambda: scenarios.starting(active_after=-1), "active_after"),
        (lambda: scenarios.sequence([]), "reading"),
        (scenarios.phases, "pair"),
        (lambda: scenarios.phases((1, scenarios.sequence([1]))), "sequence"),
    ],
)
def test_invalid_arguments_are_rejected(build: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


def test_sent_follows_read_unless_it_is_given() -> None:
    assert Reading(read_total=100).sent_total == 65
    assert Reading(read_total=None).sent_total is None
    assert Reading(read_total=100, sent_total=3).sent_total == 3
    assert Reading(read_total=None, sent_total=None).counting_from(5, 5).sent_total is None
