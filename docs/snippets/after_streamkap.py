# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The DAG of the README and the quickstart."""

import pendulum

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag, task

from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor


@dag(schedule="@daily", start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False)
def after_streamkap():
    drained = StreamkapDestinationSensor(
        task_id="wait_until_drained", destination_id="67ad6e0af08a2365c729ba79", deferrable=True
    )

    @task
    def transform(snapshot):
        print("lag", snapshot["data"]["recordsLag"], "seen at", snapshot["observed_at"])

    transform(drained.output)


after_streamkap()
