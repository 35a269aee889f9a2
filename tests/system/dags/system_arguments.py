# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A DAG of tasks whose arguments are missing or unusual at run time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow import __version__

from airflow_provider_streamkap.operators.streamkap import StreamkapDestinationMetricsOperator
from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor
from tests.airflow_imports import DAG, task

AIRFLOW_3 = not __version__.startswith("2.")

# Not default arguments: Airflow 2.11 passes those to a mapped @task as well, which rejects them.
CONNECTION: dict[str, Any] = {"streamkap_conn_id": "streamkap_tests"}
WAIT: dict[str, Any] = {**CONNECTION, "poke_interval": 3, "confirm_interval": 1, "timeout": 300}

with DAG(
    "system_arguments",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    # An unwanted retry shows up as a second try.
    default_args={"retries": 1, "retry_delay": timedelta(seconds=1)},
):

    @task
    def nothing() -> None:
        """Return no timestamp."""

    @task
    def names(name: str) -> str:
        """Return the name of a metric."""
        return name

    @task
    def moments() -> list[str | None]:
        """Return a missing timestamp."""
        return [None]

    missing: Any = nothing()
    metrics: Any = names.expand(name=["recordsLag", "latency"])
    # Airflow 2.11 gives every run an interval, so use another missing value there.
    interval = "{{ data_interval_end }}" if AIRFLOW_3 else "{{ no_data_interval_end }}"

    StreamkapDestinationSensor(task_id="upstream", destination_id="ready", observed_after=missing, **WAIT)
    StreamkapDestinationSensor.partial(task_id="mapped", destination_id="ready", **WAIT).expand(
        observed_after=moments()
    )
    StreamkapDestinationSensor(task_id="no_interval", destination_id="ready", observed_after=interval, **WAIT)
    StreamkapDestinationMetricsOperator(task_id="lazy", destination_id="ready", metrics=metrics, **CONNECTION)
    StreamkapDestinationSensor(task_id="huge", destination_id="huge", lag_source="latest", deferrable=True, **WAIT)
