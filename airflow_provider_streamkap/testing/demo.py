# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The ``demo`` set: one destination for each situation a wait can encounter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from airflow_provider_streamkap.testing import demo_ids, scenarios
from airflow_provider_streamkap.testing.readings import Scenario
from airflow_provider_streamkap.testing.simulator import StreamkapSimulator

# Longer than a poll interval of one minute, but short enough that a rerun of a DAG has to wait again.
_REWIND_AFTER: Final = 180.0


@dataclass(frozen=True)
class DemoDestination:
    """One destination of the set.

    :param story: human-readable description of the scenario.
    """

    destination_id: str
    name: str
    connector: str
    scenario: Scenario
    story: str


DEMO: Final[tuple[DemoDestination, ...]] = (
    DemoDestination(
        demo_ids.DEMO_DRAINING,
        "orders",
        "snowflake",
        scenarios.draining(lag=120, rate=5),
        "120 records wait, 5 go every second: empty after about 25 s",
    ),
    DemoDestination(demo_ids.DEMO_STEADY, "customers", "databricks", scenarios.steady(), "Active, nothing waits"),
    DemoDestination(
        demo_ids.DEMO_STARTING,
        "payments",
        "clickhouse",
        scenarios.starting(active_after=15),
        "just deployed: Active after 15 s",
    ),
    DemoDestination(
        demo_ids.DEMO_FLAPPING, "clicks", "bigquery", scenarios.flapping(), "lag 0 and 50 in turns, 10 s each"
    ),
    DemoDestination(demo_ids.DEMO_BROKEN, "invoices", "postgresql", scenarios.broken(), "Broken, 1,000 records wait"),
    DemoDestination(demo_ids.DEMO_PAUSED, "archive", "s3", scenarios.paused(), "Paused, and shows lag 0 all the same"),
    DemoDestination(
        demo_ids.DEMO_STALLED,
        "shipments",
        "redshift",
        scenarios.stalled(),
        "Active, but lag 500 does not move",
    ),
    DemoDestination(demo_ids.DEMO_NULL_LAG, "audit", "snowflake", scenarios.null_lag(), "Active, its lag is not known"),
)


def add_demo(simulator: StreamkapSimulator) -> None:
    """Add the demo destinations, and a source with its pipeline to the first of them.

    Each scenario starts with the first metrics request, and restarts with a request after three minutes without one.
    """
    for item in DEMO:
        simulator.add(
            item.destination_id,
            item.scenario,
            name=item.name,
            connector=item.connector,
            connector_display_name=item.connector.capitalize(),
            topics=(f"public.{item.name}",),
            rewind_after=_REWIND_AFTER,
        )
    simulator.add_source(
        demo_ids.DEMO_SOURCE,
        name="shop",
        topics=("public.orders",),
        config={"heartbeat.enabled": True, "heartbeat.data.collection.schema.or.database": "streamkap"},
    )
    simulator.add_pipeline(demo_ids.DEMO_PIPELINE, demo_ids.DEMO_SOURCE, demo_ids.DEMO_DRAINING, name="shop to orders")
