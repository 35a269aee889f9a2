# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The snapshot operators: results, validation and errors, against a real server."""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_streamkap._compat import AirflowException, AirflowFailException, BaseOperator
from airflow_provider_streamkap.operators.streamkap import (
    StreamkapDestinationMetricsOperator,
    StreamkapSourceMetricsOperator,
)
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from tests.airflow.log_capture import Logged
from tests.airflow.sensor_modes import TaskInstance
from tests.airflow_imports import DAG

MANY = [f"d{number}" for number in range(300)]
# A past full hour, so that repeated requests return the same.
END = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
HOUR: dict[str, Any] = {
    "timestamp_from": (END - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    "timestamp_to": END.strftime("%Y-%m-%dT%H:%M:%SZ"),
}


@dataclass(frozen=True)
class Kind:
    """The operator for a kind of resource, and two numeric metrics."""

    name: str
    operator: type[StreamkapDestinationMetricsOperator | StreamkapSourceMetricsOperator]
    value: str
    other: str

    @property
    def id_name(self) -> str:
        """The argument and the key with the id."""
        return f"{self.name}_id"

    def path(self, id_: str = "d1") -> str:
        """Return the path of a resource's metrics."""
        return f"/{self.name}s/{id_}/metrics"

    def add(self, simulator: StreamkapSimulator, id_: str, value: int = 0) -> None:
        """Add a resource whose first metric has a value."""
        if self.name == "destination":
            simulator.add(id_, scenarios.steady(lag=value))
        else:
            simulator.add_source(id_, metrics={self.value: value})

    def task(self, ids: Any = "d1", **arguments: Any) -> Any:
        """Create the operator."""
        return self.operator(**{"task_id": "snapshot", self.id_name: ids} | arguments)


KINDS = [
    Kind("destination", StreamkapDestinationMetricsOperator, "recordsLag", "latency"),
    Kind("source", StreamkapSourceMetricsOperator, "byteTotal", "recordSendTotal"),
]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Run a test for each kind of resource."""
    found: Kind = request.param
    return found


def snapshot(kind: Kind, ti: TaskInstance | None = None, **arguments: Any) -> Any:
    """Run the operator and return its result as read back from XCom."""
    context: Any = {"ti": ti or TaskInstance()}
    return json.loads(json.dumps(kind.task(**arguments).execute(context), allow_nan=False))


@pytest.fixture
def d1(streamkap: StreamkapSimulator, kind: Kind) -> StreamkapSimulator:
    """Add one resource to the simulator."""
    kind.add(streamkap, "d1", 7)
    return streamkap


@pytest.mark.parametrize("time_type", ["latest", "timesummary"])
def test_latest_value_of_each_metric(kind: Kind, d1: StreamkapSimulator, time_type: str) -> None:
    shot = snapshot(kind, time_type=time_type)
    assert set(shot) == {kind.id_name, "time_type", "observed_at", "data", "metadata"}
    assert (shot[kind.id_name], shot["time_type"]) == ("d1", time_type)
    assert shot["data"][kind.value] == 7
    assert (shot["data"].get("connector_status"), shot["data"].get("state")) in (("Active", None), (None, "Streaming"))
    assert shot["metadata"][kind.value]["unit"]


def test_series_of_each_metric(kind: Kind, d1: StreamkapSimulator) -> None:
    shot = snapshot(kind, time_type="timeseries", time_interval=5, time_unit="minute", **HOUR)
    points = shot["data"][kind.value]
    assert len(points) >= 12
    assert points == sorted(points, key=lambda point: point["timestamp"])
    assert {point["value"] for point in points} == {7}
    assert all(point["timestamp"].endswith("+00:00") for point in points)
    (request,) = (request for request in d1.requests if request.path == kind.path())
    assert request.query == {"time_type": "timeseries", "time_interval": "5", "time_unit": "minute", **HOUR}


@pytest.mark.parametrize("ids", [["d2", "d1"], ("d2", "d1", "d2")])
def test_several_resources_by_id(kind: Kind, d1: StreamkapSimulator, ids: Any) -> None:
    kind.add(d1, "d2", 9)
    snapshots = snapshot(kind, ids=ids)
    assert list(snapshots) == ["d2", "d1"]
    assert [shot["data"][kind.value] for shot in snapshots.values()] == [9, 7]
    assert (d1.count("/metrics"), d1.token_calls) == (2, 1)


def test_list_with_one_id_returns_list(kind: Kind, d1: StreamkapSimulator) -> None:
    assert list(snapshot(kind, ids=["d1"])) == ["d1"]


@pytest.fixture
def many(kind: Kind, streamkap: StreamkapSimulator) -> StreamkapSimulator:
    """Add three hundred resources to the simulator."""
    for number, id_ in enumerate(MANY):
        kind.add(streamkap, id_, number)
    return streamkap


def test_list_is_read_concurrently_and_summary_is_logged(kind: Kind, many: StreamkapSimulator, logged: Logged) -> None:
    many.inject(Fault.slow(0.1), path=kind.path("d0"))
    snapshots = snapshot(kind, ids=MANY)
    assert [shot["data"][kind.value] for shot in snapshots.values()] == list(range(300))
    assert list(snapshots) == MANY
    assert 1 < many.connections <= 16
    assert [line for line in logged.lines if f"Read 300 of 300 {kind.name}s" in line]
    assert len([line for line in logged.lines if "-> 200" not in line]) < 10


def test_connection_limits_concurrent_reads(
    kind: Kind, many: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", many.airflow_connection(max_concurrency=3))
    many.inject(Fault.slow(0.01), path="/metrics", times=None)
    snapshot(kind, ids=MANY[:30])
    assert many.connections == 3


def test_list_snapshots_omit_common_fields(kind: Kind, many: StreamkapSimulator) -> None:
    snapshots = snapshot(kind, ids=MANY)
    assert {tuple(shot) for shot in snapshots.values()} == {(kind.id_name, "time_type", "observed_at", "data")}
    assert len(json.dumps(snapshots)) < 750 * len(MANY)


def test_unreadable_resource_fails_task(kind: Kind, many: StreamkapSimulator) -> None:
    many.inject(Fault.status(404), path=kind.path("d7"), times=None)
    with pytest.raises(AirflowFailException, match=kind.path("d7")):
        snapshot(kind, ids=MANY)
    with pytest.raises(AirflowFailException, match=kind.path("d7")):
        snapshot(kind, ids=MANY, on_error="fail")


def test_unreadable_resource_is_skipped_and_named(kind: Kind, many: StreamkapSimulator, logged: Logged) -> None:
    for id_ in ("d7", "d3"):
        many.inject(Fault.status(404), path=kind.path(id_), times=None)
    ti = TaskInstance()
    snapshots = snapshot(kind, ti, ids=MANY[:20], on_error="skip")
    assert list(snapshots) == [id_ for id_ in MANY[:20] if id_ not in ("d3", "d7")]
    assert list(ti.pushed["skipped"]) == ["d3", "d7"]
    assert "404 Not Found" in ti.pushed["skipped"]["d7"]
    (line,) = logged.starting(f"Skipped 2 of 20 {kind.name}s that could not be read: d3: GET ")
    assert "; d7: GET " in line


def test_at_most_ten_skipped_resources_are_logged(kind: Kind, many: StreamkapSimulator, logged: Logged) -> None:
    for id_ in MANY[:15]:
        many.inject(Fault.status(500), path=kind.path(id_), times=None)
    ti = TaskInstance()
    assert list(snapshot(kind, ti, ids=MANY[:20], on_error="skip")) == MANY[15:20]
    assert list(ti.pushed["skipped"]) == MANY[:15]
    (line,) = logged.starting(f"Skipped 15 of 20 {kind.name}s")
    assert line.endswith("; and 5 more, see the XCom 'skipped'")


def test_nothing_is_pushed_with_do_xcom_push_disabled(kind: Kind, many: StreamkapSimulator) -> None:
    many.inject(Fault.status(404), path=kind.path("d1"), times=None)
    ti = TaskInstance()
    assert list(snapshot(kind, ti, ids=MANY[:3], on_error="skip", do_xcom_push=False)) == ["d0", "d2"]
    assert "skipped" not in ti.pushed


@pytest.mark.parametrize("ids", [["d1", "d2"], "d1"])
def test_task_fails_if_no_resource_can_be_read(kind: Kind, many: StreamkapSimulator, ids: Any) -> None:
    many.refuse_credentials()
    with pytest.raises(AirflowFailException, match="rejected the credentials"):
        snapshot(kind, ids=ids, on_error="skip")
    assert many.token_calls == 1


def test_only_selected_metrics_are_returned(kind: Kind, d1: StreamkapSimulator) -> None:
    shot = snapshot(kind, metrics=[kind.value, kind.other])
    assert list(shot["data"]) == list(shot["metadata"]) == [kind.value, kind.other]
    assert list(snapshot(kind, metrics=kind.value)["data"]) == [kind.value]


def test_missing_documented_metric(kind: Kind, d1: StreamkapSimulator) -> None:
    d1.inject(Fault.json({"data": {kind.value: 7}}), path=kind.path())
    assert snapshot(kind, metrics=[kind.value, kind.other])["data"] == {kind.value: 7, kind.other: None}
    d1.inject(Fault.json({"data": {}}), path=kind.path())
    assert snapshot(kind, metrics=[kind.other], time_type="timeseries", **HOUR)["data"] == {kind.other: []}


@pytest.mark.parametrize("metrics", [["byteTotal", "records_lag"], ["recordsLag", "records_lag"], "records_lag"])
def test_unknown_metric(kind: Kind, d1: StreamkapSimulator, metrics: Any) -> None:
    with pytest.raises(AirflowFailException, match=rf"unknown metrics: .*; known: .*{kind.value}"):
        snapshot(kind, metrics=metrics)


@pytest.mark.parametrize(
    "metrics", [[], 5, {"recordsLag": 1}, b"recordsLag", "", ["recordsLag", 5], ["recordsLag", None], [" "]]
)
def test_invalid_metric_names(kind: Kind, d1: StreamkapSimulator, metrics: Any) -> None:
    with pytest.raises(ValueError, match="metrics must be a name, a list of names, or None"):
        snapshot(kind, metrics=metrics)
    task = kind.task(metrics="{{ params.metrics }}")
    task.metrics = metrics
    context: Any = {"ti": TaskInstance()}
    with pytest.raises(
        AirflowFailException, match=r"metrics (must be a name, a list of names, or None|is set in the DAG, but)"
    ):
        task.execute(context)
    assert d1.count() == 0


def test_points_do_not_exceed_limit(kind: Kind, d1: StreamkapSimulator) -> None:
    series: dict[str, Any] = {
        "time_type": "timeseries",
        "time_unit": "minute",
        "metrics": [kind.value, kind.other],
        **HOUR,
    }
    shot = snapshot(kind, **series)
    points = sum(map(len, shot["data"].values()))
    assert points > 100
    assert snapshot(kind, max_points=points, **series)["data"] == shot["data"]
    assert snapshot(kind, max_points=None, **series)["data"] == shot["data"]
    with pytest.raises(
        AirflowFailException, match=f"{points} points in the timeseries, more than max_points={points - 1}"
    ) as caught:
        snapshot(kind, max_points=points - 1, **series)
    for way in ("timestamp_from", "time_unit", "metrics="):
        assert way in str(caught.value)


def test_points_are_limited_across_all_resources(kind: Kind, d1: StreamkapSimulator) -> None:
    kind.add(d1, "d2")
    series: dict[str, Any] = {"time_type": "timeseries", "time_unit": "minute", "metrics": [kind.value], **HOUR}
    points = len(snapshot(kind, **series)["data"][kind.value])
    with pytest.raises(AirflowFailException, match="narrow"):
        snapshot(kind, ids=["d1", "d2"], max_points=2 * points - 1, **series)
    assert len(snapshot(kind, ids=["d1", "d2"], max_points=2 * points, **series)) == 2


def test_reading_list_stops_at_points_limit(kind: Kind, many: StreamkapSimulator) -> None:
    series: dict[str, Any] = {"time_type": "timeseries", "time_unit": "minute", "metrics": [kind.value], **HOUR}
    points = len(snapshot(kind, **series)["data"][kind.value])
    many.reset_requests()
    said = f"{3 * points} points in the timeseries of 3 of 300 {kind.name}s, more than max_points={3 * points - 1}"
    with pytest.raises(AirflowFailException, match=said):
        snapshot(kind, ids=MANY, max_points=3 * points - 1, **series)
    # Only the requests in flight when the limit was exceeded.
    assert many.count("/metrics") <= 3 + 2 * 16


def test_default_points_limit_prevents_oversized_results(kind: Kind, d1: StreamkapSimulator) -> None:
    kind.add(d1, "d2")
    with pytest.raises(AirflowFailException, match=r"more than max_points=10,000"):
        # One day (the service's default) of all metrics by the minute.
        snapshot(kind, ids=["d1", "d2"], time_type="timeseries", time_unit="minute")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"ids": ""}, "KIND_id"),
    ({"ids": []}, "KIND_id"),
    ({"ids": None}, "KIND_id"),
    ({"ids": ["d1", None]}, "KIND_id"),
    ({"ids": {"d1": 1}}, "KIND_id"),
    ({"timestamp_from": "None"}, "timestamp_from"),
    ({"timestamp_from": ""}, "timestamp_from"),
    ({"timestamp_to": "2026-03-02T07:00:00"}, "timestamp_to has no time zone"),
    ({"timestamp_to": "2026-03-02"}, "timestamp_to has no time zone"),
    ({"timestamp_from": HOUR["timestamp_to"], "timestamp_to": HOUR["timestamp_from"]}, "must be before"),
    ({"timestamp_from": HOUR["timestamp_to"], "timestamp_to": HOUR["timestamp_to"]}, "must be before"),
    ({"streamkap_conn_id": ""}, "conn_id"),
    ({"streamkap_conn_id": None}, "conn_id"),
]


@pytest.mark.parametrize(("arguments", "said"), WRONG)
def test_invalid_literals_are_rejected_at_parse_time(kind: Kind, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("KIND", kind.name)):
        snapshot(kind, **{"time_type": "timesummary", **arguments})


@pytest.mark.parametrize(("arguments", "said"), WRONG)
def test_invalid_rendered_values_are_not_retried(
    kind: Kind, d1: StreamkapSimulator, arguments: dict[str, Any], said: str
) -> None:
    templates: dict[str, Any] = dict.fromkeys(arguments, "{{ params.x }}")
    task = kind.task(**{"time_type": "timesummary", **templates})
    for name, value in arguments.items():
        setattr(task, kind.id_name if name == "ids" else name, value)
    context: Any = {"ti": TaskInstance()}
    with pytest.raises(AirflowFailException, match=said.replace("KIND", kind.name)):
        task.execute(context)
    assert d1.count() == 0


def test_connection_that_does_not_exist_is_not_retried(kind: Kind, d1: StreamkapSimulator) -> None:
    with pytest.raises(AirflowFailException, match="not_there"):
        snapshot(kind, streamkap_conn_id="not_there")


@pytest.mark.parametrize("name", ["timestamp_from", "timestamp_to"])
@pytest.mark.parametrize("value", ["{{ data_interval_start }}", "2026-03-02T06:00:00Z"])
def test_latest_values_reject_time_range(kind: Kind, name: str, value: str) -> None:
    for given in (value, BaseOperator(task_id="up").output):
        period: dict[str, Any] = {name: given}
        with pytest.raises(ValueError, match="no effect with time_type='latest', which returns the current values"):
            snapshot(kind, **period)


@pytest.mark.parametrize("start", [END, END + timedelta(seconds=1)])
def test_empty_data_interval_is_rejected_with_hint(kind: Kind, d1: StreamkapSimulator, start: datetime) -> None:
    task = kind.task(
        time_type="timeseries",
        timestamp_from="{{ data_interval_start }}",
        timestamp_to="{{ data_interval_end }}",
    )
    context: Any = {"ti": TaskInstance(), "data_interval_start": start, "data_interval_end": END}
    task.render_template_fields(context)
    with pytest.raises(AirflowFailException, match=r"timestamp_from \(.*\) must be before timestamp_to") as caught:
        task.execute(context)
    for word in ("Airflow 3", "@daily", "empty data interval", "CronDataIntervalTimetable"):
        assert word in str(caught.value)
    assert d1.count() == 0


def test_metric_of_undocumented_type_fails_only_if_selected(kind: Kind, d1: StreamkapSimulator, logged: Logged) -> None:
    d1.inject(Fault.json({"data": {kind.other: "NaN", kind.value: 7}}), path=kind.path(), times=None)
    assert snapshot(kind, metrics=[kind.value])["data"] == {kind.value: 7}
    assert snapshot(kind)["data"] == {kind.other: None, kind.value: 7}
    assert f"{kind.other} must be a number, got a string" in logged.text
    with pytest.raises(AirflowException, match=f"{kind.other} must be a number, got a string") as caught:
        snapshot(kind, metrics=[kind.other])
    assert type(caught.value) is AirflowException


def test_numbers_that_airflow_cannot_store_become_none(kind: Kind, d1: StreamkapSimulator) -> None:
    huge: dict[str, Any] = {kind.value: 2**63, kind.other: 1e19, "nobodyAsked": {"deep": [10**30, -(2**64), 10**400]}}
    d1.inject(Fault.json({"data": huge, "metadata": {kind.value: {"rank": 2**70}}}), path=kind.path())
    shot = snapshot(kind)
    assert shot["data"] == {kind.value: None, kind.other: None, "nobodyAsked": {"deep": [None, None, None]}}
    assert shot["metadata"] == {kind.value: {"rank": None}}


def test_invalid_connection_is_not_retried(kind: Kind, d1: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", d1.airflow_connection(timeout="soon"))
    with pytest.raises(AirflowFailException, match="Connection 'streamkap_default': extra timeout"):
        snapshot(kind)


@pytest.mark.parametrize(
    ("fault", "raised", "said"),
    [
        (Fault.status(400, body={"detail": "bad window"}), AirflowFailException, "bad window"),
        (Fault.status(401), AirflowFailException, "401"),
        (Fault.status(403), AirflowFailException, "read:KIND_metrics"),
        (Fault.status(404), AirflowFailException, "404"),
        (Fault.status(422, body={"detail": [{"loc": ["query"], "msg": "odd"}]}), AirflowFailException, "odd"),
        (Fault.redirect("https://elsewhere.example.com/"), AirflowFailException, "elsewhere.example.com"),
        (Fault.status(429, retry_after=1), AirflowException, "429"),
        (Fault.status(500), AirflowException, "500"),
        (Fault.html(502), AirflowException, "502"),
        (Fault.not_json(), AirflowException, "not JSON"),
        (Fault.drop(), AirflowException, "/KINDs/d1/metrics"),
        (Fault.oversized(33 * 2**20, compressed=True), AirflowFailException, "32 MiB"),
    ],
)
def test_only_transient_errors_are_retried(
    kind: Kind, d1: StreamkapSimulator, fault: Fault, raised: type[Exception], said: str
) -> None:
    d1.inject(fault, path=kind.path(), times=None)
    with pytest.raises(AirflowException) as caught:
        snapshot(kind)
    assert type(caught.value) is raised
    assert said.replace("KIND", kind.name) in str(caught.value)
    assert "GET" in str(caught.value)


def test_rejected_credentials_are_not_retried(kind: Kind, d1: StreamkapSimulator) -> None:
    d1.refuse_credentials()
    with pytest.raises(AirflowFailException, match="rejected the credentials"):
        snapshot(kind)


def test_result_is_strict_json(kind: Kind, d1: StreamkapSimulator) -> None:
    odd: Any = {
        kind.value: float("nan"),
        kind.other: float("inf"),
        "extra": [float("-inf"), "a\0b"],
        "status\ud800": 1,
    }
    d1.inject(Fault.json({"data": odd, "more": 1}), path=kind.path())
    data = snapshot(kind)["data"]
    assert (data[kind.value], data[kind.other], data["extra"][0]) == (None, None, None)
    assert "\0" not in json.dumps(data, ensure_ascii=False)
    json.dumps(data, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"time_type": "now"}, "time_type"),
        ({"time_interval": 0}, "time_interval"),
        ({"time_interval": True}, "time_interval"),
        ({"time_unit": "second"}, "time_unit"),
        ({"max_points": 0}, "max_points"),
        ({"max_points": True}, "max_points"),
        ({"max_points": 2.5}, "max_points"),
        ({"max_points": "many"}, "max_points"),
        ({"on_error": "ignore"}, "on_error must be 'fail' or 'skip'"),
        ({"on_error": None}, "on_error"),
    ],
)
def test_invalid_untemplated_arguments_are_rejected_at_parse_time(
    kind: Kind, arguments: dict[str, Any], named: str
) -> None:
    # Neither Airflow 2.11 nor 3 wraps exceptions raised by a constructor.
    with pytest.raises(ValueError, match=named):
        kind.task(**arguments)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            {},
            "d1: state Streaming, streamingState connected, StreamingConnected 1, "
            "StreamingMilliSecondsBehindSource 0, StreamingMilliSecondsSinceLastEvent 0, SnapshotRunning 0, "
            r"\d+ more, 1 undocumented",
        ),
        ({"metrics": ["state", "byteTotal"]}, "d1: state Streaming, 1 more"),
        (
            {"metrics": "StreamingMilliSecondsBehindSource", "time_type": "timeseries", **HOUR},
            r"d1: StreamingMilliSecondsBehindSource \d+ points",
        ),
    ],
)
def test_log_line_of_source(
    streamkap: StreamkapSimulator, logged: Logged, arguments: dict[str, Any], line: str
) -> None:
    streamkap.add_source("d1", metrics={"mine": 1})
    snapshot(KINDS[1], **arguments)
    (logged_line,) = logged.starting("d1: ")
    assert re.fullmatch(line, logged_line)


def test_sources_by_name(named: StreamkapSimulator, logged: Logged) -> None:
    named.add_source("s1", name="shop")
    named.add_source("s2", name="billing")
    named.add("d1", scenarios.steady(), name="orders")
    shots = snapshot(KINDS[1], ids=None, source_name=["billing", "shop"])
    assert [(name, shot["source_id"], shot["source_name"]) for name, shot in shots.items()] == [
        ("billing", "s2", "billing"),
        ("shop", "s1", "shop"),
    ]
    assert logged.starting("billing (s2): state Streaming")
    assert snapshot(KINDS[1], ids=None, source_name="shop")["source_name"] == "shop"
    with pytest.raises(AirflowFailException, match="no source is named 'orders'"):
        snapshot(KINDS[1], ids=None, source_name="orders")
    with pytest.raises(ValueError, match="pass either source_id or source_name, not both"):
        KINDS[1].task(source_name="shop")


def test_no_link_to_page_of_destination_for_source(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = "https://app.example.com/destinations/{destination_id}"
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", streamkap.airflow_connection(app_url_template=template))
    streamkap.add_source("d1")
    ti = TaskInstance()
    snapshot(KINDS[1], ti)
    assert ti.pushed == {}


def test_task_for_each_resource(kind: Kind) -> None:
    with DAG("dag", schedule=None, start_date=END) as dag:
        kind.operator.partial(task_id="mapped", time_type="timesummary").expand(**{kind.id_name: ["d1", "d2"]})
    mapped: Any = dag.get_task("mapped")
    task = mapped.unmap({kind.id_name: "d2"})
    assert (getattr(task, kind.id_name), task.time_type, task.max_points) == ("d2", "timesummary", 10_000)


def test_arguments_in_default_args(kind: Kind) -> None:
    defaults = {kind.id_name: "d1", "time_type": "timesummary", "streamkap_conn_id": "other"}
    with DAG("dag", schedule=None, start_date=END, default_args=defaults):
        task: Any = kind.operator(task_id="snapshot")
    assert (getattr(task, kind.id_name), task.time_type, task.streamkap_conn_id) == ("d1", "timesummary", "other")


def test_upstream_task_is_found_in_arguments(kind: Kind) -> None:
    with DAG("dag", schedule=None, start_date=END):
        upstream = BaseOperator(task_id="up")
        task = kind.task(ids=upstream.output)
    assert task.upstream_task_ids == {"up"}


def test_both_operators_have_the_same_arguments() -> None:
    destination, source = (dict(inspect.signature(kind.operator).parameters) for kind in KINDS)
    renamed = {name.replace("destination", "source"): parameter for name, parameter in destination.items()}
    assert list(renamed) == list(source)
    assert [parameter.default for parameter in renamed.values()] == [parameter.default for parameter in source.values()]
