# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Transform the data of an interval once all of it has arrived: from the commit at the source to the destination."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pendulum

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag, task

from airflow_provider_streamkap.sensors.streamkap import StreamkapPipelineSensor

PIPELINE_NAME = os.environ.get("STREAMKAP_PIPELINE_NAME", "orders-to-snowflake")


@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False, tags=["streamkap"])
def streamkap_pipeline() -> None:
    """Wait for a pipeline by name, then run the models that read its tables."""
    wait_until_complete = StreamkapPipelineSensor(
        task_id="wait_until_complete",
        pipeline_name=PIPELINE_NAME,
        # In a scheduled DAG: observed_after="{{ data_interval_end }}". Default: the start of the wait.
        deferrable=True,
        # Short for the demo: the default is 60 seconds.
        poke_interval=20,
        timeout=timedelta(hours=2).total_seconds(),
    )

    @task
    def run_models(result: dict[str, Any]) -> str:
        """Placeholder for ``dbt build`` or another transformation. It receives the result of the sensor."""
        return f"all changes that were committed before {result['complete_through']} have arrived"

    run_models(wait_until_complete.output)  # type: ignore[arg-type]


streamkap_pipeline()
