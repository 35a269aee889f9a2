# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A DAG of tasks that read lists of destinations, some of which do not respond at first."""

from __future__ import annotations

from typing import Any

import pendulum

from airflow_provider_streamkap.operators.streamkap import StreamkapDestinationMetricsOperator
from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor
from tests.airflow_imports import DAG

SILENT = [f"silent_{number}" for number in range(5)]
LISTED = [f"listed_{number}" for number in reversed(range(40))]
MISSING = "not_there"

with DAG("system_lists", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False):
    waiting: dict[str, Any] = {
        "streamkap_conn_id": "streamkap_tests",
        "lag_source": "latest",
        "poke_interval": 2,
        "confirm_interval": 1,
        "timeout": 600,
        "retries": 0,
    }
    StreamkapDestinationSensor(task_id="silent", destination_id=SILENT, deferrable=True, **waiting)
    StreamkapDestinationSensor(task_id="poked", destination_id=LISTED, deferrable=False, **waiting)
    StreamkapDestinationMetricsOperator(
        task_id="skipping",
        destination_id=[*LISTED, MISSING],
        on_error="skip",
        streamkap_conn_id="streamkap_tests",
        retries=0,
    )
