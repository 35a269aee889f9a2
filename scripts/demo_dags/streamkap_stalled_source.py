# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A source that has stopped capturing while the lag stays at 0: what each sensor makes of it."""

from __future__ import annotations

from typing import Any

import pendulum

try:
    from airflow.sdk import dag
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag

from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor, StreamkapPipelineSensor
from airflow_provider_streamkap.testing.demo_ids import DEMO_STALLED_PIPELINE_NAME, DEMO_UNFED


@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False, tags=["streamkap"])
def streamkap_stalled_source() -> None:
    """The sensor of the destination opens, the sensor of the pipeline keeps waiting."""
    waiting: dict[str, Any] = {"deferrable": True, "poke_interval": 20, "timeout": 330, "soft_fail": True}
    StreamkapDestinationSensor(task_id="destination", destination_id=DEMO_UNFED, **waiting)
    StreamkapPipelineSensor(task_id="pipeline", pipeline_name=DEMO_STALLED_PIPELINE_NAME, **waiting)


streamkap_stalled_source()
