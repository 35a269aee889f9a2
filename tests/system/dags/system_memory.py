# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A DAG of rescheduled sensors that must remember earlier pokes, each of which runs in its own process."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum

from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor
from tests.airflow_imports import DAG

PATIENCE = 25

with DAG(
    "system_memory",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"retry_delay": timedelta(seconds=1)},
):
    remembering: dict[str, Any] = {
        "streamkap_conn_id": "streamkap_tests",
        "mode": "reschedule",
        "lag_source": "latest",
        "deferrable": False,
        # See MODES in tests/system/cases.py.
        "poke_interval": 10,
        "timeout": 600,
    }
    # A retry starts over and ignores the state of an earlier try.
    StreamkapDestinationSensor(
        task_id="stalls", destination_id="stalls", stall_after=PATIENCE, retries=1, **remembering
    )
    StreamkapDestinationSensor(
        task_id="unwanted", destination_id="unwanted", status_grace=PATIENCE, retries=0, **remembering
    )
