# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A DAG with a sensor for every case in every mode, each with its own destination."""

from __future__ import annotations

from datetime import timedelta

import pendulum

from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor
from tests.airflow_imports import DAG
from tests.system.cases import CASES, MODES, SENSOR, task_id

with DAG(
    "system_parity",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"retry_delay": timedelta(seconds=1)},
):
    for name, case in CASES.items():
        for mode, arguments in MODES.items():
            id_ = task_id(name, mode)
            StreamkapDestinationSensor(task_id=id_, destination_id=id_, **{**SENSOR, **arguments, **case.arguments})
