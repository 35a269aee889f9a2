# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A hundred waits that last until the test releases them, and one with a deadline."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pendulum

from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor
from tests.airflow_imports import DAG
from tests.distributed.cases import (
    CONNECTION,
    COUNTED,
    DEADLINE_DAG,
    INTERVAL,
    LATE,
    LATE_SECONDS,
    PLAIN,
    POOL,
    WAITS_DAG,
    destination,
)

arguments: dict[str, Any] = {
    "streamkap_conn_id": CONNECTION,
    "deferrable": True,
    "lag_source": "latest",
    "poke_interval": INTERVAL,
    "confirm_interval": 2,
    # For a task whose worker is lost.
    "retries": 2,
    "retry_delay": dt.timedelta(seconds=1),
}
common: dict[str, Any] = {
    "schedule": None,
    "start_date": pendulum.datetime(2026, 1, 1, tz="UTC"),
    "catchup": False,
    "default_args": arguments,
}


with DAG(WAITS_DAG, **common):
    StreamkapDestinationSensor.partial(task_id="plain", timeout=3600).expand(
        destination_id=[destination(index) for index in range(PLAIN)]
    )
    StreamkapDestinationSensor.partial(task_id="counted", timeout=3600, pool=POOL).expand(
        destination_id=[destination(index) for index in range(COUNTED)]
    )

with DAG(DEADLINE_DAG, **common):
    StreamkapDestinationSensor(task_id="late", destination_id=LATE, timeout=LATE_SECONDS)
