# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Read the metrics of a destination with the hook, and branch on lag and latency."""

from __future__ import annotations

import os
from typing import Any

import pendulum

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag, task

from airflow_provider_streamkap.hooks.streamkap import StreamkapHook

DESTINATION_ID = os.environ.get("STREAMKAP_DESTINATION_ID", "67ad6e0af08a2365c729ba80")
MAX_LAG, MAX_LATENCY_MS = 1_000, 60_000


@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False, tags=["streamkap"])
def streamkap_thresholds() -> None:
    """Run the full job if the stream keeps up, or a lighter job if it lags behind."""

    @task
    def read_metrics() -> dict[str, Any]:
        """Fetch the latest metrics and return them as plain JSON."""
        return StreamkapHook().get_destination_metrics(DESTINATION_ID).as_dict()

    @task.branch
    def choose_job(snapshot: dict[str, Any]) -> str:
        """Choose the next task. An unknown lag or latency counts as lagging behind."""
        lag, latency = snapshot["data"].get("recordsLag"), snapshot["data"].get("latency")
        keeps_up = lag is not None and lag <= MAX_LAG and latency is not None and latency <= MAX_LATENCY_MS
        return "full_job" if keeps_up else "light_job"

    @task
    def full_job() -> None:
        """Placeholder for a job that needs all data."""

    @task
    def light_job() -> None:
        """Placeholder for a job that can run on partial data."""

    choose_job(read_metrics()) >> [full_job(), light_job()]  # type: ignore[arg-type]


streamkap_thresholds()
