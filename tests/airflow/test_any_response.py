# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Any response: the wait ends by its own rules, and its result can be stored as JSON and msgpack."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import example, given

from airflow_provider_streamkap._compat import AirflowSensorTimeout
from airflow_provider_streamkap._results import failed_event, succeeded_event
from airflow_provider_streamkap.api.errors import StreamkapError
from airflow_provider_streamkap.api.metrics import DestinationMetrics
from airflow_provider_streamkap.api.query import MetricsQuery
from airflow_provider_streamkap.gate.conditions import DestinationGate
from airflow_provider_streamkap.gate.spec import FailurePolicy, WaitSpec
from airflow_provider_streamkap.gate.target import PollResult
from airflow_provider_streamkap.gate.wait import Failed, ResourceWait
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from airflow_provider_streamkap.triggers.event import StreamkapDestinationEventTrigger
from tests.airflow.sensor_modes import MODES, TaskInstance, run, sensor
from tests.api.strategies import from_jsonb, no_deadline, payloads, strict

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
METRICS = "/destinations/d1/metrics"
ODD: dict[str, Any] = {
    "nobodyAsked": [2**63, -(2**64), 10**400, 1e19, {"deep": 10**30}],
    "latency": "NaN",
    "partitionCount": 2**64,
}
DRAINED: dict[str, Any] = {"connector_status": "Active", "recordsLag": 0}


def storable(value: Any) -> Any:
    """Serialize and deserialize a value as Airflow 3 does."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(from_jsonb(value)))


@pytest.mark.parametrize("mode", MODES)
def test_undocumented_fields_fail_neither_wait_nor_result(streamkap: StreamkapSimulator, mode: str) -> None:
    streamkap.add("d1", scenarios.steady())
    streamkap.inject(Fault.json({"data": {**DRAINED, **ODD}, "metadata": {"x": 2**70}}), path=METRICS, times=None)
    ti = TaskInstance()
    snapshot = run(sensor(mode), ti)
    assert storable(snapshot) == snapshot
    assert snapshot["data"] == {
        **DRAINED,
        "nobodyAsked": [None, None, None, None, {"deep": None}],
        "latency": None,
        "partitionCount": None,
    }
    for shown in ti.shown[1:]:
        storable(json.loads(shown))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("lag", [2**63, 10**30, 1e300, 10**400, -(2**64), "0", True])
def test_unusual_lag_never_opens_gate(streamkap: StreamkapSimulator, mode: str, lag: Any) -> None:
    streamkap.add("d1", scenarios.steady())
    streamkap.inject(Fault.json({"data": {**DRAINED, "recordsLag": lag}}), path=METRICS, times=None)
    ti = TaskInstance()
    with pytest.raises(AirflowSensorTimeout):
        run(sensor(mode, timeout=0.1), ti)
    for shown in ti.shown[1:]:
        storable(json.loads(shown))


def test_asset_event_is_serializable(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady())
    streamkap.inject(Fault.json({"data": {**DRAINED, **ODD, "recordsLag": 5}}), path=METRICS, times=3)
    streamkap.inject(Fault.json({"data": {**DRAINED, **ODD}}), path=METRICS, times=None)

    async def first() -> Any:
        return await asyncio.wait_for(
            anext(aiter(StreamkapDestinationEventTrigger("d1", poke_interval=0.02, lag_source="latest").run())), 20
        )

    payload = asyncio.run(first()).payload
    assert storable(payload) == payload
    assert payload["data"]["recordsLag"] == 0


@no_deadline
@given(payloads, payloads)
@example({"data": {**DRAINED, "recordsLag": 10**308}}, {"data": {"recordsLag": []}})
@example({"data": DRAINED}, {"data": {"recordsLag": [{"timestamp": "0001-01-01T00:00:00Z", "value": 1}]}})
@example({"data": DRAINED}, {"data": {"recordsLag": [{"timestamp": "9999-12-31T23:59:59Z", "value": 0}]}})
def test_any_response_can_be_evaluated_logged_and_serialized(latest: Any, series: Any) -> None:
    try:
        one = DestinationMetrics.parse(MetricsQuery("d1"), latest, NOW)
        two = DestinationMetrics.parse(MetricsQuery("d1", "timeseries"), series, NOW)
    except StreamkapError:
        return
    now = NOW.timestamp()
    for seen in (PollResult(one), PollResult(one, two)):
        for gate in (DestinationGate(max_latency_ms=5), DestinationGate(observed_after=NOW, max_reading_age=60)):
            spec = WaitSpec(
                ("d1",), gate, FailurePolicy(stall_after=1, status_grace=1), deadline=now + 100, started=now
            )
            wait = ResourceWait(spec)
            for later in (0, 60, 120):
                step = wait.advance({"d1": seen}, now + later)
                strict([wait.progress(step, now + later), wait.timeout_message(now + later), wait.to_dict()])
                strict(
                    failed_event(step) if isinstance(step, Failed) else succeeded_event(wait.snapshots({"d1": seen}))
                )
