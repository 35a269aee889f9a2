# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Two DAGs on one destination: one runs whenever it has caught up, the other whenever it falls behind."""

from __future__ import annotations

from typing import Any

import pendulum

from airflow_provider_streamkap.assets.streamkap import destination_asset
from tests.airflow_imports import dag, task

# Timeseries points would take minutes.
watched: dict[str, Any] = {"lag_source": "latest", "poke_interval": 1, "streamkap_conn_id": "streamkap_tests"}
tides = destination_asset("tides", **watched)
ebbs = destination_asset("tides", edge="out_of", **watched)


@dag(schedule=[tides], start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False)
def system_events() -> None:
    """Store the event's payload."""

    @task
    def keep(*, triggering_asset_events: Any = None) -> list[Any]:
        return [event.extra["payload"] for events in triggering_asset_events.values() for event in events]

    keep()


system_events()


@dag(schedule=[ebbs], start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False)
def system_events_behind() -> None:
    """Store the event's payload."""

    @task
    def keep(*, triggering_asset_events: Any = None) -> list[Any]:
        return [event.extra["payload"] for events in triggering_asset_events.values() for event in events]

    keep()


system_events_behind()
