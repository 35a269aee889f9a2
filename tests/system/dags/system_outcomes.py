# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A DAG of deferrable sensors, one for each outcome of a wait."""

from __future__ import annotations

from datetime import timedelta

import pendulum

from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor
from tests.airflow_imports import DAG

SHORT = 12

with DAG(
    "system_outcomes",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={
        # An unwanted retry shows up as a second try.
        "retries": 1,
        "retry_delay": timedelta(seconds=1),
        "streamkap_conn_id": "streamkap_tests",
        "deferrable": True,
        "lag_source": "latest",
        "poke_interval": 3,
        "confirm_interval": 1,
        "timeout": 300,
    },
):
    StreamkapDestinationSensor(task_id="ready", destination_id="ready")
    StreamkapDestinationSensor(task_id="drains", destination_id="drains")
    StreamkapDestinationSensor(task_id="all_drain", destination_id=["ready", "drains_too"])
    StreamkapDestinationSensor(task_id="breaks", destination_id="breaks")
    StreamkapDestinationSensor(task_id="unknown", destination_id="unknown")
    StreamkapDestinationSensor(task_id="late", destination_id="stalled", timeout=SHORT)
    StreamkapDestinationSensor(task_id="late_and_soft", destination_id="stalled", timeout=SHORT, soft_fail=True)
