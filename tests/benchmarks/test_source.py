# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The simulated source: what is captured and written, and what its metrics show of it."""

from __future__ import annotations

from math import inf
from random import Random
from typing import Any

import pytest

from airflow_provider_streamkap.api.metrics import (
    BEHIND_SOURCE,
    SINCE_LAST_EVENT,
    SNAPSHOT_COMPLETED,
    SNAPSHOT_RUNNING,
    SNAPSHOT_STATUS,
    STATE,
    STREAMING_STATE,
    SourceMetrics,
)
from airflow_provider_streamkap.api.query import TIMESERIES, SourceMetricsQuery
from benchmarks.accuracy.connector_timeline import AFTER, BEFORE
from benchmarks.accuracy.exporter_behavior import CONVENTIONS, ExporterBehavior, Span
from benchmarks.accuracy.metric_series import to_datetime, to_seconds
from benchmarks.accuracy.pipeline_trial import draw_pipeline
from benchmarks.accuracy.source import Meter, Source, simulate_source
from benchmarks.accuracy.source_exporter import CREATES, LAST_EVENT, WRITTEN, SourceExporter
from benchmarks.accuracy.source_faults import FAMILIES, SOURCE_FAULTS, draw_source_fault
from benchmarks.accuracy.source_plan import EventKind, LogEvent, Ramp, SnapshotPlan, SourcePlan, Stop

LATENCY = 0.5
END = 2000.0


def plan(*events: tuple[float, EventKind], family: str = "postgresql", **values: Any) -> SourcePlan:
    """Return a source with events of three records each, which are read 0.5 s after the commit."""
    log = [LogEvent(at, order, kind, 3, LATENCY, 0.0, 1.0) for order, (at, kind) in enumerate(events)]
    return SourcePlan(family, "none", "quiet", log=log, flushed=0.0, **values)


def source(*events: tuple[float, EventKind], **values: Any) -> Source:
    return simulate_source(plan(*events, **values), 0.0, END)


def meter(made: Source, when: float) -> Meter:
    found = made.meter(when)
    assert found is not None
    return found


def shown(made: Source, when: float) -> tuple[float, float]:
    """Return BehindSource and SinceLastEvent, in seconds."""
    found = meter(made, when)
    return round(found.behind / 1000, 3), round(found.since / 1000, 3)


def newest(found: Meter, when: float) -> float:
    """Return the commit time of the newest event that the meters add up to."""
    return when - found.since / 1000 - found.behind / 1000


def test_a_change_is_read_after_its_commit_and_written_after_the_queue() -> None:
    made = source((100.0, "change"))
    (read,) = made.reads
    assert (read.at, read.written) == (100.5, 101.5)
    assert made.arrivals() == ((102.0, 3.0), (103.0, 0.0))
    assert (made.position(100.0), made.position(100.1)) == (0, 3)
    assert (made.captured_at(100.0), made.captured_at(101.0)) == (-inf, 100.5)
    assert (meter(made, 101.0).written, meter(made, 101.5).written) == (0, 3)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_captured_event_sets_the_delay_which_then_stands_still(family: str) -> None:
    made = source((100.0, "change"), (110.0, "other"), family=family)
    assert shown(made, 101.0) == (0.5, 0.5)
    assert shown(made, 150.0) == (0.5, 39.5)
    assert newest(meter(made, 150.0), 150.0) == pytest.approx(110.0)


@pytest.mark.parametrize("family", ["postgresql", "sqlserver", "mongodb", "oracle"])
def test_before_the_first_event_both_are_unknown_and_a_filtered_event_moves_one_alone(family: str) -> None:
    made = source((100.0, "filtered"), (300.0, "change"), family=family)
    assert (meter(made, 90.0).behind, meter(made, 90.0).since) == (-1, -1)
    assert (meter(made, 110.0).behind, shown(made, 110.0)[1]) == (-1, 9.5)
    assert shown(made, 310.0) == (0.5, 9.5)
    assert (meter(made, 299.0).seen, meter(made, 310.0).seen) == (0, 3)
    assert (meter(made, 299.0).last_event, meter(made, 310.0).last_event) == (None, 1)


@pytest.mark.parametrize("family", ["mysql", "mariadb"])
def test_on_binlog_families_each_event_moves_both_and_the_server_sends_heartbeats(family: str) -> None:
    made = source((10.0, "change"), (40.0, "filtered"), family=family, pending_behind=-1.0)
    assert (meter(made, 5.0).behind, meter(made, 5.0).since) == (-1, 0)
    assert shown(made, 41.0) == (0.5, 0.5)
    assert shown(made, 88.0) == (0.5, 47.5)
    assert shown(made, 89.0) == (0.0, 0.5)
    assert shown(made, 137.0) == (0.0, 0.5)
    assert [read.at for read in made.reads if read.event.kind == "server"][:3] == [88.5, 136.5, 184.5]


def test_a_server_with_a_backlog_sends_no_heartbeat() -> None:
    made = source((10.0, "change"), (100.0, "change"), family="mysql", stops=[Stop(90.0, 500.0, "stall")])
    heartbeats = [read.at for read in made.reads if read.event.kind == "server"]
    assert [at for at in heartbeats if at <= 560] == [58.5, 548.01]
    assert shown(made, 499.0)[1] == 440.5


def test_clocks_apart_make_a_delay_negative() -> None:
    made = source((100.0, "change"), skew=5.0)
    assert shown(made, 101.0) == (-4.5, 0.5)
    assert newest(meter(made, 150.0), 150.0) == pytest.approx(105.0)


def test_a_stall_reads_the_backlog_later_with_its_true_delay() -> None:
    made = source((100.0, "change"), (200.0, "change"), stops=[Stop(150.0, 400.0, "stall")])
    assert shown(made, 399.0) == (0.5, 298.5)
    assert shown(made, 401.0) == (200.01, 0.99)
    assert made.captured_at(201.0) == pytest.approx(400.01)


def test_a_capture_that_falls_behind_catches_up() -> None:
    made = source(*((float(at), "change") for at in range(100, 800, 10)), ramps=[Ramp(100.0, 300.0, 500.0, 100.0)])
    delays = [read.at - read.event.commit for read in made.reads]
    assert max(delays) == pytest.approx(100.5)
    assert delays[-1] == LATENCY
    assert [read.at for read in made.reads] == sorted(read.at for read in made.reads)


def test_a_restart_resets_the_meters_and_counts() -> None:
    made = source((100.0, "change"), (500.0, "change"), stops=[Stop(200.0, 260.0, "restart")])
    assert made.meter(230.0) is None
    assert meter(made, 261.0) == Meter(-1, -1, 0, 0, None, 0)
    assert (meter(made, 502.0).seen, meter(made, 502.0).written) == (3, 3)
    mysql = source((100.0, "change"), family="mysql", stops=[Stop(200.0, 260.0, "restart")], pending_behind=0.0)
    assert meter(mysql, 261.0)[:2] == (0, 0)
    frozen = source((100.0, "change"), frozen=True, stops=[Stop(200.0, 260.0, "restart")])
    assert frozen.meter(250.0) == frozen.meter(200.0)


def test_a_restart_loses_the_queue_and_reads_it_again() -> None:
    stop = Stop(150.0, 200.0, "restart")
    made = source((100.0, "change"), (140.0, "change"), stops=[stop], blocked=[(135.0, 151.0)])
    assert meter(made, 145.0).last_event == 1
    assert [(read.event.order, read.run, read.written < inf) for read in made.reads] == [
        (0, 0, True),
        (1, 0, False),
        (1, 1, True),
    ]
    assert made.captured_at(141.0) > 200
    assert shown(made, 201.0)[0] == pytest.approx(60.0, abs=0.5)


def test_what_was_written_since_the_last_flush_is_written_twice() -> None:
    made = plan((100.0, "change"), (140.0, "change"), stops=[Stop(150.0, 200.0, "restart")])
    made.flushed = 30.0
    found = simulate_source(made, 0.0, END)
    assert sum(records for _, records in found.arrivals()) == 9
    assert found.position(141.0) == 6


def test_a_blocked_queue_holds_what_has_been_read() -> None:
    made = source((100.0, "change"), blocked=[(90.0, 130.0)])
    assert meter(made, 110.0).seen == 3
    assert meter(made, 110.0).written == 0
    assert made.reads[0].written == 130.0


def test_rows_of_a_snapshot_show_almost_no_delay_while_the_source_is_behind() -> None:
    ramp = Ramp(0.0, 1.0, 1900.0, 300.0)
    snapshot = SnapshotPlan(150.0, 3, 10, 2.0)
    made = source((100.0, "change"), (1000.0, "change"), ramps=[ramp], snapshots=[snapshot])
    rows = [read for read in made.reads if read.event.kind == "snapshot"]
    assert len(rows) == 3
    at = rows[0].at
    assert at - 150.0 > 200
    assert shown(made, at + 1)[0] == 0.02
    assert newest(meter(made, at + 1), at + 1) > made.plan.log[0].commit + 200
    assert [span.status for span in made.snapshots] == ["pending", *["running"] * 5, "completed"]
    assert meter(made, END).rows == 30


def test_a_paused_snapshot_is_not_running_and_other_tables_are_not_the_pipelines() -> None:
    snapshot = SnapshotPlan(150.0, 3, 10, 2.0, pause_after=1, pause=100.0, other=True)
    made = source((100.0, "change"), snapshots=[snapshot])
    statuses = [span.status for span in made.snapshots if span.begin <= 200 < span.end]
    assert statuses == ["paused"]
    assert sum(records for _, records in made.arrivals()) == 3
    found = exporter(made).respond(SourceMetricsQuery("s1"), 230.0)["data"]
    assert found[SNAPSHOT_RUNNING] == 0
    assert found[SNAPSHOT_STATUS] == [{"status": "paused", "topic_id": "public.customers", "submit_timestamp": None}]


def test_in_a_world_without_delays_everything_before_the_moment_is_captured_at_once() -> None:
    made = plan((100.0, "change"), (200.0, "change"), stops=[Stop(50.0, 400.0, "stall")], blocked=[(0.0, 500.0)])
    found = simulate_source(made, 0.0, END, at_once_before=150.0)
    assert [round(read.at, 2) for read in found.reads] == [100.05, 400.01]
    assert [round(read.written, 2) for read in found.reads] == [100.1, 500.0]


def exporter(made: Source, **behavior: Any) -> SourceExporter:
    options = {name: behavior.pop(name) for name in ("cached", "flag_delay") if name in behavior}
    return SourceExporter(
        Random(1), made, ExporterBehavior(CONVENTIONS[0], **{"first": 0.0, **behavior}), END, **options
    )


def series(made: SourceExporter, name: str, now: float) -> dict[float, float | None]:
    query = SourceMetricsQuery("s1", TIMESERIES, 1, "minute", timestamp_from=to_datetime(0.0))
    metrics = SourceMetrics.parse(query, made.respond(query, now), to_datetime(now))
    return {to_seconds(point.timestamp): point.value for point in metrics.points(name)}


def latest(made: SourceExporter, now: float) -> dict[str, Any]:
    query = SourceMetricsQuery("s1")
    return SourceMetrics.parse(query, made.respond(query, now), to_datetime(now)).data


def test_points_and_latest_show_the_meters() -> None:
    made = exporter(source((100.0, "change"), (190.0, "change")))
    assert series(made, BEHIND_SOURCE, 241.0) == {0: -1, 60: 500, 120: 500, 180: 500}
    assert series(made, SINCE_LAST_EVENT, 241.0) == {0: -1, 60: 4500, 120: 64500, 180: 34500}
    assert series(made, CREATES, 241.0) == {0: 0, 60: 1, 120: 1, 180: 2}
    assert series(made, WRITTEN, 241.0) == {0: 0, 60: 3, 120: 3, 180: 6}
    found = latest(made, 241.0)
    assert (found[SINCE_LAST_EVENT], found[LAST_EVENT]) == (49500, "position 1")


def test_all_metrics_of_a_point_are_frozen_or_unknown_together() -> None:
    made = source((100.0, "change"), (190.0, "change"))
    frozen = exporter(made, spans=[Span(130.0, 500.0, "repeat")])
    assert series(frozen, SINCE_LAST_EVENT, 301.0)[240] == 29500
    assert series(frozen, CREATES, 301.0)[240] == 1
    unknown = exporter(made, spans=[Span(130.0, 500.0, "null")])
    assert {series(unknown, name, 301.0)[240] for name in (SINCE_LAST_EVENT, CREATES)} == {None}
    assert latest(unknown, 301.0)[STATE] is None


def test_latest_is_cached_but_the_timeseries_is_not() -> None:
    made = exporter(source((100.0, "change")), cached=100.0)
    assert latest(made, 299.0) == latest(made, 201.0) != latest(made, 301.0)
    assert series(made, BEHIND_SOURCE, 299.0) != series(made, BEHIND_SOURCE, 201.0)


@pytest.mark.parametrize(
    ("stop", "when", "expected"),
    [
        (Stop(100.0, 900.0, "stall"), 500.0, ("Streaming", "connected")),
        (Stop(100.0, 900.0, "job"), 500.0, ("Streaming", "connected")),
        (Stop(100.0, 900.0, "disconnect"), 500.0, ("Streaming", "disconnected")),
        (Stop(100.0, 900.0, "disconnect"), 250.0, ("Streaming", "connected")),
        (Stop(100.0, 900.0, "disconnect", shown=False), 500.0, ("Streaming", "connected")),
        (Stop(100.0, 900.0, "restart"), 500.0, ("Starting", None)),
    ],
)
def test_the_states_show_what_they_can_and_late(stop: Stop, when: float, expected: tuple[str, str | None]) -> None:
    found = latest(exporter(source(stops=[stop]), flag_delay=200.0), when)
    assert (found[STATE], found[STREAMING_STATE]) == expected


def test_a_blocking_snapshot_runs_and_is_then_completed_until_the_next_restart() -> None:
    stops = [Stop(100.0, 200.0, "blocking"), Stop(600.0, 700.0, "restart")]
    made = exporter(source((150.0, "change"), stops=stops))
    flags = [latest(made, when) for when in (190.0, 300.0, 800.0)]
    assert [found[SNAPSHOT_RUNNING] for found in flags] == [1, 0, 0]
    assert [found[SNAPSHOT_COMPLETED] for found in flags][1:] == [1, 0]


def test_the_record_names_the_heartbeat_and_the_status() -> None:
    made = plan(stops=[Stop(100.0, 200.0, "restart")])
    made.heartbeat = "query fails"
    record = exporter(simulate_source(made, 0.0, END)).record(150.0)
    assert record["connector_status"] == "Starting"
    assert record["config"]["heartbeat.data.collection.schema.or.database"] == "streamkap"
    assert exporter(source()).record(150.0)["config"] == {"heartbeat.enabled": False}


@pytest.mark.parametrize("fault", SOURCE_FAULTS, ids=lambda fault: fault.name)
def test_nothing_is_metered_before_its_commit_written_before_read_or_consumed_before_written(fault: Any) -> None:
    for seed in range(2):
        one = draw_pipeline(str(seed), fault)
        assert all(read.event.commit < read.at <= read.written for read in one.source.reads)
        assert len(one.source.reads) == len({(read.event.order, read.run, read.at) for read in one.source.reads})
        in_log_order = [read.event.commit for read in one.source.reads if read.run == 0]
        assert in_log_order == sorted(in_log_order)
        for number in range(10):
            when = one.moment + Random(number).uniform(-BEFORE, AFTER)
            written = sum(
                read.event.records for read in one.source.reads if read.written <= when and read.event.kind == "change"
            )
            rows = sum(read.event.records for read in one.source.reads if read.event.kind == "snapshot")
            assert one.topic.committed(when) <= one.topic.arrived(when) <= written + rows
        for moment in (one.moment, one.begin):
            assert one.consumed_at(moment) >= one.source.captured_at(moment)
            assert (
                one.source.position(moment) <= one.topic.arrived(one.moment + AFTER) or one.consumed_at(moment) == inf
            )


@pytest.mark.parametrize("fault", SOURCE_FAULTS, ids=lambda fault: fault.name)
def test_the_newest_commit_that_meters_add_up_to_was_read_unless_the_contract_says_otherwise(fault: Any) -> None:
    one = draw_pipeline("3", fault)
    made = one.source
    if made.plan.snapshots or made.plan.frozen or any(read.event.kind == "filtered" for read in made.reads):
        return
    for when in range(int(one.moment - 600), int(one.moment + 1800), 37):
        found = made.meter(float(when))
        if found is not None and min(found.since, found.behind) >= 0 and not made.plan.binlog:
            known = newest(found, when) - made.plan.skew
            assert any(read.at <= when and read.event.commit == pytest.approx(known) for read in made.reads)


def test_a_fault_of_a_source_has_one_name_and_draws_what_it_names() -> None:
    assert len({fault.name for fault in SOURCE_FAULTS}) == len(SOURCE_FAULTS)
    for fault in SOURCE_FAULTS:
        drawn = draw_source_fault(Random(1), fault)
        assert set(fault.incidents) <= set(drawn.incidents)
        assert bool(drawn.incidents) or not fault.delayed
    job = next(fault for fault in SOURCE_FAULTS if "stopped job" in fault.incidents)
    assert draw_pipeline("1", job).plan.family == "sqlserver"
