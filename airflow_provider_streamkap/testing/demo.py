# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The ``demo`` set: one destination for each situation a wait can encounter, and two pipelines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from airflow_provider_streamkap.testing import demo_ids, scenarios
from airflow_provider_streamkap.testing.readings import Scenario
from airflow_provider_streamkap.testing.simulator import StreamkapSimulator

# Longer than a poll interval of one minute, but short enough that a rerun of a DAG has to wait again.
_REWIND_AFTER: Final = 180.0

_STALLED: Final = scenarios.pipeline(scenarios.source_stalls())


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
    DemoDestination(
        demo_ids.DEMO_UNFED,
        "orders-eu",
        "snowflake",
        _STALLED.destination,
        "Active, lag 0, but its source has stopped capturing",
    ),
)

PIPELINES: Final = {
    demo_ids.DEMO_PIPELINE: "shop to orders: a heartbeat table is captured every 10 s",
    demo_ids.DEMO_STALLED_PIPELINE: "shop-eu to orders-eu: lag 0, but the source has stopped capturing",
}
"""Descriptions of the pipelines by id."""


def add_demo(simulator: StreamkapSimulator) -> None:
    """Add the demo destinations, and two pipelines with their sources.

    The scenario of a destination starts with the first metrics request, and restarts with a request after three minutes
    without one. Those of the sources, and of the destination whose source has stalled, start now.
    """
    for item in DEMO:
        simulator.add(
            item.destination_id,
            item.scenario,
            name=item.name,
            connector=item.connector,
            connector_display_name=item.connector.capitalize(),
            topics=(f"public.{item.name}",),
            rewind_after=None if item.destination_id == demo_ids.DEMO_UNFED else _REWIND_AFTER,
        )
    for source_id, scenario, name, topic in (
        (demo_ids.DEMO_SOURCE, scenarios.source_idle(heartbeat="table", every=10), "shop", "public.orders"),
        (demo_ids.DEMO_STALLED_SOURCE, _STALLED.source, "shop-eu", "public.orders-eu"),
    ):
        simulator.add_source(source_id, scenario, name=name, topics=(topic,))
    for pipeline_id, source_id, destination_id, name in (
        (demo_ids.DEMO_PIPELINE, demo_ids.DEMO_SOURCE, demo_ids.DEMO_DRAINING, demo_ids.DEMO_PIPELINE_NAME),
        (
            demo_ids.DEMO_STALLED_PIPELINE,
            demo_ids.DEMO_STALLED_SOURCE,
            demo_ids.DEMO_UNFED,
            demo_ids.DEMO_STALLED_PIPELINE_NAME,
        ),
    ):
        simulator.add_pipeline(pipeline_id, source_id, destination_id, name=name)
