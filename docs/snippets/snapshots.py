# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The operators on the operator page."""

import pendulum
from airflow.timetables.interval import CronDataIntervalTimetable

try:
    from airflow.sdk import dag
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag

from airflow_provider_streamkap.operators.streamkap import (
    StreamkapDestinationMetricsOperator,
    StreamkapSourceMetricsOperator,
)

# [start of schedule]
# On Airflow 3, the data interval of a plain "@daily" schedule is empty.
EVERY_DAY = CronDataIntervalTimetable("0 0 * * *", timezone="UTC")


@dag(schedule=EVERY_DAY, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False)
# [end of schedule]
def snapshots():
    # [start of latest]
    StreamkapDestinationMetricsOperator(
        task_id="latest",
        destination_id="67ad6e0af08a2365c729ba79",
        metrics=["recordsLag", "latency", "connector_status"],
    )
    # [end of latest]

    # [start of summary]
    StreamkapDestinationMetricsOperator(
        task_id="summary_of_the_interval",
        destination_id=["67ad6e0af08a2365c729ba79", "67ad6e0af08a2365c729ba80"],
        time_type="timesummary",
        timestamp_from="{{ data_interval_start }}",
        timestamp_to="{{ data_interval_end }}",
    )
    # [end of summary]

    # [start of source]
    StreamkapSourceMetricsOperator(
        task_id="source",
        source_name="shop",
        metrics=["state", "StreamingMilliSecondsBehindSource", "SnapshotRunning"],
    )
    # [end of source]

    # [start of names]
    StreamkapDestinationMetricsOperator(
        task_id="latest_by_name",
        destination_name=["orders", "customers"],
    )
    # [end of names]


snapshots()
