# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Everything that Airflow does with a task's result after a deferral: keys, mapping, outlets, callbacks."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pendulum
from airflow.configuration import AIRFLOW_HOME

from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor
from tests.airflow_imports import DAG, Asset, task

LANDED = Asset("file:///streamkap-system-results")
CALLED_BACK = "called-back"
BEGAN = pendulum.datetime(2026, 1, 1, tz="UTC")


def call_back(context: Any) -> None:
    """Create a file named after the task."""
    folder = Path(AIRFLOW_HOME) / CALLED_BACK
    folder.mkdir(exist_ok=True)
    (folder / context["ti"].task_id).touch()


with DAG(
    "system_results",
    schedule=None,
    start_date=BEGAN,
    catchup=False,
    # For a try that Airflow loses, see Run.tries.
    default_args={"retries": 1, "retry_delay": timedelta(seconds=1)},
):
    waiting: dict[str, Any] = {
        "streamkap_conn_id": "streamkap_tests",
        "deferrable": True,
        "lag_source": "latest",
        "poke_interval": 3,
        "confirm_interval": 1,
        "timeout": 300,
        "on_success_callback": call_back,
        "on_skipped_callback": call_back,
    }
    keys = StreamkapDestinationSensor(
        task_id="keys", destination_id="drains_for_keys", multiple_outputs=True, outlets=[LANDED], **waiting
    )
    each = StreamkapDestinationSensor(task_id="each", destination_id=["ready", "drains_for_each"], **waiting)
    StreamkapDestinationSensor(
        task_id="skips", destination_id="stalled", soft_fail=True, **{**waiting, "timeout": 5, "poke_interval": 2}
    )

    @task
    def lag_of(item: Any) -> Any:
        """Return the id and the lag of one of the snapshots."""
        id_, snapshot = item
        return [id_, snapshot["data"]["recordsLag"]]

    lag_of.expand(item=each.output)

with DAG("system_results_landed", schedule=[LANDED], start_date=BEGAN, catchup=False):

    @task
    def landed() -> None:
        """Run once the asset was updated."""

    landed()
