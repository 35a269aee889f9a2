# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A task that its trigger ends: the same XCom and the same end as a worker would have made, or a worker makes it."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import re
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred
from airflow.triggers.base import TaskFailedEvent, TaskSkippedEvent, TaskSuccessEvent, TriggerEvent

from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from airflow_provider_streamkap.triggers.streamkap import StreamkapDestinationTrigger
from tests.face.modes import TaskInstance, carried, sensor

DRAINED, LAGGING = scenarios.Reading(records_lag=0), scenarios.Reading(records_lag=120)


def fired(trigger: Any) -> Any:
    """Run a trigger and give its one event."""

    async def events() -> list[Any]:
        return [event async for event in trigger.run()]

    (event,) = asyncio.run(events())
    return event


def deferred(**arguments: Any) -> Any:
    """Give the trigger, as the triggerer has it, to which a sensor hands over that ends from its trigger."""
    context: Any = {"ti": TaskInstance()}
    with pytest.raises(TaskDeferred) as deferral:
        sensor("deferred", end_from_trigger=True, **arguments).execute(context)
    return carried(deferral.value.trigger)


def test_success_pushes_the_snapshot(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.sequence([LAGGING, LAGGING, DRAINED]))
    event = fired(deferred())
    assert isinstance(event, TaskSuccessEvent)
    xcoms: Any = event.xcoms
    assert xcoms["return_value"]["data"]["recordsLag"] == 0
    assert json.loads(json.dumps(xcoms, allow_nan=False)) == xcoms


def test_success_pushes_nothing_where_that_was_asked_for(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.sequence([LAGGING, DRAINED]))
    event = fired(deferred(do_xcom_push=False))
    assert isinstance(event, TaskSuccessEvent)
    assert event.xcoms is None


@pytest.mark.parametrize(
    ("arguments", "ends"),
    [
        ({"soft_fail": True}, TaskSkippedEvent),
        ({"never_fail": True}, TaskSkippedEvent),
        ({}, TaskFailedEvent),
        ({"retries": 2}, TriggerEvent),
    ],
)
def test_the_deadline(arguments: dict[str, Any], ends: type[TriggerEvent], streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady(lag=120))
    trigger = deferred(timeout=3600, **arguments)
    # Passed while the task was handed over: a short timeout could be used up before that.
    trigger.plan["deadline"] = time.time()
    event = fired(trigger)
    assert type(event) is ends
    if ends is TriggerEvent:
        assert event.payload["outcome"] == "deadline"


@pytest.mark.parametrize(
    ("arguments", "ends"),
    [
        ({"soft_fail": True}, TaskFailedEvent),
        ({"soft_fail": True, "retries": 2}, TriggerEvent),
        ({"never_fail": True, "retries": 2}, TaskSkippedEvent),
    ],
)
def test_a_refusal(arguments: dict[str, Any], ends: type[TriggerEvent], streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady(lag=120))
    trigger = deferred(**arguments)
    streamkap.inject(Fault.status(403), path="/metrics", times=None)
    assert type(fired(trigger)) is ends


@pytest.mark.parametrize(
    ("airflow", "arguments"),
    [("2.11", {}), ("3.3", {}), ("3.3", {"execution_timeout": timedelta(hours=3)})],
)
def test_a_wait_that_begins_in_the_triggerer_takes_its_time_from_the_tasks_start(
    airflow: str, arguments: dict[str, Any], streamkap: StreamkapSimulator
) -> None:
    streamkap.add("d1", scenarios.steady(lag=120))
    args = sensor("deferred", start_from_trigger=True, timeout=3600, **arguments).start_trigger_args
    assert args is not None
    assert args.timeout is not None
    assert args.timeout > timedelta(hours=1)
    module, _, name = args.trigger_cls.rpartition(".")
    trigger: Any = getattr(importlib.import_module(module), name)(**json.loads(json.dumps(args.trigger_kwargs)))
    # The triggerer was restarted: the task began an hour and more ago.
    assert args.trigger_cls.endswith(StreamkapDestinationTrigger.__qualname__)
    start = datetime.now(UTC) - timedelta(hours=2)
    if airflow == "2.11":
        trigger.task_instance = SimpleNamespace(task_id="wait", start_date=start)
    else:
        # Which tells a trigger when it is ended, and not when its task began.
        trigger.task_instance = SimpleNamespace(task_id="wait")
        trigger.timeout_after = start + min(args.timeout, arguments.get("execution_timeout", args.timeout))
    event = fired(trigger)
    assert event.payload["outcome"] == "deadline"
    assert re.search(r"7,20\d of 3,600 s elapsed, 1 poll\.", event.payload["message"])


def test_an_execution_timeout_does_not_bring_the_deadline_forward(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady(lag=120))
    limit = timedelta(seconds=30)
    args = sensor("deferred", start_from_trigger=True, timeout=20, execution_timeout=limit).start_trigger_args
    assert args is not None
    trigger = StreamkapDestinationTrigger(**args.trigger_kwargs)  # type: ignore[arg-type]
    trigger.task_instance = SimpleNamespace(task_id="wait")  # type: ignore[assignment]
    start = datetime.now(UTC)
    trigger.timeout_after = start + limit  # type: ignore[attr-defined]
    assert trigger._plan().deadline == pytest.approx(start.timestamp() + 20)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"destination_id": "{{ params.id }}"}, "destination_id"),
        ({"destination_id": ["d1", "{{ params.id }}"]}, "destination_id"),
        ({"observed_after": "{{ data_interval_end }}"}, "observed_after"),
    ],
)
def test_nothing_that_needs_rendering_begins_in_the_triggerer(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=f"start_from_trigger begins before anything is rendered, and {says} has"):
        sensor("deferred", start_from_trigger=True, **arguments)


@pytest.mark.parametrize("argument", ["end_from_trigger", "start_from_trigger"])
def test_only_a_deferrable_sensor_has_a_trigger(argument: str) -> None:
    with pytest.raises(ValueError, match="deferrable=True"):
        sensor("poke", **{argument: True})


def test_every_argument_of_the_trigger_survives_serialization() -> None:
    arguments = {
        "streamkap_conn_id": "other",
        "plan": {"destination_ids": ["d1"]},
        "many": True,
        "memory": {"polls": 3},
        "timeout": 60.0,
        "ending": {"push": False, "skip_on": ["deadline"], "fail": True},
        "backstop": 152.0,
    }
    assert set(arguments) == set(inspect.signature(StreamkapDestinationTrigger.__init__).parameters) - {"self"}
    assert json.loads(json.dumps(StreamkapDestinationTrigger(**arguments).serialize()[1])) == arguments  # type: ignore[arg-type]
