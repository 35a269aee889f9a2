# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Run a sensor to its end in each mode as Airflow does: execute, be rescheduled, be deferred and resumed."""

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

from airflow_provider_streamkap.sensors._state_store import HAS_STORE
from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor
from tests.airflow.reschedules import record_poke
from tests.airflow_imports import TaskDeferred

MODES = ("poke", "reschedule", "deferred")


class TaskInstance:
    """What a sensor asks of its task instance: XComs, and since when it has been rescheduled.

    ``shown`` is what Airflow has kept of it besides: rows of triggers, events, arguments of a resume.
    """

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}
        self.shown: list[str] = []
        self.first_poke: datetime | None = None
        self.max_tries = 0
        self.try_number = 1
        self.dag_id, self.task_id, self.run_id, self.map_index = "dag", "wait", uuid4().hex, -1

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep an XCom, as JSON does."""
        self.pushed[key] = json.loads(json.dumps(value, allow_nan=False))

    def get_first_reschedule_date(self, _: Any) -> datetime | None:
        """Say when the first poke was, as Airflow reads it from its database."""
        return self.first_poke


def hurried(mode: str, **arguments: Any) -> dict[str, Any]:
    """Return the arguments of a sensor that polls fast, and the latest lag, unless a timestamped one is asked for."""
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
    return StreamkapDestinationSensor(**hurried(mode, **arguments))


def run(task: StreamkapDestinationSensor, ti: TaskInstance | None = None, store: Any = None) -> Any:
    """Run a sensor to its end.

    :param store: the task's state store, where its Airflow has one.
    :returns: its result as it would come out of XCom; its exceptions are raised.
    """
    ti = ti or TaskInstance()
    context: Any = {"ti": ti, "task_reschedule_count": 0}
    if HAS_STORE:
        context["task_state_store"] = store
    while True:
        began = datetime.now(UTC)
        try:
            return json.loads(json.dumps(task.execute(context), allow_nan=False))
        except AirflowRescheduleException:
            ti.first_poke = ti.first_poke or began
            record_poke(ti, began)
            context["task_reschedule_count"] += 1
            # The next poke happens in another process.
            task = again(task)
        except TaskDeferred as deferral:
            trigger = carried(deferral.trigger)
            event = fire(trigger)
            ti.shown += [repr(trigger), json.dumps(trigger.serialize()), json.dumps(deferral.kwargs), json.dumps(event)]
            resumed = again(task)
            return resumed.resume_execution(deferral.method_name, {**(deferral.kwargs or {}), "event": event}, context)


def again(task: StreamkapDestinationSensor) -> StreamkapDestinationSensor:
    """Give the task as another process has it: by its arguments, without its memory."""
    names = [name for name in inspect.signature(StreamkapDestinationSensor.__init__).parameters if hasattr(task, name)]
    airflows = ["poke_interval", "timeout", "mode", "soft_fail", "never_fail", "silent_fail"]
    arguments = {name: getattr(task, name) for name in names + airflows}
    return type(task)(task_id=task.task_id, **arguments)


def carried(trigger: BaseTrigger) -> BaseTrigger:
    """Give a trigger as the triggerer has it: by its class path and arguments, which are JSON."""
    path, arguments = trigger.serialize()
    module, _, name = path.rpartition(".")
    made = getattr(importlib.import_module(module), name)(**json.loads(json.dumps(arguments, allow_nan=False)))
    assert isinstance(made, BaseTrigger)
    return made


def fire(trigger: BaseTrigger) -> Any:
    """Run a trigger as the triggerer does, and give the payload of its one event."""

    async def events() -> list[TriggerEvent]:
        return [event async for event in trigger.run()]

    (event,) = asyncio.run(events())
    return json.loads(json.dumps(event.payload, allow_nan=False))
