# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Store the metrics of many destinations, with one mapped task per destination."""

from __future__ import annotations

from typing import Any

import pendulum

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag, task

from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.operators.streamkap import StreamkapDestinationMetricsOperator


@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False, tags=["streamkap"])
def streamkap_many_destinations() -> None:
    """Read each destination in its own task, so that one failure does not affect the others."""

    @task
    def destinations() -> list[str]:
        """List all destinations of the project at run time, not when the DAG is parsed."""
        return [destination.id for destination in StreamkapHook().list_destinations()]

    snapshots = StreamkapDestinationMetricsOperator.partial(task_id="snapshot").expand(destination_id=destinations())

    @task(trigger_rule="all_done")
    def report(snapshots: list[dict[str, Any]]) -> dict[str, Any]:
        """Placeholder for your code: return the connector status of each destination."""
        return {snapshot["destination_id"]: snapshot["data"]["connector_status"] for snapshot in snapshots}

    report(snapshots.output)  # type: ignore[arg-type]


streamkap_many_destinations()
