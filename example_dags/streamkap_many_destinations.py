# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Snapshot many destinations, a mapped task for each."""

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
    """One destination that cannot be read fails its own task, and the others are stored all the same."""

    @task
    def destinations() -> list[str]:
        """Name all destinations of the project, when the run starts rather than when the DAG is parsed."""
        return [destination.id for destination in StreamkapHook().list_destinations()]

    snapshots = StreamkapDestinationMetricsOperator.partial(task_id="snapshot").expand(destination_id=destinations())

    @task(trigger_rule="all_done")
    def report(snapshots: list[dict[str, Any]]) -> dict[str, Any]:
        """Stand in for what is done with them."""
        return {snapshot["destination_id"]: snapshot["data"]["connector_status"] for snapshot in snapshots}

    report(snapshots.output)  # type: ignore[arg-type]


streamkap_many_destinations()
