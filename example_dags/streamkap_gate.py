# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Run a task only after a destination is drained."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pendulum

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag, task

from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor

DESTINATION_ID = os.environ.get("STREAMKAP_DESTINATION_ID", "67ad6e0af08a2365c729ba79")


@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False, tags=["streamkap"])
def streamkap_gate() -> None:
    """Wait in the triggerer until no records are left in Kafka, then run the transformation."""
    wait_until_drained = StreamkapDestinationSensor(
        task_id="wait_until_drained",
        destination_id=DESTINATION_ID,
        max_records_lag=0,
        deferrable=True,
        # Short intervals for the demo: the default of both is 60 seconds.
        poke_interval=5,
        confirm_interval=5,
        timeout=timedelta(hours=2).total_seconds(),
    )

    @task
    def transform(snapshot: dict[str, Any]) -> str:
        """Placeholder for your batch job. It receives the snapshot on which the sensor succeeded."""
        return f"lag was {snapshot['data']['recordsLag']} at {snapshot['observed_at']}"

    transform(wait_until_drained.output)  # type: ignore[arg-type]


streamkap_gate()
