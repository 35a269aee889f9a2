# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Scenarios of sources and pipelines: what a connector meters, and what the destination consumes of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from airflow_provider_streamkap.testing import SourceReading, SourceScenario, scenarios
from airflow_provider_streamkap.testing.readings import SOURCE_METRICS, STREAMING, TOTALS
from airflow_provider_streamkap.testing.scenarios import SourceEvent

BEHIND = "StreamingMilliSecondsBehindSource"
SINCE = "StreamingMilliSecondsSinceLastEvent"
LAST = "StreamingLastEvent"
CONNECTED = "StreamingConnected"
WRITTEN = "sourceRecordWriteTotal"
CREATED = "StreamingTotalNumberOfCreateEventsSeen"

ALL = [
    scenarios.source_streaming(),
    scenarios.source_streaming(connector="mysql", every=100),
    scenarios.source_idle(),
    scenarios.source_idle(heartbeat="table"),
    scenarios.source_idle(heartbeat="filtered"),
    scenarios.source_idle(heartbeat="kafka"),
    scenarios.source_mysql_idle(),
    scenarios.source_stalls(at=60, for_=50),
    scenarios.source_restarts(at=60),
    scenarios.source_restarts(at=60, every=math.inf, connector="mariadb"),
    scenarios.source_snapshots(at=60, pending=20),
    scenarios.source_snapshots(at=60, kind="blocking"),
    scenarios.source_broken(at=60),
    scenarios.source_events([SourceEvent(10, 9), SourceEvent(20, 19, False)], restarts=[15]),
]


def value(scenario: SourceScenario, name: str, *moments: float) -> list[Any]:
    return [scenario.at(moment).values[name] for moment in moments]


def pair(scenario: SourceScenario, *moments: float) -> list[tuple[Any, Any]]:
    """Return the delay, without the variation from event to event, and the idle time, both in milliseconds."""
    delays = [delay if delay < 10 else delay // 10 * 10 for delay in value(scenario, BEHIND, *moments)]
    return list(zip(delays, value(scenario, SINCE, *moments), strict=True))


@pytest.mark.parametrize("scenario", ALL, ids=lambda scenario: scenario.name)
def test_every_source_scenario_has_all_metrics_and_never_decreases_a_total(scenario: SourceScenario) -> None:
    moments = [-1e9, -3600, *range(-120, 300)]
    readings = [scenario.at(moment) for moment in moments]
    assert all(set(reading.values) == set(STREAMING) for reading in readings)
    for name in TOTALS & set(SOURCE_METRICS):
        values = [reading.numbers()[name] for reading in readings]
        assert values == sorted(values)
    assert readings == [scenario.at(moment) for moment in moments]
    for truth in (scenario.committed, scenario.written, scenario.snapshot_rows):
        counts = [truth(moment) for moment in moments]
        assert counts == sorted(counts)
    assert all(scenario.written(moment) <= scenario.committed(moment) for moment in moments)


def test_captured_events_set_delay_which_then_stands_still() -> None:
    events = scenarios.source_events([SourceEvent(10, 8), SourceEvent(20, 15)])
    assert pair(events, 9, 10, 15, 20, 99) == [(-1, -1), (2000, 0), (2000, 5000), (5000, 0), (5000, 79000)]
    assert value(events, LAST, 9, 10, 15, 20, 99) == [None, "position 1", "position 1", "position 2", "position 2"]
    assert value(events, CREATED, 9, 10, 20) == [0, 1, 2]
    assert [events.committed(moment) for moment in (7, 8, 15)] == [0, 1, 2]
    assert value(events, WRITTEN, 10, 10.5, 20.5) == [0, 1, 2]


def test_filtered_events_move_idle_time_only() -> None:
    events = scenarios.source_events([SourceEvent(10, 8), SourceEvent(20, 15, captured=False)])
    assert pair(events, 15, 20, 25) == [(2000, 5000), (2000, 0), (2000, 5000)]
    assert value(events, LAST, 15, 25) == ["position 1", "position 1"]
    assert value(events, CREATED, 15, 25) == value(events, WRITTEN, 15, 25) == [1, 1]
    assert events.committed(99) == 1


def test_restart_makes_metrics_unknown_until_next_event() -> None:
    events = scenarios.source_events(
        [SourceEvent(10, 8), SourceEvent(20, 15, captured=False), SourceEvent(30, 29)], restarts=[12]
    )
    assert pair(events, 11, 12, 19, 20, 25, 30) == [
        (2000, 1000),
        (-1, -1),
        (-1, -1),
        (-1, 0),
        (-1, 5000),
        (1000, 0),
    ]
    assert value(events, LAST, 11, 12, 29, 30) == ["position 1", None, None, "position 2"]


def test_clock_ahead_at_database_makes_delay_negative() -> None:
    assert pair(scenarios.source_events([SourceEvent(10, 13)]), 11) == [(-3000, 1000)]


def test_every_event_sets_both_metrics_on_mysql() -> None:
    events = scenarios.source_events([SourceEvent(10, 8), SourceEvent(20, 15, captured=False)], connector="mysql")
    assert pair(events, 15, 20, 25) == [(2000, 5000), (5000, 0), (5000, 5000)]
    assert value(events, LAST, 25) == ["position 1"]


def test_mysql_heartbeat_sets_delay_to_zero_every_48_seconds_without_traffic() -> None:
    events = scenarios.source_events([SourceEvent(10, 8)], connector="mariadb")
    assert pair(events, 57, 58, 60, 106) == [(2000, 47000), (0, 0), (0, 2000), (0, 0)]
    restarted = scenarios.source_events([SourceEvent(10, 8)], restarts=[60], connector="mysql")
    assert pair(restarted, 60, 107, 108, 110) == [(-1, 0), (-1, 0), (0, 0), (0, 2000)]


def test_mysql_sends_no_heartbeat_while_events_are_unread() -> None:
    events = scenarios.source_events([SourceEvent(10, 8), SourceEvent(200, 100)], connector="mysql")
    assert pair(events, 58, 105, 106, 199, 200) == [(0, 0), (0, 47000), (0, 48000), (0, 141000), (100000, 0)]


def test_delay_varies_from_event_to_event() -> None:
    delays = value(scenarios.source_streaming(every=10), BEHIND, *range(1, 101, 10))
    assert all(500 <= delay < 510 for delay in delays)
    assert all(before != after for before, after in pairwise(delays))


def test_streaming_captures_with_constant_delay() -> None:
    streaming = scenarios.source_streaming(every=10, capture_delay=2, queue_delay=1)
    assert pair(streaming, 1.9, 2, 5, 12) == [(2000, 9900), (2000, 0), (2000, 3000), (2000, 0)]
    start = streaming.committed(-0.1)
    assert [streaming.committed(moment) - start for moment in (0, 9.9, 10)] == [1, 1, 2]
    assert [streaming.written(moment) - start for moment in (2.9, 3, 13)] == [0, 1, 2]
    assert value(streaming, CONNECTED, 0) == value(streaming, "StreamingConnected", 99) == [1]


def test_event_totals_are_those_of_captured_events() -> None:
    streaming = scenarios.source_streaming(every=1, capture_delay=0)
    kinds = ("Create", "Update", "Delete")
    first, last = (
        [value(streaming, f"StreamingTotalNumberOf{kind}EventsSeen", moment)[0] for kind in kinds]
        for moment in (0, 100)
    )
    assert [after - before for before, after in zip(first, last, strict=True)] == [70, 20, 10]
    assert value(streaming, "byteTotal", 0) == [250 * number for number in value(streaming, WRITTEN, 0)]


def test_idle_source_stands_still() -> None:
    idle = scenarios.source_idle(idle_for=100)
    assert pair(idle, 0, 500) == [(500, 99500), (500, 599500)]
    assert idle.at(0).values[LAST] == idle.at(500).values[LAST] == "position 1"
    assert idle.at(0).values[CREATED] == idle.at(500).values[CREATED]
    assert dict(idle.config) == {"heartbeat.enabled": False}


def test_captured_heartbeat_table_moves_everything_but_changes() -> None:
    idle = scenarios.source_idle(heartbeat="table", every=30)
    assert pair(idle, 0.5, 10.5, 30.5) == [(500, 0), (500, 10000), (500, 0)]
    assert idle.at(0.5).values[LAST] != idle.at(30.5).values[LAST]
    assert value(idle, WRITTEN, 31)[0] - value(idle, WRITTEN, 30)[0] == 1
    assert idle.committed(0) == idle.written(999) == 1
    assert dict(idle.config) == {
        "heartbeat.enabled": True,
        "heartbeat.data.collection.schema.or.database": "streamkap",
    }


def test_heartbeat_table_that_is_filtered_moves_idle_time_only() -> None:
    idle = scenarios.source_idle(heartbeat="filtered", every=30)
    assert pair(idle, 0.5, 10.5, 30.5) == [(500, 0), (500, 10000), (500, 0)]
    for name in (LAST, CREATED, WRITTEN):
        assert len(set(value(idle, name, 0, 100, 200))) == 1
    assert dict(idle.config) == dict(scenarios.source_idle(heartbeat="table").config)


def test_heartbeat_in_kafka_moves_neither_metric() -> None:
    kafka, without = scenarios.source_idle(heartbeat="kafka"), scenarios.source_idle()
    assert pair(kafka, 0, 100, 200) == pair(without, 0, 100, 200)
    assert value(kafka, LAST, 100) == value(without, LAST, 100)
    assert value(kafka, WRITTEN, 200)[0] - value(kafka, WRITTEN, 100)[0] == 2
    assert kafka.written(200) == 1
    assert dict(kafka.config) == {"heartbeat.enabled": True}


def test_idle_mysql_source_gets_heartbeat_of_its_server() -> None:
    idle = scenarios.source_mysql_idle(idle_for=48)
    assert (idle.name, idle.connector) == ("source_mysql_idle", "mysql")
    assert pair(idle, 0, 0.5, 47.5, 48.5) == [(500, 47500), (0, 0), (0, 47000), (0, 0)]
    assert value(idle, LAST, 0, 100) == ["position 1", "position 1"]


def test_stalled_source_stays_connected_while_commits_continue() -> None:
    stalls = scenarios.source_stalls(at=61, every=5)
    assert pair(stalls, 60.5, 61, 100, 1000) == [(500, 0), (500, 500), (500, 39500), (500, 939500)]
    for name, expected in ((CONNECTED, 1), ("state", "Streaming"), ("streamingState", "connected")):
        assert value(stalls, name, 60, 1000) == [expected] * 2
    assert stalls.at(1000).connector_status == "Active"
    assert value(stalls, LAST, 61) == value(stalls, LAST, 1000)
    assert stalls.committed(1000) - stalls.committed(60) == 188
    assert stalls.written(1000) == stalls.committed(60)


def test_stalled_source_captures_everything_when_it_resumes() -> None:
    stalls = scenarios.source_stalls(at=61, for_=100, every=5)
    assert pair(stalls, 160.9, 161, 165.5) == [(500, 100400), (1000, 0), (500, 0)]
    assert [stalls.written(moment) - stalls.committed(60) for moment in (161.4, 161.5)] == [0, 20]


def test_stalled_mysql_source_gets_no_heartbeat() -> None:
    stalls = scenarios.source_stalls(at=61, for_=100, every=1000, connector="mysql")
    assert pair(stalls, 60, 160, 161, 208, 209) == [(0, 11500), (0, 111500), (0, 112500), (0, 159500), (0, 0)]
    assert value(stalls, CONNECTED, 100) == [1]


def test_restarted_source_is_unknown_until_it_reads() -> None:
    restarts = scenarios.source_restarts(at=60.5, for_=20, every=5)
    assert pair(restarts, 60.4, 60.5, 80.4, 80.5) == [(500, 4900), (-1, -1), (-1, -1), (500, 0)]
    assert value(restarts, CONNECTED, 60, 70, 90) == [1, 1, 1]
    assert restarts.committed(80) == restarts.written(81)


def test_restarted_mysql_source_is_disconnected_until_it_reads() -> None:
    restarts = scenarios.source_restarts(at=60, for_=20, every=math.inf, connector="mysql")
    assert value(restarts, CONNECTED, 59, 60, 79, 80) == [1, 0, 0, 1]
    assert value(restarts, "streamingState", 59, 60) == ["connected", "disconnected"]
    assert pair(restarts, 60, 127, 128) == [(-1, 0), (-1, 0), (0, 0)]


def test_incremental_snapshot_passes_through_streaming_metrics() -> None:
    snapshots = scenarios.source_snapshots(at=65, for_=100, pending=10, rows_per_second=2, every=1000, topic="t")
    assert pair(snapshots, 64.9, 65, 65.2, 165.5) == [(500, 64400), (0, 0), (0, 200), (0, 1000)]
    assert value(snapshots, LAST, 64)[0] != value(snapshots, LAST, 66)[0]
    assert value(snapshots, CREATED, 64) == value(snapshots, CREATED, 166)
    assert snapshots.snapshot_rows(999) == 200
    assert value(snapshots, WRITTEN, 166)[0] - value(snapshots, WRITTEN, 64)[0] == 200
    assert value(snapshots, "SnapshotTotalNumberOfEventsSeen", 64, 65, 166) == [0, 1, 200]
    assert value(snapshots, "SnapshotMilliSecondsSinceLastEvent", 64, 65.2, 165.5) == [None, 200, 1000]
    statuses = [
        [item["status"] for item in reported] for reported in value(snapshots, "snapshotStatus", 54, 55, 65, 165)
    ]
    assert statuses == [[], ["pending"], ["running"], ["completed"]]
    assert value(snapshots, "snapshotStatus", 65) == [
        [{"status": "running", "topic_id": "t", "submit_timestamp": None}]
    ]


def test_snapshot_flags_are_published_every_30_seconds() -> None:
    snapshots = scenarios.source_snapshots(at=65, for_=100)
    assert value(snapshots, "SnapshotRunning", 65, 89, 90, 179, 180) == [0, 0, 1, 1, 0]
    assert value(snapshots, "SnapshotCompleted", 165, 179, 180) == [0, 0, 1]


def test_blocking_snapshot_pauses_streaming() -> None:
    snapshots = scenarios.source_snapshots(at=61, for_=100, kind="blocking", every=5)
    assert pair(snapshots, 61, 160.9, 161) == [(500, 500), (500, 100400), (1000, 0)]
    assert value(snapshots, LAST, 61) == value(snapshots, LAST, 160)
    assert snapshots.written(161) == snapshots.committed(60)
    assert snapshots.snapshot_rows(999) == 5000


def test_broken_source_changes_status_and_captures_nothing() -> None:
    broken = scenarios.source_broken(at=61)
    assert [broken.at(moment).connector_status for moment in (60, 61)] == ["Active", "Broken"]
    assert value(broken, CONNECTED, 60, 61) == [1, 0]
    assert pair(broken, 61, 500) == [(500, 500)] * 2
    assert broken.written(500) == broken.committed(55) + 1
    assert broken.snapshot_rows(500) == 0
    assert broken.committed(500) > broken.written(500)
    paused = scenarios.source_broken(status="Paused", of=scenarios.source_idle()).at(0)
    assert (paused.connector_status, paused.desired_state) == ("Paused", "Paused")


def test_destination_consumes_what_source_captures() -> None:
    orders = scenarios.pipeline(scenarios.source_streaming(every=10, capture_delay=2, queue_delay=1), consume_delay=4)
    at = orders.destination.at
    assert [at(moment).records_lag for moment in (0, 2.9, 3, 6.9, 7, 13)] == [0, 0, 1, 1, 0, 1]
    assert [at(moment).latency for moment in (0, 3)] == [0, 4000]
    assert [at(moment).read_total for moment in (6.9, 7)] == [orders.consumed(6.9), orders.consumed(7)]
    start = orders.committed(-0.1)
    counted = (orders.committed, orders.written, orders.consumed)
    assert [[count(moment) - start for count in counted] for moment in (0, 3, 7)] == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    assert orders.destination.name == "behind source_streaming"
    assert scenarios.pipeline().source.name == "source_streaming"


def test_lag_behind_stalled_source_stays_zero_while_commits_pile_up() -> None:
    orders = scenarios.pipeline(scenarios.source_stalls(at=61, every=5))
    moments = range(64, 1000)
    assert {orders.destination.at(moment).records_lag for moment in moments} == {0}
    assert {orders.consumed(moment) for moment in moments} == {orders.committed(60)}
    assert orders.committed(999) - orders.consumed(999) == 187


def test_snapshot_rows_are_consumed_too() -> None:
    orders = scenarios.pipeline(scenarios.source_snapshots(at=60, for_=100, rows_per_second=10, every=1000))
    assert [orders.destination.at(moment).records_lag for moment in (60, 100, 163)] == [0, 20, 0]
    assert orders.committed(100) == orders.consumed(100)


def test_source_scenario_of_ones_own() -> None:
    mine = SourceScenario("mine", lambda elapsed: SourceReading({**STREAMING, BEHIND: 5}))
    assert pair(mine, 0) == [(5, 0)]
    assert mine.committed(0) == mine.written(0) == mine.snapshot_rows(0) == 0
    assert scenarios.pipeline(mine).destination.at(0).records_lag == 0


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: scenarios.source_streaming(every=0), "every must be above 0"),
        (lambda: scenarios.source_streaming(capture_delay=-1), "capture_delay"),
        (lambda: scenarios.source_streaming(queue_delay=-1), "queue_delay"),
        (lambda: scenarios.source_idle(heartbeat="email"), "heartbeat"),  # type: ignore[arg-type]
        (lambda: scenarios.source_idle(idle_for=-1), "idle_for"),
        (lambda: scenarios.source_stalls(at=-1), "at"),
        (lambda: scenarios.source_restarts(for_=-1), "for_"),
        (lambda: scenarios.source_snapshots(kind="full"), "kind"),  # type: ignore[arg-type]
        (lambda: scenarios.source_snapshots(rows_per_second=0), "rows_per_second"),
        (lambda: scenarios.source_snapshots(pending=-1), "pending"),
        (lambda: scenarios.source_events([], queue_delay=-1), "queue_delay"),
        (lambda: scenarios.source_broken(at=-1), "at"),
        (lambda: scenarios.pipeline(consume_delay=-1), "consume_delay"),
    ],
)
def test_invalid_arguments_are_rejected(build: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()
