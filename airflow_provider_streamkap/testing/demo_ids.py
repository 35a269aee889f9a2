# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Ids and names of the destinations, sources and pipelines in the ``demo`` set, stable because DAGs refer to them."""

from __future__ import annotations

from typing import Final

DEMO_DRAINING: Final = "67ad6e0af08a2365c729ba79"
"""Demo destination: 120 records pending at the first request, none 25 seconds later."""
DEMO_STEADY: Final = "67ad6e0af08a2365c729ba80"
"""Demo destination: Active, no records pending."""
DEMO_STARTING: Final = "67ad6e0af08a2365c729ba81"
"""Demo destination: newly deployed; Starting at the first request, Active 15 seconds later."""
DEMO_FLAPPING: Final = "67ad6e0af08a2365c729ba82"
"""Demo destination: its lag alternates every ten seconds."""
DEMO_BROKEN: Final = "67ad6e0af08a2365c729ba83"
"""Demo destination: Broken."""
DEMO_PAUSED: Final = "67ad6e0af08a2365c729ba84"
"""Demo destination: Paused by a user, yet with a lag of 0."""
DEMO_STALLED: Final = "67ad6e0af08a2365c729ba85"
"""Demo destination: Active, but its lag does not change."""
DEMO_NULL_LAG: Final = "67ad6e0af08a2365c729ba86"
"""Demo destination: Active, its lag is unknown."""
DEMO_UNFED: Final = "67ad6e0af08a2365c729ba87"
"""Demo destination: Active, no records pending, because the source of its pipeline has stalled."""
DEMO_SOURCE: Final = "67ad6e0af08a2365c729bb01"
"""Demo source: connected and streaming, with a heartbeat table that is captured every 10 seconds."""
DEMO_STALLED_SOURCE: Final = "67ad6e0af08a2365c729bb02"
"""Demo source: connected, but nothing is captured since the simulator started, while commits continue."""
DEMO_PIPELINE: Final = "67ad6e0af08a2365c729bc01"
"""Demo pipeline: from the demo source to the draining demo destination."""
DEMO_PIPELINE_NAME: Final = "orders-to-snowflake"
"""Name of the demo pipeline."""
DEMO_STALLED_PIPELINE: Final = "67ad6e0af08a2365c729bc02"
"""Demo pipeline whose source has stalled, while its lag stays 0."""
DEMO_STALLED_PIPELINE_NAME: Final = "orders-stalled"
"""Name of the demo pipeline whose source has stalled."""
