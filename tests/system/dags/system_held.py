# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A DAG of waits that last until the test releases them, beside tasks that finish immediately."""

from __future__ import annotations

from typing import Any

import pendulum

from airflow_provider_streamkap.operators.streamkap import StreamkapDestinationMetricsOperator
from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor
from tests.airflow_imports import DAG

LATE_SECONDS = 40

with DAG(
    "system_held",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"streamkap_conn_id": "streamkap_tests"},
):
    waiting: dict[str, Any] = {"deferrable": True, "lag_source": "latest", "poke_interval": 2, "confirm_interval": 1}
    StreamkapDestinationSensor(task_id="held", destination_id="held", timeout=600, **waiting)
    StreamkapDestinationSensor(task_id="late", destination_id="late", timeout=LATE_SECONDS, **waiting)
    StreamkapDestinationMetricsOperator(task_id="snapshot", destination_id="ready")
    StreamkapDestinationMetricsOperator.partial(task_id="mapped").expand(destination_id=["ready", "paused"])
    StreamkapDestinationSensor.partial(task_id="mapped_wait", **waiting).expand(destination_id=["held", "ready"])
