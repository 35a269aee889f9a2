# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""One wait in each mode, and 200 mapped waits on 20 destinations."""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.sdk import DAG

from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor

MODES: dict[str, dict[str, Any]] = {
    "poke": {},
    "reschedule": {"mode": "reschedule"},
    "deferred": {"deferrable": True},
}
DESTINATIONS = [f"mapped-{number:02}" for number in range(20)]
START_DATE = pendulum.datetime(2026, 1, 1, tz="UTC")

with DAG("bench_modes", schedule=None, start_date=START_DATE, catchup=False):
    for mode, arguments in MODES.items():
        StreamkapDestinationSensor(
            task_id=mode,
            destination_id=mode,
            lag_source="latest",
            poke_interval=10,
            confirm_interval=2,
            timeout=600,
            **arguments,
        )

with DAG("bench_mapped", schedule=None, start_date=START_DATE, catchup=False, max_active_tasks=400):
    StreamkapDestinationSensor.partial(
        task_id="wait",
        deferrable=True,
        lag_source="latest",
        poke_interval=10,
        confirm_interval=2,
        timeout=3600,
        max_active_tis_per_dag=400,
    ).expand(destination_id=DESTINATIONS * 10)
