# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The live service check detects every possible response about sources and pipelines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from airflow_provider_streamkap.testing import (
    Fault,
    Reporting,
    SourceScenario,
    StreamkapSimulator,
    scenarios,
)
from airflow_provider_streamkap.testing.source_scenarios import SourceEvent
from tests.live.conftest import Found
from tests.testing.support import Clock

BEHIND, SINCE = "StreamingMilliSecondsBehindSource", "StreamingMilliSecondsSinceLastEvent"
EVENTS = tuple(f"StreamingTotalNumberOf{name}EventsSeen" for name in ("Create", "Update", "Delete"))
LATEST, SERIES = "/sources/s1/metrics?time_type=latest", "/sources/s1/metrics?time_type=timeseries"


@pytest.fixture
def pipeline(simulator: StreamkapSimulator, clock: Clock) -> Callable[..., None]:
    """Adds a pipeline of the source s1 and the destination d1, an hour ago."""

    def add(source: SourceScenario | None = None, *, topics: tuple[str, ...] = ("public.orders",)) -> None:
        simulator.add_pipeline("p1", "s1", "d1", scenarios.pipeline(source), topics=topics)
        clock.pass_by(3600)

    return add


def stamp(minute: int, seconds: int = 0) -> str:
    """A timestamp in the hour after the start of the clock."""
    return f"2026-01-01T00:{minute:02}:{seconds:02}Z"


def series(*, events: list[int], delays: list[float], sinces: list[float] | None = None) -> Fault:
    """A timeseries of a source, one point per minute."""
    values: dict[str, Sequence[float]] = {BEHIND: delays, SINCE: sinces or [0] * len(delays), EVENTS[0]: events}
    values |= {name: [0] * len(events) for name in EVENTS[1:]}
    data: dict[str, Any] = {
        name: [{"timestamp": stamp(minute), "value": value} for minute, value in enumerate(column)]
        for name, column in values.items()
    }
    return Fault.json({"data": data})


def latest(**values: Any) -> Fault:
    """Latest metrics of a source that is connected and streaming."""
    data: dict[str, Any] = {
        "state": "Streaming",
        "streamingState": "connected",
        "StreamingConnected": 1,
        BEHIND: 0,
        SINCE: 0,
        "StreamingLastEvent": "position 1",
        "SnapshotRunning": 0,
        "SnapshotCompleted": 0,
        "SnapshotTotalNumberOfEventsSeen": 0,
        "snapshotStatus": [],
    }
    return Fault.json({"data": data | values})


def test_healthy_pipeline(simulator: StreamkapSimulator, pipeline: Callable[..., None], found: Found) -> None:
    pipeline(scenarios.source_idle(heartbeat="table", every=90))
    rows = found()
    confirmed = (
        "readable types pipeline values flags states minutes same clocks captured heartbeat parts status unfiltered"
    )
    assert {key: rows[key].holds for key in confirmed.split()} == dict.fromkeys(confirmed.split(), True)
    unclear = "snapshots topics event first mysql connectors filter pages"
    assert {key: rows[key].holds for key in unclear.split()} == dict.fromkeys(unclear.split())
    assert {item.path for item in simulator.requests if "source" in item.path} == {
        "/sources",
        "/sources/s1",
        "/sources/s1/metrics",
    }


def test_empty_project(found: Found) -> None:
    rows = found()
    keys = "types values flags states snapshots topics minutes same event first clocks captured mysql connectors"
    keys += " heartbeat parts status filter unfiltered pages"
    assert {key: rows[key].holds for key in keys.split()} == dict.fromkeys(keys.split())
    assert (rows["readable"].holds, rows["readable"].found) == (True, "2 responses")


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("read:source_metrics", "metrics of a source: 403; timeseries of a source: 403"),
        ("read:pipeline_metrics", "metrics of a pipeline: 403"),
        ("read:sources", "list of sources: 403; source: 403"),
        ("read:pipelines", "list of pipelines: 403"),
    ],
)
def test_missing_permission(
    simulator: StreamkapSimulator, pipeline: Callable[..., None], found: Found, missing: str, said: str
) -> None:
    pipeline()
    kinds = ("destination", "source", "pipeline")
    simulator.permissions = {f"read:{kind}{suffix}" for kind in kinds for suffix in ("s", "_metrics")} - {missing}
    row = found()["readable"]
    assert (row.found, row.holds) == (said, False)
    assert "read:source_metrics" in row.consequence


def test_ids_suffice_if_listing_is_forbidden(
    simulator: StreamkapSimulator, pipeline: Callable[..., None], found: Found
) -> None:
    pipeline()
    for path in ("/sources?", "/pipelines?"):
        simulator.inject(Fault.status(403), path=path, times=None)
    assert found()["values"].holds is None
    rows = found(pipeline_id="p1")
    assert {rows[key].holds for key in ("values", "minutes", "parts", "status")} == {True}
    assert {rows[key].holds for key in ("filter", "unfiltered", "pages", "connectors")} == {None}
    rows = found(source_id="s1")
    assert {rows[key].holds for key in ("values", "minutes")} == {True}
    assert {rows[key].holds for key in ("parts", "status")} == {None}


def test_chosen_source_and_pipeline(simulator: StreamkapSimulator, pipeline: Callable[..., None], found: Found) -> None:
    pipeline()
    simulator.add_source("s2", scenarios.source_streaming())
    simulator.add_pipeline("p2", "s3", "d3", scenarios.pipeline())
    for options, source in (({}, "s1"), ({"pipeline_id": "p2"}, "s3"), ({"source_id": "s2"}, "s2")):
        simulator.reset_requests()
        found(**options)
        paths = {item.path for item in simulator.requests if "timeseries" in item.query.values()}
        assert paths - {"/destinations/d1/metrics", "/destinations/d3/metrics"} == {f"/sources/{source}/metrics"}


@pytest.mark.parametrize(
    ("fault", "path", "said", "holds"),
    [
        (Fault.json({"result": [{"name": "no id"}]}), "/sources?", "list of sources: a source has no id", False),
        (Fault.json({"data": None}), LATEST, "metrics of a source: unexpected metrics response", False),
        (Fault.status(503), SERIES, "timeseries of a source: 503", None),
        (Fault.drop(), SERIES, "timeseries of a source: no response (ConnectionError)", None),
    ],
)
def test_unreadable_responses(
    simulator: StreamkapSimulator,
    pipeline: Callable[..., None],
    found: Found,
    fault: Fault,
    path: str,
    said: str,
    holds: bool | None,
) -> None:
    pipeline()
    simulator.inject(fault, path=path)
    row = found()["readable"]
    assert (row.found[: len(said)], row.holds) == (said, holds)


@pytest.mark.parametrize(
    ("changes", "values", "consequence"),
    [
        ({"SnapshotRunning": None}, "unknown: SnapshotRunning", "the gate stays closed"),
        ({"StreamingConnected": 2}, "unknown: StreamingConnected", "idle_source='assume' never applies"),
        ({"StreamingLastEvent": None}, "unknown: StreamingLastEvent", "events with a constant delay prove nothing"),
        ({"snapshotStatus": None}, "unknown: snapshotStatus", "the gate uses the other values"),
    ],
)
def test_unknown_values(
    simulator: StreamkapSimulator,
    pipeline: Callable[..., None],
    found: Found,
    changes: dict[str, Any],
    values: str,
    consequence: str,
) -> None:
    pipeline()
    simulator.inject(latest(**changes), path=LATEST)
    row = found()["values"]
    assert (row.found, row.holds, consequence in row.consequence) == (values, False, True)


def test_value_of_another_type(simulator: StreamkapSimulator, pipeline: Callable[..., None], found: Found) -> None:
    pipeline()
    simulator.inject(latest(**{"SnapshotRunning": "no", BEHIND: "1 ms"}), path=LATEST)
    row = found()["types"]
    assert row.holds is False
    assert row.found == (
        "SnapshotRunning must be a number, got a string; "
        "StreamingMilliSecondsBehindSource must be a number, got a string"
    )


def test_flags_in_timeseries(simulator: StreamkapSimulator, pipeline: Callable[..., None], found: Found) -> None:
    pipeline()
    body: Any = {"data": {"SnapshotRunning": [{"timestamp": stamp(1), "value": 0}], "StreamingConnected": []}}
    simulator.inject(Fault.json(body), path=SERIES)
    row = found()["flags"]
    assert (row.found, row.holds) == ("points of SnapshotRunning", False)


@pytest.mark.parametrize(
    ("state", "streaming", "said", "holds"),
    [
        ("STREAMING", "Connected", "STREAMING, Connected", True),
        ("Streaming", None, "Streaming, null", False),
        ("Snapshotting", "connected", "Snapshotting, connected", False),
        ("Streaming", "disconnected", "Streaming, disconnected", False),
    ],
)
def test_states(
    simulator: StreamkapSimulator,
    pipeline: Callable[..., None],
    found: Found,
    state: str,
    streaming: str | None,
    said: str,
    holds: bool,
) -> None:
    pipeline()
    simulator.inject(latest(state=state, streamingState=streaming), path=LATEST)
    row = found()["states"]
    assert (row.found, row.holds) == (said, holds)


def test_states_of_stopped_sources_do_not_count(simulator: StreamkapSimulator, found: Found) -> None:
    simulator.add_source("s1", scenarios.source_broken())
    simulator.add_source("s2")
    row = found()["states"]
    assert (row.found, row.holds) == ("Streaming, connected", True)


@pytest.mark.parametrize(
    ("statuses", "state", "said", "holds"),
    [
        (["completed", "Running"], None, "Running, completed", True),
        (["completed", "paused"], None, "new: paused", False),
        ([], "Completed", "Completed", True),
        (["failed"], "NOT_STARTED", "new snapshotState: NOT_STARTED", False),
    ],
)
def test_snapshot_statuses(
    simulator: StreamkapSimulator,
    pipeline: Callable[..., None],
    found: Found,
    statuses: list[str],
    state: str | None,
    said: str,
    holds: bool,
) -> None:
    pipeline()
    entries = [{"status": status, "topic_id": "public.orders"} for status in statuses]
    simulator.inject(latest(snapshotStatus=entries, snapshotState=state), path=LATEST)
    row = found()["snapshots"]
    assert (row.found, row.holds) == (said, holds)


@pytest.mark.parametrize(
    ("topics", "ids", "said", "holds"),
    [
        (("public.orders",), ["public.orders", "public.other"], "1 of 2", True),
        (("public.orders",), ["source_1.public.orders"], "none of 1: source_1.public.orders, but a topic is", False),
        (("public.orders",), [None], "none of 1: None", False),
        ((), ["public.orders"], "no topics", None),
    ],
)
def test_snapshot_topics(
    simulator: StreamkapSimulator,
    pipeline: Callable[..., None],
    found: Found,
    topics: tuple[str, ...],
    ids: list[str | None],
    said: str,
    holds: bool | None,
) -> None:
    pipeline(topics=topics)
    simulator.inject(latest(snapshotStatus=[{"status": "completed", "topic_id": id_} for id_ in ids]), path=LATEST)
    row = found()["topics"]
    assert (row.found[: len(said)], row.holds) == (said, holds)


def points(*moments: str) -> list[Any]:
    return [{"timestamp": moment, "value": 5} for moment in moments]


@pytest.mark.parametrize(
    ("delays", "sinces", "said", "holds"),
    [
        ([], points(stamp(1)), f"no points of {BEHIND}", False),
        (points(stamp(1)), [], f"no points of {SINCE}", False),
        (points(stamp(1), stamp(2)), points(stamp(1), stamp(2, 30)), "2 timestamps of one delay only", False),
        (points(stamp(1)), points(stamp(1)), "1 point", None),
        (points(stamp(1), stamp(1, 30)), points(stamp(1), stamp(1, 30)), "2 points, 30 s apart", False),
        (
            points(stamp(1), stamp(2), stamp(9)),
            points(stamp(1), stamp(2), stamp(9)),
            "3 points, 60 s apart, with",
            True,
        ),
    ],
)
def test_points_of_source(
    simulator: StreamkapSimulator,
    pipeline: Callable[..., None],
    found: Found,
    delays: list[Any],
    sinces: list[Any],
    said: str,
    holds: bool | None,
) -> None:
    pipeline()
    simulator.inject(Fault.json({"data": {BEHIND: delays, SINCE: sinces}}), path=SERIES)
    row = found()["minutes"]
    assert (row.found[: len(said)], row.holds) == (said, holds)


@pytest.mark.parametrize(
    ("source", "destination", "said", "holds"),
    [
        (Reporting(), Reporting(), "newest 60 s and 60 s old", True),
        (Reporting(delay=600), Reporting(delay=600), "newest 660 s and 660 s old", True),
        (Reporting(), Reporting(stamp="end"), "newest 60 s and 0 s old", False),
        (Reporting(delay=120), Reporting(), "newest 180 s and 60 s old", False),
        (Reporting(layout="plain"), Reporting(), "date, space, time, without a zone and ISO 8601 with Z", False),
    ],
)
def test_timestamps_of_sources_and_destinations(
    simulator: StreamkapSimulator,
    clock: Clock,
    found: Found,
    source: Reporting,
    destination: Reporting,
    said: str,
    holds: bool,
) -> None:
    simulator.add_source("s1", scenarios.source_streaming(), reporting=source)
    simulator.add("d1", scenarios.steady(), reporting=destination)
    row = found()["same"]
    assert (row.found, row.holds) == (said, holds)


def test_timestamps_in_future(simulator: StreamkapSimulator, clock: Clock, found: Found) -> None:
    simulator.add_source("s1")
    simulator.add("d1", scenarios.steady())
    body: Any = {"data": {BEHIND: points("2026-01-01T02:00:00Z"), SINCE: points("2026-01-01T02:00:00Z")}}
    simulator.inject(Fault.json(body), path=SERIES)
    row = found()["same"]
    assert (row.found, row.holds) == ("newest -7200 s and 60 s old", False)
    assert "clock skew" in row.consequence


@pytest.mark.parametrize(
    ("reporting", "said", "holds"),
    [
        (Reporting(), "later by 60 s in latest", True),
        (Reporting(stamp="end"), "later by 0 s in latest", True),
        (Reporting(stamp="end", value="mean"), "later by -22 s in latest", True),
        (Reporting(latest_delay=240), "later by 300 s in latest", True),
        (Reporting(latest_delay=900), "later by 960 s in latest", False),
    ],
)
def test_time_of_last_event(
    simulator: StreamkapSimulator, found: Found, reporting: Reporting, said: str, holds: bool
) -> None:
    simulator.add_source("s1", scenarios.source_idle(), reporting=reporting)
    row = found()["event"]
    assert (row.found, row.holds) == (said, holds)


def test_time_of_last_event_with_timestamps_in_future(simulator: StreamkapSimulator, found: Found) -> None:
    simulator.add_source("s1", scenarios.source_idle())
    body: Any = {"data": {SINCE: [{"timestamp": stamp(10), "value": 3_600_000}]}}
    simulator.inject(Fault.json(body), path=SERIES)
    row = found()["event"]
    assert (row.found, row.holds) == ("later by -600 s in latest", False)


@pytest.mark.parametrize(
    ("delays", "sinces", "said", "holds"),
    [
        ([5, -1, -1], [5, -1, 30], "3 values of -1", True),
        ([5, -0.5, 5], [5, 5, 5], "1 points between -1 and 0", False),
        ([5, 5, 5], [5, -1, 5], "0 points between -1 and 0, 1 with a delay", False),
        ([5, 5, 5], [5, 5, 5], "no -1", None),
    ],
)
def test_before_first_event(
    simulator: StreamkapSimulator,
    pipeline: Callable[..., None],
    found: Found,
    delays: list[float],
    sinces: list[float],
    said: str,
    holds: bool | None,
) -> None:
    pipeline()
    simulator.inject(series(events=[1, 2, 3], delays=delays, sinces=sinces), path=SERIES)
    row = found()["first"]
    assert (row.found[: len(said)], row.holds) == (said, holds)


def test_restart_of_source(pipeline: Callable[..., None], found: Found) -> None:
    pipeline(scenarios.source_restarts(at=1800, for_=300))
    assert found()["first"].holds is True


def test_clock_of_database(pipeline: Callable[..., None], found: Found) -> None:
    pipeline(scenarios.source_events([SourceEvent(600, 602.5)]))
    row = found()["clocks"]
    assert (row.found, row.holds) == ("delay of -2500 ms", False)
    assert "2.5 s less" in row.consequence


@pytest.mark.parametrize(
    ("events", "delays", "said", "holds"),
    [
        ([7, 8, 8, 9], [5, 6, 6, 7], "changed in 0 of 1 minutes", True),
        ([7, 8, 8, 9], [5, 6, 9, 7], "changed in 1 of 1 minutes", False),
        ([0, 3, 0, 5, 0], [5, 6, 6, 7, 7], "changed in 0 of 2 minutes", True),
        ([0, 3, 0, 5, 0], [5, 6, 9, 7, 8], "changed in 2 of 2 minutes", False),
        ([0, 0, 0], [5, 6, 6], "changed in 1 of 2 minutes", False),
        # Totals that stand still, or four events in each minute.
        ([4, 4, 4], [5, 5, 5], "changed in 0 of 2 minutes", True),
        ([4, 4, 4], [5, 6, 7], "no minute without", None),
        ([7, 8, 8], [5, -1, -1], "no minute without", None),
        ([7, 8, 9], [5, 6, 7], "no minute without", None),
    ],
)
def test_delay_without_captured_events(
    simulator: StreamkapSimulator,
    pipeline: Callable[..., None],
    found: Found,
    events: list[int],
    delays: list[float],
    said: str,
    holds: bool | None,
) -> None:
    pipeline()
    simulator.inject(series(events=events, delays=delays), path=SERIES)
    row = found()["captured"]
    assert (row.found[: len(said)], row.holds) == (said, holds)


def test_filtered_heartbeat_does_not_change_delay(pipeline: Callable[..., None], found: Found) -> None:
    pipeline(scenarios.source_idle(heartbeat="filtered", every=20))
    assert found()["captured"].holds is True


@pytest.mark.parametrize("connector", ["mysql", "mariadb"])
def test_idle_mysql(pipeline: Callable[..., None], found: Found, connector: str) -> None:
    pipeline(scenarios.source_idle(connector=connector))
    rows = found()
    assert (rows["mysql"].found[-12:], rows["mysql"].holds) == ("idle minutes", True)
    assert (rows["captured"].holds, rows["connectors"].holds) == (None, True)


@pytest.mark.parametrize(
    ("events", "delays", "sinces", "said", "holds"),
    [
        ([6, 7, 7, 7, 7], [9, 9, 9, 0, 0], [0, 0, 0, 0, 0], "2 of 2 idle minutes", True),
        ([6, 7, 7, 7, 7], [9, 9, 9, 9, 0], [0, 0, 0, 0, 0], "1 of 2 idle minutes", False),
        ([6, 7, 7, 7, 7], [9, 9, 9, 0, 0], [0, 0, 0, 0, 200_000], "1 of 2 idle minutes", False),
        ([4, 4, 4, 4, 4], [9, 9, 9, 9, 9], [0, 0, 0, 0, 0], "not idle", None),
        ([4, 5, 6, 7, 8], [9, 9, 9, 9, 9], [0, 0, 0, 0, 0], "not idle", None),
    ],
)
def test_heartbeat_of_mysql_server(
    simulator: StreamkapSimulator,
    pipeline: Callable[..., None],
    found: Found,
    events: list[int],
    delays: list[float],
    sinces: list[float],
    said: str,
    holds: bool | None,
) -> None:
    pipeline(scenarios.source_idle(connector="mysql"))
    simulator.inject(series(events=events, delays=delays, sinces=sinces), path=SERIES)
    row = found()["mysql"]
    assert (row.found, row.holds) == (said, holds)


def test_mysql_source_is_read_besides_another(
    simulator: StreamkapSimulator, pipeline: Callable[..., None], found: Found
) -> None:
    simulator.add_source("s2", scenarios.source_mysql_idle())
    pipeline()
    rows = found()
    assert (rows["mysql"].holds, rows["connectors"].found) == (True, "mysql, postgresql")
    simulator.inject(Fault.status(503), path="/sources/s2/metrics?time_type=timeseries")
    assert found()["mysql"].found == "no timeseries"


def test_connector_type_without_mysql(simulator: StreamkapSimulator, found: Found) -> None:
    simulator.add_source("s1", connector="rds", connector_display_name="Amazon RDS for MySQL")
    row = found()["connectors"]
    assert (row.found, row.holds) == ("rds", False)


@pytest.mark.parametrize(
    ("config", "said", "holds"),
    [
        ({"heartbeat.enabled": False}, "disabled", True),
        ({"heartbeat.enabled": "true"}, "enabled, without a table", True),
        (
            {"heartbeat.enabled": True, "heartbeat.data.collection.schema.or.database": "streamkap"},
            "enabled, with a table",
            True,
        ),
        ({}, "unknown", False),
        ({"heartbeat.enabled": 1}, "unknown", False),
    ],
)
def test_heartbeat_settings(
    simulator: StreamkapSimulator, found: Found, config: dict[str, Any], said: str, holds: bool
) -> None:
    simulator.add_source("s1", config=config)
    row = found()["heartbeat"]
    assert (row.found, row.holds) == (said, holds)


@pytest.mark.parametrize(
    ("source", "destination", "said", "holds"),
    [
        ({"id": "s1", "connector": "postgresql"}, {"id": "d1"}, "postgresql", True),
        ({"id": "s1", "connector": "PostgreSQL"}, {"id": "d1"}, "PostgreSQL, but the source has postgresql", False),
        ({"id": "s1"}, {"id": "d1"}, "no connector type", False),
        ({"connector": "postgresql"}, None, "no id of source and destination", False),
    ],
)
def test_parts_of_pipeline(
    simulator: StreamkapSimulator,
    pipeline: Callable[..., None],
    found: Found,
    source: Any,
    destination: Any,
    said: str,
    holds: bool,
) -> None:
    pipeline()
    record = {"id": "p1", "source": source, "destination": destination}
    simulator.inject(Fault.json({"result": [record]}), path="/pipelines/p1")
    row = found()["parts"]
    assert (row.found, row.holds) == (said, holds)


@pytest.mark.parametrize(
    ("status", "said", "holds"), [("Broken", "Broken", True), ("Degraded", "Degraded", False), (None, "null", False)]
)
def test_status_of_pipeline(
    simulator: StreamkapSimulator,
    pipeline: Callable[..., None],
    found: Found,
    status: str | None,
    said: str,
    holds: bool,
) -> None:
    pipeline()
    simulator.inject(Fault.json({"data": {"status": status}}), path="/pipelines/p1/metrics")
    row = found()["status"]
    assert (row.found, row.holds) == (said, holds)


@pytest.mark.parametrize(
    ("answer", "said", "holds"),
    [
        (None, "1 of 2", True),
        ([], "a source is missing", False),
        ([{"id": "s1", "name": "orders"}, {"id": "s2", "name": "users"}], "ignored", False),
    ],
)
def test_filter_of_sources(
    simulator: StreamkapSimulator, found: Found, answer: list[Any] | None, said: str, holds: bool
) -> None:
    simulator.add_source("s1", name="orders")
    simulator.add_source("s2", name="users")
    if answer is not None:
        simulator.inject(Fault.json({"result": answer}), path="partial_name=orders")
    row = found()["filter"]
    assert (row.found, row.holds) == (said, holds)


@pytest.mark.parametrize(
    ("fault", "said", "holds"),
    [
        (Fault.json({"result": []}), "partial_name filters", False),
        (Fault.status(422), "422", True),
        (Fault.status(403), "403", None),
    ],
)
def test_pipelines_by_name(
    simulator: StreamkapSimulator, pipeline: Callable[..., None], found: Found, fault: Fault, said: str, holds: bool
) -> None:
    pipeline()
    simulator.inject(fault, path="/pipelines?page=1&page_size=100&partial_name=")
    row = found()["unfiltered"]
    assert (row.found, row.holds) == (said, holds)


@pytest.mark.parametrize(
    ("answer", "said", "holds"),
    [
        (None, "page and page_size work", True),
        ([{"id": "p1"}], "page is ignored", False),
        ([], "0 pipelines on page 2", False),
        ([{"id": "p2"}, {"id": "p3"}], "2 pipelines on page 2", False),
    ],
)
def test_pages_of_pipelines(
    simulator: StreamkapSimulator,
    pipeline: Callable[..., None],
    found: Found,
    answer: list[Any] | None,
    said: str,
    holds: bool,
) -> None:
    pipeline()
    simulator.add_pipeline("p2", "s1", "d1")
    if answer is not None:
        simulator.inject(Fault.json({"result": answer}), path="/pipelines?page=2&page_size=1")
    row = found()["pages"]
    assert (row.found[: len(said)], row.holds) == (said, holds)


def test_status_of_source_is_checked(simulator: StreamkapSimulator, found: Found) -> None:
    simulator.add_source("s1", scenarios.source_broken(status="Rebalancing"))
    row = found()["statuses"]
    assert (row.found, row.holds) == ("new: Rebalancing", False)


def test_source_without_metrics(simulator: StreamkapSimulator, found: Found) -> None:
    simulator.add_source("s1", scenarios.source_streaming())
    simulator.inject(Fault.status(404), path="/sources/s1/metrics", times=None)
    rows = found()
    assert {rows[key].holds for key in ("readable", "values", "flags", "minutes", "event", "first", "clocks")} == {None}


def test_check_is_read_only(simulator: StreamkapSimulator, pipeline: Callable[..., None], found: Found) -> None:
    pipeline()
    found()
    assert {(item.method, item.path) for item in simulator.requests if item.method != "GET"} == {
        ("POST", "/auth/access-token")
    }
    assert simulator.count("/pipelines") == 5
    assert all("secret_returned" not in item.raw_path for item in simulator.requests)
