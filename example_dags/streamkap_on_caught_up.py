# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Run a DAG whenever a destination has caught up, instead of on a time schedule (Airflow 3)."""

from __future__ import annotations

import os
from typing import Any

import pendulum
from airflow.sdk import dag, task

from airflow_provider_streamkap.assets.streamkap import destination_asset

DESTINATION_ID = os.environ.get("STREAMKAP_DESTINATION_ID", "67ad6e0af08a2365c729ba79")

# Airflow's triggerer watches the destination and emits an event for this asset when it has caught up.
# The short interval is for the demo: the default is 60 seconds.
caught_up = destination_asset(DESTINATION_ID, max_records_lag=0, poke_interval=5)


@dag(schedule=[caught_up], start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False, tags=["streamkap"])
def streamkap_on_caught_up() -> None:
    """Run once each time the lag falls to zero. A destination that stays drained starts no further runs."""

    @task
    def transform(*, triggering_asset_events: Any = None) -> list[str]:
        """Placeholder for your batch job. The payload of each event is the snapshot."""
        snapshots = [event.extra["payload"] for events in triggering_asset_events.values() for event in events]
        return [f"lag {snapshot['data']['recordsLag']} at {snapshot['observed_at']}" for snapshot in snapshots]

    transform()


streamkap_on_caught_up()
