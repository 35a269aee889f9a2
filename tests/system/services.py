# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The simulators that the DAGs of the system tests use, and the connections to them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from airflow_provider_streamkap.testing.demo import add_demo
from tests.system.cases import CASES, LAGGING, MODES, READY, task_id

APP = "https://app.example.com/destinations/"
_WRONG_SECRET = "wr0ng-s3cret-of-the-tests"
_PROXY_PASSWORD = "pr0xy-passw0rd-of-the-tests"
# The example on many destinations lists all of them, one of which cannot be read.
UNREADABLE = scenarios.DEMO_PAUSED

# An integer that Airflow 3 cannot send, and a float that PostgreSQL turns into one.
HUGE = 2**70
HUGE_FLOAT = 1e21


@dataclass(frozen=True)
class Services:
    """Two simulators.

    :param examples: the demo set, for the example DAGs.
    :param tests: everything else.
    """

    examples: StreamkapSimulator = field(default_factory=StreamkapSimulator)
    tests: StreamkapSimulator = field(default_factory=StreamkapSimulator)

    def prepare(self) -> None:
        """Add the destinations and their faults."""
        add_demo(self.examples)
        self.examples.inject(Fault.status(404), path=f"/destinations/{UNREADABLE}/metrics", times=None)
        for name, case in CASES.items():
            for mode in MODES:
                id_ = task_id(name, mode)
                if case.exists:
                    self.tests.add(id_, scenarios.sequence(case.readings))
                if case.status:
                    self.tests.inject(
                        Fault.status(case.status), path=f"/destinations/{id_}/metrics", times=case.failing
                    )
        self.tests.add("ready", scenarios.steady())
        self.tests.add("stalled", scenarios.stalled(lag=LAGGING))
        self.tests.add("paused", scenarios.paused())
        for id_ in ("drains", "drains_too", "drains_with_project_key", "drains_for_keys", "drains_for_each"):
            self.tests.add(id_, scenarios.sequence([LAGGING, LAGGING, READY]))
        self.tests.add("breaks", scenarios.sequence([LAGGING, {"recordsLag": LAGGING, "connector_status": "Broken"}]))
        # The first request succeeds; these reach the trigger, which must tolerate them.
        self.tests.inject(Fault.status(503), path="/destinations/drains/metrics", times=2, after=1)
        self.tests.add("huge", scenarios.steady())
        odd: dict[str, Any] = {"connector_status": "Active", "nobodyAsked": [HUGE, HUGE_FLOAT]}
        path = "/destinations/huge/metrics"
        self.tests.inject(Fault.json({"data": {**odd, "recordsLag": HUGE}}), path=path, times=3)
        self.tests.inject(Fault.json({"data": {**odd, "recordsLag": 0}}), path=path, times=None)
        for number in range(5):
            self.tests.add(f"silent_{number}", scenarios.steady())
            self.tests.inject(Fault.hang(), path=f"/destinations/silent_{number}/metrics")
        for number in range(40):
            self.tests.add(f"listed_{number}", scenarios.steady())
        # The thread that receives this one fetches a new token.
        self.tests.inject(Fault.status(401), path="/destinations/listed_7/metrics")
        self.tests.add("tried_twice", scenarios.stalled(lag=LAGGING))
        # The third poll ends the first try.
        self.tests.inject(Fault.status(500), path="/destinations/tried_twice/metrics", after=2)
        # The test lets this one drain when it is done.
        self.tests.add("held", scenarios.stalled(lag=LAGGING))
        # The tests control this one.
        self.tests.add("tides", scenarios.stalled(lag=LAGGING))
        for id_ in ("late", "stalls", "unwanted"):
            self.tests.add(id_, scenarios.stalled(lag=LAGGING, status="Paused" if id_ == "unwanted" else "Active"))

    @property
    def connections(self) -> Mapping[str, str]:
        """Connections as JSON, by connection id."""
        tests = self.tests
        # One attempt per poll: the cases count polls.
        once: dict[str, Any] = {"max_attempts": 1, "app_url_template": APP + "{destination_id}"}
        proxy = f"http://somebody:{_PROXY_PASSWORD}@127.0.0.1:9"
        refused = json.loads(tests.airflow_connection(**once)) | {"password": _WRONG_SECRET}
        return {
            "streamkap_default": self.examples.airflow_connection(),
            "streamkap_tests": tests.airflow_connection(**once),
            "streamkap_project_key": tests.airflow_connection(use_project_key=True, **once),
            "streamkap_refused": json.dumps(refused),
            # There is no such proxy; the simulator uses http.
            "streamkap_proxied": tests.airflow_connection(**once, proxies={"http": proxy}),
        }

    @property
    def secrets(self) -> frozenset[str]:
        """Everything that must not be exposed."""
        return frozenset((*self.examples.secrets, *self.tests.secrets, _WRONG_SECRET, _PROXY_PASSWORD))
