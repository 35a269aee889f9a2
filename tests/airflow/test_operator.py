# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The snapshot operator: results, validation and errors, against a real server."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_streamkap._compat import AirflowException, AirflowFailException, BaseOperator
from airflow_provider_streamkap.operators.streamkap import StreamkapDestinationMetricsOperator
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from tests.airflow.log_capture import Logged
from tests.airflow.sensor_modes import TaskInstance

METRICS = "/destinations/d1/metrics"
MANY = [f"d{number}" for number in range(300)]
# A past full hour, so that repeated requests return the same.
END = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
HOUR: dict[str, Any] = {
    "timestamp_from": (END - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    "timestamp_to": END.strftime("%Y-%m-%dT%H:%M:%SZ"),
}


def snapshot(ti: TaskInstance | None = None, **arguments: Any) -> Any:
    """Run the operator and return its result as read back from XCom."""
    task = StreamkapDestinationMetricsOperator(**{"task_id": "snapshot", "destination_id": "d1"} | arguments)
    context: Any = {"ti": ti or TaskInstance()}
    return json.loads(json.dumps(task.execute(context), allow_nan=False))


@pytest.fixture
def d1(streamkap: StreamkapSimulator) -> StreamkapSimulator:
    """Add one destination to the simulator."""
    streamkap.add("d1", scenarios.steady(lag=7))
    return streamkap


@pytest.mark.parametrize("time_type", ["latest", "timesummary"])
def test_latest_value_of_each_metric(d1: StreamkapSimulator, time_type: str) -> None:
    shot = snapshot(time_type=time_type)
    assert set(shot) == {"destination_id", "time_type", "observed_at", "data", "metadata"}
    assert (shot["destination_id"], shot["time_type"]) == ("d1", time_type)
    assert shot["data"]["recordsLag"] == 7
    assert shot["data"]["connector_status"] == "Active"
    assert shot["metadata"]["recordsLag"]["unit"]


def test_series_of_each_metric(d1: StreamkapSimulator) -> None:
    shot = snapshot(time_type="timeseries", time_interval=5, time_unit="minute", **HOUR)
    points = shot["data"]["recordsLag"]
    assert len(points) >= 12
    assert points == sorted(points, key=lambda point: point["timestamp"])
    assert {point["value"] for point in points} == {7}
    assert all(point["timestamp"].endswith("+00:00") for point in points)
    (request,) = (request for request in d1.requests if request.path == METRICS)
    assert request.query == {"time_type": "timeseries", "time_interval": "5", "time_unit": "minute", **HOUR}


@pytest.mark.parametrize("ids", [["d2", "d1"], ("d2", "d1", "d2")])
def test_several_destinations_by_id(d1: StreamkapSimulator, ids: Any) -> None:
    d1.add("d2", scenarios.steady(lag=9))
    snapshots = snapshot(destination_id=ids)
    assert list(snapshots) == ["d2", "d1"]
    assert [shot["data"]["recordsLag"] for shot in snapshots.values()] == [9, 7]
    assert (d1.count("/metrics"), d1.token_calls) == (2, 1)


def test_list_with_one_id_returns_list(d1: StreamkapSimulator) -> None:
    assert list(snapshot(destination_id=["d1"])) == ["d1"]


@pytest.fixture
def many(streamkap: StreamkapSimulator) -> StreamkapSimulator:
    """Add three hundred destinations to the simulator."""
    for number, id_ in enumerate(MANY):
        streamkap.add(id_, scenarios.steady(lag=number))
    return streamkap


def test_list_is_read_concurrently_and_summary_is_logged(many: StreamkapSimulator, logged: Logged) -> None:
    many.inject(Fault.slow(0.1), path="/destinations/d0/metrics")
    snapshots = snapshot(destination_id=MANY)
    assert [shot["data"]["recordsLag"] for shot in snapshots.values()] == list(range(300))
    assert list(snapshots) == MANY
    assert 1 < many.connections <= 16
    assert [line for line in logged.lines if "Read 300 of 300 destinations" in line]
    assert len([line for line in logged.lines if "-> 200" not in line]) < 10


def test_connection_limits_concurrent_reads(many: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", many.airflow_connection(max_concurrency=3))
    many.inject(Fault.slow(0.01), path="/metrics", times=None)
    snapshot(destination_id=MANY[:30])
    assert many.connections == 3


def test_list_snapshots_omit_common_fields(many: StreamkapSimulator) -> None:
    snapshots = snapshot(destination_id=MANY)
    assert {tuple(shot) for shot in snapshots.values()} == {("destination_id", "time_type", "observed_at", "data")}
    assert len(json.dumps(snapshots)) < 110_000


def test_unreadable_destination_fails_task(many: StreamkapSimulator) -> None:
    many.inject(Fault.status(404), path="/destinations/d7/metrics", times=None)
    with pytest.raises(AirflowFailException, match="/destinations/d7/metrics"):
        snapshot(destination_id=MANY)
    with pytest.raises(AirflowFailException, match="/destinations/d7/metrics"):
        snapshot(destination_id=MANY, on_error="fail")


def test_unreadable_destination_is_skipped_and_named(many: StreamkapSimulator, logged: Logged) -> None:
    for id_ in ("d7", "d3"):
        many.inject(Fault.status(404), path=f"/destinations/{id_}/metrics", times=None)
    ti = TaskInstance()
    snapshots = snapshot(ti, destination_id=MANY[:20], on_error="skip")
    assert list(snapshots) == [id_ for id_ in MANY[:20] if id_ not in ("d3", "d7")]
    assert list(ti.pushed["skipped"]) == ["d3", "d7"]
    assert "404 Not Found" in ti.pushed["skipped"]["d7"]
    (line,) = logged.starting("Skipped 2 of 20 destinations that could not be read: d3: GET ")
    assert "; d7: GET " in line


def test_at_most_ten_skipped_destinations_are_logged(many: StreamkapSimulator, logged: Logged) -> None:
    for id_ in MANY[:15]:
        many.inject(Fault.status(500), path=f"/destinations/{id_}/metrics", times=None)
    ti = TaskInstance()
    assert list(snapshot(ti, destination_id=MANY[:20], on_error="skip")) == MANY[15:20]
    assert list(ti.pushed["skipped"]) == MANY[:15]
    (line,) = logged.starting("Skipped 15 of 20 destinations")
    assert line.endswith("; and 5 more, see the XCom 'skipped'")


def test_nothing_is_pushed_with_do_xcom_push_disabled(many: StreamkapSimulator) -> None:
    many.inject(Fault.status(404), path="/destinations/d1/metrics", times=None)
    ti = TaskInstance()
    assert list(snapshot(ti, destination_id=MANY[:3], on_error="skip", do_xcom_push=False)) == ["d0", "d2"]
    assert "skipped" not in ti.pushed


@pytest.mark.parametrize("ids", [["d1", "d2"], "d1"])
def test_task_fails_if_no_destination_can_be_read(many: StreamkapSimulator, ids: Any) -> None:
    many.refuse_credentials()
    with pytest.raises(AirflowFailException, match="rejected the credentials"):
        snapshot(destination_id=ids, on_error="skip")
    assert many.token_calls == 1


def test_only_selected_metrics_are_returned(d1: StreamkapSimulator) -> None:
    shot = snapshot(metrics=["recordsLag", "latency"])
    assert list(shot["data"]) == list(shot["metadata"]) == ["recordsLag", "latency"]
    assert list(snapshot(metrics="recordsLag")["data"]) == ["recordsLag"]


def test_missing_documented_metric(d1: StreamkapSimulator) -> None:
    d1.inject(Fault.json({"data": {"recordsLag": 7}}), path=METRICS)
    assert snapshot(metrics=["recordsLag", "latency"])["data"] == {"recordsLag": 7, "latency": None}
    d1.inject(Fault.json({"data": {}}), path=METRICS)
    assert snapshot(metrics=["latency"], time_type="timeseries", **HOUR)["data"] == {"latency": []}


@pytest.mark.parametrize("metrics", [["recordsLag", "records_lag"], "records_lag"])
def test_unknown_metric(d1: StreamkapSimulator, metrics: Any) -> None:
    with pytest.raises(AirflowFailException, match=r"unknown metrics: .*; known: .*recordsLag"):
        snapshot(metrics=metrics)


@pytest.mark.parametrize(
    "metrics", [[], 5, {"recordsLag": 1}, b"recordsLag", "", ["recordsLag", 5], ["recordsLag", None], [" "]]
)
def test_invalid_metric_names(d1: StreamkapSimulator, metrics: Any) -> None:
    with pytest.raises(ValueError, match="metrics must be a name, a list of names, or None"):
        snapshot(metrics=metrics)
    task = StreamkapDestinationMetricsOperator(task_id="snapshot", destination_id="d1", metrics="{{ params.metrics }}")
    task.metrics = metrics
    context: Any = {"ti": TaskInstance()}
    with pytest.raises(
        AirflowFailException, match=r"metrics (must be a name, a list of names, or None|is set in the DAG, but)"
    ):
        task.execute(context)
    assert d1.count() == 0


def test_points_do_not_exceed_limit(d1: StreamkapSimulator) -> None:
    series: dict[str, Any] = {
        "time_type": "timeseries",
        "time_unit": "minute",
        "metrics": ["recordsLag", "latency"],
        **HOUR,
    }
    shot = snapshot(**series)
    points = sum(map(len, shot["data"].values()))
    assert points > 100
    assert snapshot(max_points=points, **series)["data"] == shot["data"]
    assert snapshot(max_points=None, **series)["data"] == shot["data"]
    with pytest.raises(
        AirflowFailException, match=f"{points} points in the timeseries, more than max_points={points - 1}"
    ) as caught:
        snapshot(max_points=points - 1, **series)
    for way in ("timestamp_from", "time_unit", "metrics="):
        assert way in str(caught.value)


def test_points_are_limited_across_all_destinations(d1: StreamkapSimulator) -> None:
    d1.add("d2", scenarios.steady())
    series: dict[str, Any] = {"time_type": "timeseries", "time_unit": "minute", "metrics": ["recordsLag"], **HOUR}
    points = len(snapshot(**series)["data"]["recordsLag"])
    with pytest.raises(AirflowFailException, match="narrow"):
        snapshot(destination_id=["d1", "d2"], max_points=2 * points - 1, **series)
    assert len(snapshot(destination_id=["d1", "d2"], max_points=2 * points, **series)) == 2


def test_reading_list_stops_at_points_limit(many: StreamkapSimulator) -> None:
    series: dict[str, Any] = {"time_type": "timeseries", "time_unit": "minute", "metrics": ["recordsLag"], **HOUR}
    points = len(snapshot(**series)["data"]["recordsLag"])
    many.reset_requests()
    said = f"{3 * points} points in the timeseries of 3 of 300 destinations, more than max_points={3 * points - 1}"
    with pytest.raises(AirflowFailException, match=said):
        snapshot(destination_id=MANY, max_points=3 * points - 1, **series)
    # Only the requests in flight when the limit was exceeded.
    assert many.count("/metrics") <= 3 + 2 * 16


def test_default_points_limit_prevents_oversized_results(d1: StreamkapSimulator) -> None:
    d1.add("d2", scenarios.steady())
    with pytest.raises(AirflowFailException, match=r"more than max_points=10,000"):
        # One day (the service's default) of all metrics by the minute.
        snapshot(destination_id=["d1", "d2"], time_type="timeseries", time_unit="minute")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"destination_id": ""}, "destination_id"),
    ({"destination_id": []}, "destination_id is "),
    ({"destination_id": None}, "destination_id"),
    ({"destination_id": ["d1", None]}, "destination_id"),
    ({"destination_id": {"d1": 1}}, "destination_id"),
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
def test_invalid_literals_are_rejected_at_parse_time(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        snapshot(**{"time_type": "timesummary", **arguments})


@pytest.mark.parametrize(("arguments", "said"), WRONG)
def test_invalid_rendered_values_are_not_retried(d1: StreamkapSimulator, arguments: dict[str, Any], said: str) -> None:
    templates: dict[str, Any] = dict.fromkeys(arguments, "{{ params.x }}")
    task = StreamkapDestinationMetricsOperator(
        **{"task_id": "snapshot", "destination_id": "d1", "time_type": "timesummary", **templates}
    )
    for name, value in arguments.items():
        setattr(task, name, value)
    context: Any = {"ti": TaskInstance()}
    with pytest.raises(AirflowFailException, match=said):
        task.execute(context)
    assert d1.count() == 0


def test_connection_that_does_not_exist_is_not_retried(d1: StreamkapSimulator) -> None:
    with pytest.raises(AirflowFailException, match="not_there"):
        snapshot(streamkap_conn_id="not_there")


@pytest.mark.parametrize("name", ["timestamp_from", "timestamp_to"])
@pytest.mark.parametrize("value", ["{{ data_interval_start }}", "2026-03-02T06:00:00Z"])
def test_latest_values_reject_time_range(name: str, value: str) -> None:
    for given in (value, BaseOperator(task_id="up").output):
        period: dict[str, Any] = {name: given}
        with pytest.raises(ValueError, match="no effect with time_type='latest', which returns the current values"):
            snapshot(**period)


@pytest.mark.parametrize("start", [END, END + timedelta(seconds=1)])
def test_empty_data_interval_is_rejected_with_hint(d1: StreamkapSimulator, start: datetime) -> None:
    task = StreamkapDestinationMetricsOperator(
        task_id="snapshot",
        destination_id="d1",
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


def test_metric_of_undocumented_type_fails_only_if_selected(d1: StreamkapSimulator, logged: Logged) -> None:
    d1.inject(Fault.json({"data": {"latency": "NaN", "recordsLag": 7}}), path=METRICS, times=None)
    assert snapshot(metrics=["recordsLag"])["data"] == {"recordsLag": 7}
    assert snapshot()["data"] == {"latency": None, "recordsLag": 7}
    assert "latency must be a number, got a string" in logged.text
    with pytest.raises(AirflowException, match="latency must be a number, got a string") as caught:
        snapshot(metrics=["latency"])
    assert type(caught.value) is AirflowException


def test_numbers_that_airflow_cannot_store_become_none(d1: StreamkapSimulator) -> None:
    huge: dict[str, Any] = {"recordsLag": 2**63, "latency": 1e19, "nobodyAsked": {"deep": [10**30, -(2**64), 10**400]}}
    d1.inject(Fault.json({"data": huge, "metadata": {"recordsLag": {"rank": 2**70}}}), path=METRICS)
    shot = snapshot()
    assert shot["data"] == {"recordsLag": None, "latency": None, "nobodyAsked": {"deep": [None, None, None]}}
    assert shot["metadata"] == {"recordsLag": {"rank": None}}


def test_invalid_connection_is_not_retried(d1: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", d1.airflow_connection(timeout="soon"))
    with pytest.raises(AirflowFailException, match="Connection 'streamkap_default': extra timeout"):
        snapshot()


@pytest.mark.parametrize(
    ("fault", "raised", "said"),
    [
        (Fault.status(400, body={"detail": "bad window"}), AirflowFailException, "bad window"),
        (Fault.status(401), AirflowFailException, "401"),
        (Fault.status(403), AirflowFailException, "read:destination_metrics"),
        (Fault.status(404), AirflowFailException, "404"),
        (Fault.status(422, body={"detail": [{"loc": ["query"], "msg": "odd"}]}), AirflowFailException, "odd"),
        (Fault.redirect("https://elsewhere.example.com/"), AirflowFailException, "elsewhere.example.com"),
        (Fault.status(429, retry_after=1), AirflowException, "429"),
        (Fault.status(500), AirflowException, "500"),
        (Fault.html(502), AirflowException, "502"),
        (Fault.not_json(), AirflowException, "connector_status"),
        (Fault.drop(), AirflowException, METRICS),
        (Fault.oversized(33 * 2**20, compressed=True), AirflowFailException, "32 MiB"),
    ],
)
def test_only_transient_errors_are_retried(
    d1: StreamkapSimulator, fault: Fault, raised: type[Exception], said: str
) -> None:
    d1.inject(fault, path=METRICS, times=None)
    with pytest.raises(AirflowException) as caught:
        snapshot()
    assert type(caught.value) is raised
    assert said in str(caught.value)
    assert "GET" in str(caught.value)


def test_rejected_credentials_are_not_retried(d1: StreamkapSimulator) -> None:
    d1.refuse_credentials()
    with pytest.raises(AirflowFailException, match="rejected the credentials"):
        snapshot()


def test_result_is_strict_json(d1: StreamkapSimulator) -> None:
    odd: Any = {
        "recordsLag": float("nan"),
        "latency": float("inf"),
        "extra": [float("-inf"), "a\0b"],
        "status\ud800": 1,
    }
    d1.inject(Fault.json({"data": odd, "more": 1}), path=METRICS)
    data = snapshot()["data"]
    assert (data["recordsLag"], data["latency"], data["extra"][0]) == (None, None, None)
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
def test_invalid_untemplated_arguments_are_rejected_at_parse_time(arguments: dict[str, Any], named: str) -> None:
    # Neither Airflow 2.11 nor 3 wraps exceptions raised by a constructor.
    with pytest.raises(ValueError, match=named):
        StreamkapDestinationMetricsOperator(task_id="snapshot", destination_id="d1", **arguments)
