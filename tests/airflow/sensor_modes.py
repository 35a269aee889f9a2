# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Run a sensor to completion in each mode as Airflow does: poke, reschedule, or defer and resume."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from airflow.exceptions import AirflowRescheduleException
from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_streamkap.sensors._base import StreamkapWaitSensor
from airflow_provider_streamkap.sensors._state_store import AIRFLOW_HAS_STATE_STORE
from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor, StreamkapPipelineSensor
from tests.airflow.reschedules import record_poke
from tests.airflow_imports import TaskDeferred

MODES = ("poke", "reschedule", "deferred")


class TaskInstance:
    """The parts of a task instance that a sensor uses: XComs and the date of the first reschedule.

    ``shown`` collects what else Airflow stores: trigger rows, events and resume arguments.
    """

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}
        self.shown: list[str] = []
        self.first_poke: datetime | None = None
        self.max_tries = 0
        self.try_number = 1
        self.dag_id, self.task_id, self.run_id, self.map_index = "dag", "wait", uuid4().hex, -1

    def xcom_push(self, key: str, value: Any) -> None:
        """Store an XCom after a JSON round trip."""
        self.pushed[key] = json.loads(json.dumps(value, allow_nan=False))

    def get_first_reschedule_date(self, _: Any) -> datetime | None:
        """Return the time of the first poke, as Airflow reads it from its database."""
        return self.first_poke


def fast_sensor_arguments(mode: str, **arguments: Any) -> dict[str, Any]:
    """Return arguments for a sensor that polls fast and, unless a timestamped lag is requested, uses the latest lag."""
    latest = {} if arguments.keys() & {"observed_after", "max_reading_age"} else {"lag_source": "latest"}
    return {
        **latest,
        "task_id": "wait",
        "destination_id": "d1",
        "poke_interval": 0.02,
        "confirm_interval": 0.01,
        "timeout": 20,
        "mode": "reschedule" if mode == "reschedule" else "poke",
        "deferrable": mode == "deferred",
        **arguments,
    }


def sensor(mode: str, **arguments: Any) -> StreamkapDestinationSensor:
    """Return a sensor that polls fast."""
    return StreamkapDestinationSensor(**fast_sensor_arguments(mode, **arguments))


def pipeline_sensor(mode: str, **arguments: Any) -> StreamkapPipelineSensor:
    """Return a sensor on the pipeline ``p1`` that polls fast. Its wait takes minutes: run it with a fast clock."""
    given = {} if "pipeline_name" in arguments else {"pipeline_id": "p1"}
    common = fast_sensor_arguments(mode, **{"timeout": 3600, **given, **arguments})
    return StreamkapPipelineSensor(
        **{name: value for name, value in common.items() if name not in ("destination_id", "lag_source")}
    )


class StateStore(dict[str, Any]):
    """A task's state store, as in Airflow 3.3, which stores JSON."""

    def set(self, key: str, value: Any) -> None:
        """Store a value."""
        self[key] = json.loads(json.dumps(value, allow_nan=False))


def run(task: StreamkapWaitSensor, ti: TaskInstance | None = None, store: Any = None) -> Any:
    """Run a sensor to completion.

    :param store: the task's state store, if this Airflow has one.
    :returns: the result as read back from XCom; exceptions are raised.
    """
    ti = ti or TaskInstance()
    context: Any = {"ti": ti, "task_reschedule_count": 0}
    if AIRFLOW_HAS_STATE_STORE:
        context["task_state_store"] = store
    while True:
        began = datetime.now(UTC)
        try:
            return json.loads(json.dumps(task.execute(context), allow_nan=False))
        except AirflowRescheduleException:
            ti.first_poke = ti.first_poke or began
            record_poke(ti, began)
            context["task_reschedule_count"] += 1
            # The next poke runs in another process.
            task = rebuilt_task(task)
        except TaskDeferred as deferral:
            trigger = rebuilt_trigger(deferral.trigger)
            event = fire(trigger)
            ti.shown += [repr(trigger), json.dumps(trigger.serialize()), json.dumps(deferral.kwargs), json.dumps(event)]
            resumed = rebuilt_task(task)
            return resumed.resume_execution(deferral.method_name, {**(deferral.kwargs or {}), "event": event}, context)


def rebuilt_task(task: StreamkapWaitSensor) -> StreamkapWaitSensor:
    """Return the task as another process has it: rebuilt from its arguments, without its state."""
    public = next(kind for kind in type(task).__mro__ if not kind.__name__.startswith("Fast"))
    names = [name for name in inspect.signature(public).parameters if hasattr(task, name)]
    airflows = ["poke_interval", "timeout", "mode", "soft_fail", "never_fail", "silent_fail"]
    arguments = {name: getattr(task, name) for name in names + airflows}
    return type(task)(task_id=task.task_id, **arguments)


def rebuilt_trigger(trigger: BaseTrigger) -> BaseTrigger:
    """Return a trigger as the triggerer has it: rebuilt from its class path and JSON arguments."""
    path, arguments = trigger.serialize()
    module, _, name = path.rpartition(".")
    created = getattr(importlib.import_module(module), name)(**json.loads(json.dumps(arguments, allow_nan=False)))
    assert isinstance(created, BaseTrigger)
    return created


def fire(trigger: BaseTrigger) -> Any:
    """Run a trigger as the triggerer does and return the payload of its only event."""

    async def events() -> list[TriggerEvent]:
        return [event async for event in trigger.run()]

    (event,) = asyncio.run(events())
    return json.loads(json.dumps(event.payload, allow_nan=False))
