# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Ids of the destinations, the source and the pipeline in the ``demo`` set, stable because DAGs refer to them."""

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
DEMO_SOURCE: Final = "67ad6e0af08a2365c729bb01"
"""Demo source: connected and streaming."""
DEMO_PIPELINE: Final = "67ad6e0af08a2365c729bc01"
"""Demo pipeline: from the demo source to the draining demo destination."""
