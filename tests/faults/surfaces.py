# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The six surfaces on which a fault can occur, each run to completion with a simulated clock."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from airflow_provider_streamkap.hooks._clients import ClientClock
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.operators.streamkap import StreamkapDestinationMetricsOperator
from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor
from tests.airflow.sensor_modes import TaskInstance, fast_sensor_arguments, run
from tests.api.support import FullJitter
from tests.faults.outcomes import FAILURES, GOOD


class SimulatedClock(threading.local):
    """A per-thread clock that advances only by sleeping and adds up the sleeps."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Reset the clock."""
        self.now = 1_000_000.0
        self.waited = 0.0
        self.waits = 0
        #: Called with the number of each sleep.
        self.on_sleep: Callable[[int], object] = lambda number: None
        #: Seconds by which the clock is ahead.
        self.ahead: Callable[[], float] = lambda: 0.0

    def clock(self) -> float:
        return self.now + self.ahead()

    def sleep(self, seconds: float) -> None:
        self.waited += seconds
        self.now += seconds
        self.waits += 1
        self.on_sleep(self.waits)

    async def asleep(self, seconds: float) -> None:
        self.sleep(seconds)

    def client_clock(self) -> ClientClock:
        """The clock for clients, with jitter that always uses the full backoff."""
        return ClientClock(self.clock, self.sleep, self.asleep, FullJitter())


class Store(dict[str, Any]):
    """A task's state store, as in Airflow 3.3."""

    def set(self, key: str, value: Any) -> None:
        """Store a value."""
        self[key] = value


class FastSensor(StreamkapDestinationSensor):
    """A sensor whose polls may take as long as a call, and follow each other immediately."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**{**arguments, "poke_interval": 180})

    def _sleep(self, seconds: float) -> None:
        super()._sleep(0.02)

    def _get_next_poke_interval(self, *args: Any, **kwargs: Any) -> float:
        return 0.02


def fetch(surface: str, conn_id: str, destination_id: str, **arguments: Any) -> Any:
    """Fetch the metrics on one of the surfaces and return the result; a call is made ``GOOD`` times.

    :param surface: one of ``SURFACES``.
    :param conn_id: the Airflow connection.
    :param destination_id: the destination.
    :param arguments: additional arguments of the sensor.
    """
    match surface:
        case "hook":
            return [StreamkapHook(conn_id).get_destination_metrics(destination_id) for _ in range(GOOD)][-1].as_dict()
        case "async hook":
            return asyncio.run(_async(conn_id, destination_id))
        case "operator":
            operator = StreamkapDestinationMetricsOperator(
                task_id="snapshot", destination_id=destination_id, streamkap_conn_id=conn_id
            )
            context: Any = {"ti": TaskInstance()}
            return [operator.execute(context) for _ in range(GOOD)][-1]
    common = {
        "destination_id": destination_id,
        "streamkap_conn_id": conn_id,
        "confirmations": GOOD,
        "max_poll_failures": FAILURES,
        # Far beyond what any cell takes on a busy machine, so no cell times out.
        "timeout": 3600,
    }
    kind = StreamkapDestinationSensor if surface == "deferred" else FastSensor
    return run(kind(**fast_sensor_arguments(surface, **common, **arguments)), store=Store())


async def _async(conn_id: str, destination_id: str) -> dict[str, Any]:
    return [await StreamkapHook(conn_id).aget_destination_metrics(destination_id) for _ in range(GOOD)][-1].as_dict()
