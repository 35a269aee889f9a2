# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The sensors on the sensor page."""

import pendulum

try:
    from airflow.sdk import dag
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag

from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor


@dag(schedule="@daily", start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False)
def sensors():
    # [start of several]
    StreamkapDestinationSensor(
        task_id="wait_for_all",
        destination_id=["67ad6e0af08a2365c729ba79", "67ad6e0af08a2365c729ba80"],
        max_records_lag=100,
        deferrable=True,
    )
    # [end of several]

    # [start of names]
    StreamkapDestinationSensor(
        task_id="wait_by_name",
        destination_name=["orders", "customers"],
        deferrable=True,
    )
    # [end of names]

    # [start of data interval]
    StreamkapDestinationSensor(
        task_id="wait_for_the_day",
        destination_id="67ad6e0af08a2365c729ba79",
        observed_after="{{ data_interval_end }}",
        deferrable=True,
    )
    # [end of data interval]

    # [start of impatient]
    StreamkapDestinationSensor(
        task_id="wait_impatiently",
        destination_id="67ad6e0af08a2365c729ba79",
        connector_status=["Active", "Starting"],
        max_latency_ms=60_000,
        fail_on_status=["Broken", "Stopped"],
        status_grace=15 * 60,
        stall_after=30 * 60,
        poke_interval=120,
        timeout=4 * 60 * 60,
        soft_fail=True,
        deferrable=True,
    )
    # [end of impatient]


sensors()
