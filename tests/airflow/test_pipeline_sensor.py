# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The pipeline sensor: its arguments, what it requests, and what it sees that a destination sensor does not."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_streamkap._compat import AirflowFailException, AirflowSensorTimeout
from airflow_provider_streamkap.gate.conditions import SETTLE_SECONDS, DestinationGate, SourceGate
from airflow_provider_streamkap.gate.pipeline import PipelineParts
from airflow_provider_streamkap.gate.spec import FailurePolicy, WaitSpec
from airflow_provider_streamkap.hooks._clients import ClientClock
from airflow_provider_streamkap.sensors._state_store import AIRFLOW_HAS_STATE_STORE
from airflow_provider_streamkap.sensors.streamkap import StreamkapPipelineSensor
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from airflow_provider_streamkap.triggers.streamkap import StreamkapWaitTrigger
from benchmarks.fast_loop import FastClock, run_fast
from tests.airflow.log_capture import Logged
from tests.airflow.sensor_modes import (
    StateStore,
    TaskInstance,
    fire,
    pipeline_sensor,
    rebuilt_task,
    rebuilt_trigger,
    run,
    sensor,
)
from tests.airflow.test_pipeline_modes import PIPELINE_MODES, TRAFFIC, add
from tests.airflow.triggers import event_payload
from tests.airflow_imports import TaskDeferred
from tests.client_clock import use_client_clock

WAITING = {"max_records_lag": 10}


def create(**arguments: Any) -> StreamkapPipelineSensor:
    return StreamkapPipelineSensor(task_id="wait", **arguments)


def context() -> Any:
    return {"ti": TaskInstance()}


# Arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "pass pipeline_id or pipeline_name"),
        ({"pipeline_id": "p1", "pipeline_name": "orders"}, "pass either pipeline_id or pipeline_name, not both"),
        ({"pipeline_id": ""}, "pipeline_id must"),
        ({"pipeline_id": []}, "pipeline_id is an empty list"),
        ({"pipeline_name": ["orders", 7]}, "pipeline_name must be a string"),
        ({"pipeline_id": "p1", "idle_source": "guess"}, "idle_source must be 'proof' or 'assume'"),
        ({"pipeline_id": "p1", "allow_snapshot": "yes"}, "allow_snapshot must be True or False"),
        ({"pipeline_id": "p1", "settle_seconds": -1}, "settle_seconds must be"),
        ({"pipeline_id": "p1", "max_source_delay_ms": -1}, "max_source_delay_ms must be"),
        ({"pipeline_id": "p1", "max_source_delay_ms": "soon"}, "max_source_delay_ms must be a number"),
        ({"pipeline_id": "p1", "max_records_lag": None}, "a pipeline requires max_records_lag"),
        ({"pipeline_id": "p1", "observed_after": "2026-03-02T07:00:00"}, "observed_after has no time zone"),
        ({"pipeline_id": "p1", "observed_after": "2026-03-02T07:00:00Z", "confirmations": 1}, "confirmations must be"),
        ({"pipeline_id": "p1", "exponential_backoff": True}, "all waits on a pipeline share its polls"),
        ({"pipeline_id": "p1", "deferrable": "yes"}, "deferrable must be True or False"),
    ],
)
def test_invalid_arguments_are_rejected_at_parse(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        create(**arguments)


def test_reschedule_mode_requires_state_store() -> None:
    if AIRFLOW_HAS_STATE_STORE:
        create(pipeline_id="p1", mode="reschedule")
        return
    with pytest.raises(ValueError, match=r"a wait on a pipeline requires .* set deferrable=True or mode='poke'$"):
        create(pipeline_id="p1", mode="reschedule")
    create(pipeline_id="p1", mode="reschedule", deferrable=True)


def test_reschedule_mode_without_store_fails_task(streamkap: StreamkapSimulator) -> None:
    if not AIRFLOW_HAS_STATE_STORE:
        pytest.skip("rejected at parse")
    add(streamkap)
    with pytest.raises(AirflowFailException, match="a wait on a pipeline requires"):
        run(create(pipeline_id="p1", mode="reschedule", deferrable=False), store=None)


def test_every_template_field_may_be_a_template() -> None:
    task = create(**dict.fromkeys(StreamkapPipelineSensor.template_fields, "{{ params.x }}"))
    assert task.template_fields == (
        "pipeline_id",
        "pipeline_name",
        "max_source_delay_ms",
        "max_records_lag",
        "connector_status",
        "max_latency_ms",
        "observed_after",
        "streamkap_conn_id",
    )


@pytest.mark.parametrize("name", ["max_source_delay_ms", "observed_after"])
def test_argument_that_renders_to_nothing_fails_task(streamkap: StreamkapSimulator, name: str) -> None:
    add(streamkap)
    task = create(pipeline_id="p1", **{name: "{{ params.x }}"})
    setattr(task, name, "")
    with pytest.raises(AirflowFailException, match=f"{name} is set in the DAG, but is '' in this run"):
        run(task)
    assert not streamkap.count(method="GET")


def test_every_setting_reaches_triggerer(streamkap: StreamkapSimulator) -> None:
    streamkap.add_pipeline("p1", "s1", "d1", scenarios.pipeline(), name="orders", topics=["a", "b"])
    task = create(
        pipeline_id=["p1"],
        observed_after="2026-03-02T07:00:00+00:00",
        max_source_delay_ms="900",
        idle_source="assume",
        allow_snapshot=True,
        settle_seconds=timedelta(seconds=25),
        max_records_lag=5,
        connector_status=["Active", "Paused"],
        max_latency_ms=9000,
        confirmations=3,
        confirm_interval=30,
        require="any",
        fail_on_status=("Broken", "Stopped"),
        status_grace=70,
        stall_after=timedelta(seconds=80),
        max_poll_failures=4,
        poke_interval=20,
        timeout=90,
        deferrable=True,
    )
    with pytest.raises(TaskDeferred) as deferral:
        task.execute(context())
    waiting: Any = rebuilt_trigger(deferral.value.trigger)
    assert (type(waiting), waiting.keyed) == (StreamkapWaitTrigger, True)
    spec = WaitSpec.from_dict(waiting.spec)
    assert spec.source_gate == SourceGate("assume", 900, True, 25)
    assert spec.pipelines == {"p1": PipelineParts("s1", "d1", "postgresql", ("a", "b"), "orders")}
    assert spec.gate == DestinationGate(
        5, ["Active", "Paused"], 9000, ["Broken", "Stopped"], "2026-03-02T07:00:00Z", None, "timeseries"
    )
    assert spec.failure_policy == FailurePolicy(4, 80, 70)
    assert (spec.require, spec.poke_interval, spec.confirmations, spec.confirm_interval) == ("any", 20, 3, 30)
    # A new setting must be added to the table above, or it could be lost in serialization.
    for field in dataclasses.fields(SourceGate):
        assert getattr(spec.source_gate, field.name) != field.default, field.name


def test_defaults_are_those_of_the_gate(streamkap: StreamkapSimulator) -> None:
    task = create(pipeline_id="p1")
    for field in dataclasses.fields(SourceGate):
        assert getattr(task, field.name) == field.default
    assert task.settle_seconds == SETTLE_SECONDS


# Names and lists


@pytest.mark.parametrize("mode", PIPELINE_MODES)
def test_pipelines_by_name(fast_streamkap: StreamkapSimulator, mode: str) -> None:
    add(fast_streamkap)
    fast_streamkap.add_pipeline("p2", "s1", "d1", name="payments")
    result = run(pipeline_sensor(mode, pipeline_name=["payments", "orders"], **WAITING), store=StateStore())
    assert list(result) == ["payments", "orders"]
    assert [snapshot["pipeline_id"] for snapshot in result.values()] == ["p2", "p1"]
    # Names and pipelines are read once, at the start of the wait.
    assert fast_streamkap.count("/pipelines?") == 1
    assert [fast_streamkap.count(f"/pipelines/{id_}") for id_ in ("p1", "p2")] == [1, 1]


def test_pipelines_with_same_source_and_destination_share_polls(streamkap: StreamkapSimulator) -> None:
    add(streamkap)
    streamkap.add_pipeline("p2", "s1", "d1")
    with pytest.raises(TaskDeferred):
        create(pipeline_id=["p1", "p2"], deferrable=True).execute(context())
    assert streamkap.count("/sources/s1/metrics") == 2
    assert streamkap.count("/destinations/d1/metrics") == 1


def test_unknown_name_fails_task(streamkap: StreamkapSimulator) -> None:
    add(streamkap)
    with pytest.raises(AirflowFailException, match="no pipeline is named 'order'; the nearest names are 'orders'"):
        run(create(pipeline_name="order"))


def test_name_is_resolved_again_if_pipeline_no_longer_exists(streamkap: StreamkapSimulator, logged: Logged) -> None:
    add(streamkap)
    task = create(pipeline_name="orders", deferrable=True)
    task.hook.resolve_names(task.kind, ["orders"])
    streamkap.inject(Fault.status(404), path="/pipelines/p1")
    with pytest.raises(TaskDeferred):
        task.execute(context())
    assert streamkap.count("/pipelines?") == 2
    assert "Pipeline orders (p1): source s1 (postgresql), destination d1" in logged.text
    assert "Polling 1 pipeline once before deferring" in logged.text


def test_any_of_several_pipelines_is_enough(fast_streamkap: StreamkapSimulator) -> None:
    add(fast_streamkap)
    fast_streamkap.add_pipeline("p2", "s2", "d2", scenarios.pipeline(scenarios.source_stalls()))
    result = run(pipeline_sensor("deferred", pipeline_id=["p1", "p2"], require="any", **WAITING))
    assert list(result) == ["p1"]


# What it sees


def test_stalled_source_opens_destination_sensor_only(fast_streamkap: StreamkapSimulator) -> None:
    """The source stops capturing before the wait: the lag is 0, but changes are missing."""
    fast_streamkap.add_pipeline("p1", "s1", "d1", scenarios.pipeline(scenarios.source_stalls()))
    opened = run(sensor("poke", lag_source="timeseries", timeout=1200))
    assert opened["data"]["recordsLag"] == 0
    with pytest.raises(AirflowSensorTimeout, match="not ready: source: "):
        run(pipeline_sensor("poke", timeout=900))


def test_everything_before_the_moment_is_consumed_when_it_opens(fast_streamkap: StreamkapSimulator) -> None:
    """The source stalls for five minutes, and captures what it missed afterwards."""
    stall = scenarios.source_stalls(at=0, for_=300)
    fast_streamkap.add_pipeline("p1", "s1", "d1", scenarios.pipeline(stall))
    moment = time.time()
    after = datetime.fromtimestamp(moment, UTC)
    result = run(pipeline_sensor("deferred", observed_after=after, **WAITING))
    assert datetime.fromisoformat(result["complete_through"]) >= after
    assert fast_streamkap.consumed("p1") >= fast_streamkap.committed("p1", moment)


@pytest.mark.parametrize("mode", PIPELINE_MODES)
def test_idle_source_waits_for_proof_unless_assumed(
    fast_streamkap: StreamkapSimulator, mode: str, logged: Logged
) -> None:
    fast_streamkap.add_pipeline("p1", "s1", "d1", scenarios.pipeline(scenarios.source_idle()))
    with pytest.raises(AirflowSensorTimeout, match="source: idle"):
        run(pipeline_sensor(mode, timeout=900), store=StateStore())
    assert "A captured heartbeat table" in logged.text or "a captured heartbeat table" in logged.text
    assumed = run(pipeline_sensor(mode, idle_source="assume"), store=StateStore())
    assert assumed["evidence"]["source"]["kind"] == "assumed"
    assert "assuming, without proof" in logged.text


def test_worker_keeps_what_it_learned_before_deferring(streamkap: StreamkapSimulator) -> None:
    add(streamkap)
    with pytest.raises(TaskDeferred) as deferral:
        create(pipeline_id="p1", deferrable=True).execute(context())
    arguments = deferral.value.trigger.serialize()[1]
    assert arguments["state"]["resources"]["p1"]["source"]["history"]["measured_after"]
    assert streamkap.count("/sources/s1/metrics") == 2
    assert streamkap.count("/destinations/d1/metrics") == 1


def test_reschedule_reads_pipeline_once(fast_streamkap: StreamkapSimulator) -> None:
    if not AIRFLOW_HAS_STATE_STORE:
        pytest.skip("rejected at parse")
    add(fast_streamkap)
    run(pipeline_sensor("reschedule", **WAITING), store=StateStore())
    assert fast_streamkap.count("/pipelines/p1") == 1


def test_trigger_changes_what_it_polls_once_source_is_proved(fast_streamkap: StreamkapSimulator) -> None:
    add(fast_streamkap)
    with pytest.raises(TaskDeferred) as deferral:
        pipeline_sensor("deferred", **WAITING).execute(context())
    assert fire(rebuilt_trigger(deferral.value.trigger))["outcome"] == "opened"
    asked = [
        (request.path.split("/")[1], request.query.get("time_type"))
        for request in fast_streamkap.requests
        if request.method == "GET" and not request.path.startswith("/pipelines")
    ]
    first_dated_lag = asked.index(("destinations", "timeseries"))
    # The source's timeseries before the proof, the destination's after it.
    assert ("destinations", "timeseries") not in asked[:first_dated_lag]
    assert ("sources", "timeseries") not in asked[first_dated_lag + 2 :]


WAITS = 50


def test_waits_on_one_pipeline_share_at_most_three_requests_per_poll(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", streamkap.airflow_connection(timeout=3600))
    speed, interval = 100, 60.0
    clock = FastClock.start(speed)
    with (
        clock.patch_time(),
        use_client_clock(ClientClock(wall=clock.wall)),
        StreamkapSimulator(clock=clock.time) as simulator,
    ):
        monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", simulator.airflow_connection(timeout=3600))
        simulator.add_pipeline("p1", "s1", "d1", scenarios.pipeline(TRAFFIC))
        started = clock.time()
        spec = WaitSpec(
            ("p1",),
            DestinationGate(10, lag_source="timeseries"),
            poke_interval=interval,
            deadline=started + 3600,
            started=started,
            source_gate=SourceGate(),
            pipelines={"p1": PipelineParts("s1", "d1", "postgresql")},
        ).to_dict()

        async def wait_for_all() -> list[dict[str, Any]]:
            triggers = [rebuilt_trigger(StreamkapWaitTrigger("streamkap_default", spec)) for _ in range(WAITS)]
            return await asyncio.gather(*map(event_payload, triggers))

        events = run_fast(wait_for_all(), speed=speed)
        elapsed = clock.time() - started
        requests = simulator.count(method="GET")
    assert {event["outcome"] for event in events} == {"opened"}
    # Close to the end, polls are 20 s apart: to confirm, and when the next point may complete the evidence.
    # The lag is polled at once after the source is done.
    assert requests <= 3 * (elapsed / 20 + 2)
    assert requests / WAITS < 3


def test_rebuilt_task_has_all_arguments() -> None:
    task = pipeline_sensor("poke", max_source_delay_ms=7, settle_seconds=3)
    rebuilt: Any = rebuilt_task(task)
    assert (rebuilt.pipeline_id, rebuilt.max_source_delay_ms, rebuilt.settle_seconds) == ("p1", 7, 3)
