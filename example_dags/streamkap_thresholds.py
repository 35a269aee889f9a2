# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Look at a destination with the hook, and branch on what it shows."""

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
    """Run the full job on a stream that keeps up, and a cheaper one on a stream that lags behind."""

    @task
    def look() -> dict[str, Any]:
        """Fetch the latest metrics; what is returned is plain JSON."""
        return StreamkapHook().get_destination_metrics(DESTINATION_ID).as_dict()

    @task.branch
    def judge(snapshot: dict[str, Any]) -> str:
        """Choose; unknown is never good."""
        lag, latency = snapshot["data"].get("recordsLag"), snapshot["data"].get("latency")
        keeps_up = lag is not None and lag <= MAX_LAG and latency is not None and latency <= MAX_LATENCY_MS
        return "full_job" if keeps_up else "light_job"

    @task
    def full_job() -> None:
        """Stand in for what needs all data."""

    @task
    def light_job() -> None:
        """Stand in for what can do with some."""

    judge(look()) >> [full_job(), light_job()]  # type: ignore[arg-type]


streamkap_thresholds()
