# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Store the metrics of each run's data interval. Rerunning a run stores the same data."""

from __future__ import annotations

import os
from typing import Any

import pendulum
from airflow.timetables.interval import CronDataIntervalTimetable

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag, task

from airflow_provider_streamkap.operators.streamkap import StreamkapDestinationMetricsOperator

DESTINATION_ID = os.environ.get("STREAMKAP_DESTINATION_ID", "67ad6e0af08a2365c729ba80")

# A run that was started by an asset, or through the API without a logical date, has no data interval. For such a run,
# fetch the hour before it was due (run_after).
FROM = "{{ data_interval_start if data_interval_start is defined else dag_run.run_after - macros.timedelta(hours=1) }}"
TO = "{{ data_interval_end if data_interval_end is defined else dag_run.run_after }}"

# Start a run every hour; its data interval is the hour before. On Airflow 3, a plain "@hourly" schedule has an empty
# data interval, which the operator rejects.
EVERY_HOUR = CronDataIntervalTimetable("0 * * * *", timezone="UTC")


@dag(schedule=EVERY_HOUR, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False, tags=["streamkap"])
def streamkap_scheduled_snapshots() -> None:
    """Store an hourly history of the metrics. A backfill fetches past hours."""
    snapshot = StreamkapDestinationMetricsOperator(
        task_id="snapshot",
        destination_id=DESTINATION_ID,
        time_type="timeseries",
        time_interval=5,
        time_unit="minute",
        timestamp_from=FROM,
        timestamp_to=TO,
        metrics=["recordsLag", "latency", "sinkRecordSendTotal"],
    )

    @task
    def store(snapshot: dict[str, Any]) -> int:
        """Placeholder for an upsert by destination, metric and timestamp, which makes the DAG idempotent."""
        rows = {
            (snapshot["destination_id"], metric, point["timestamp"]): point["value"]
            for metric, points in snapshot["data"].items()
            for point in points or ()
        }
        return len(rows)

    store(snapshot.output)  # type: ignore[arg-type]


streamkap_scheduled_snapshots()
