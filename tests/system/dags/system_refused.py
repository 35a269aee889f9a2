# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A DAG of tasks that fail because of their credentials, which could expose them."""

from __future__ import annotations

import pendulum

from airflow_provider_streamkap.operators.streamkap import StreamkapDestinationMetricsOperator
from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor
from tests.airflow_imports import DAG

with DAG("system_refused", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False):
    for conn_id in ("streamkap_refused", "streamkap_proxied"):
        StreamkapDestinationMetricsOperator(
            task_id=f"snapshot-{conn_id}", destination_id="ready", streamkap_conn_id=conn_id
        )
        StreamkapDestinationSensor(
            task_id=f"wait-{conn_id}",
            destination_id="ready",
            streamkap_conn_id=conn_id,
            lag_source="latest",
            max_poll_failures=1,
            poke_interval=3,
            timeout=60,
            deferrable=True,
        )
    StreamkapDestinationSensor(
        task_id="wait-streamkap_project_key",
        destination_id="drains_with_project_key",
        streamkap_conn_id="streamkap_project_key",
        lag_source="latest",
        poke_interval=3,
        confirm_interval=1,
        timeout=300,
        deferrable=True,
    )
