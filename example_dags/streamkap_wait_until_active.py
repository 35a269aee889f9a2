# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Wait until a destination is Active after a deployment, regardless of its lag."""

from __future__ import annotations

import os

import pendulum

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag, task

from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor

DESTINATION_ID = os.environ.get("STREAMKAP_DESTINATION_ID", "67ad6e0af08a2365c729ba81")


@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False, tags=["streamkap"])
def streamkap_wait_until_active() -> None:
    """Deploy, then continue as soon as the connector is running. Fail at once if it is broken or stopped."""

    @task
    def deploy() -> None:
        """Placeholder for the task that deploys the connector."""

    wait_until_active = StreamkapDestinationSensor(
        task_id="wait_until_active",
        destination_id=DESTINATION_ID,
        max_records_lag=None,
        connector_status="Active",
        fail_on_status=("Broken", "Stopped"),
        mode="reschedule",
        # Do not set this much lower: if the next poke is due before a busy scheduler has processed the end of the
        # last one, Airflow fails the task.
        poke_interval=20,
        confirm_interval=2,
        timeout=15 * 60,
    )

    @task
    def announce() -> str:
        """Placeholder for the tasks that follow a successful deployment."""
        return "the connector is running"

    deploy() >> wait_until_active >> announce()


streamkap_wait_until_active()
