# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Sensor configurations under test, and two weaker decision rules for comparison."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from airflow_provider_streamkap.api.query import GRAIN_SECONDS
from airflow_provider_streamkap.gate.conditions import Answer, DestinationGate
from airflow_provider_streamkap.gate.history import LagEvidence, LagHistory
from airflow_provider_streamkap.gate.reading import Reading
from airflow_provider_streamkap.gate.spec import WaitSpec
from airflow_provider_streamkap.gate.state import ResourceState
from airflow_provider_streamkap.gate.wait import ResourceWait


class _SinglePoint(LagHistory):
    """Accept a single point whose timestamp is at least one minute after ``observed_after``."""

    def add(self, reading: Reading) -> LagEvidence:
        """Judge the newest point of a poll alone, without other polls or the latest lag."""
        newest = reading.newest_point
        assert self.measured_after is not None
        if newest is None:
            return LagEvidence("timeseries", (), "the timeseries has no lag points", Answer.UNKNOWN)
        if self.gate.exceeds(newest.lag):
            return LagEvidence("timeseries", (), self.gate.lag_text(newest.lag), Answer.UNKNOWN)
        if newest.at < self.measured_after + GRAIN_SECONDS:
            return LagEvidence(
                "timeseries", (), "the newest lag point must be from a minute after the moment or later", Answer.UNKNOWN
            )
        return LagEvidence("timeseries", (newest, newest))


@dataclass(frozen=True, slots=True)
class Configuration:
    """One way to configure a wait.

    :param name: the name in the tables.
    :param after: set ``observed_after`` to the reference time. Otherwise the reference time is the start of the wait.
    :param condition: additional :class:`DestinationGate` arguments.
    :param spec: additional :class:`WaitSpec` arguments.
    :param stateless: discard the state between two pokes (reschedule mode below Airflow 3.3).
    :param margin: seconds to add to ``observed_after``.
    :param rule: "gate" is the real decision rule. The weaker rules accept a single point: "grain" one minute after the
        reference time or later, "naive" at the reference time or later.
    :param guaranteed: must never open early under a covered fault.
    """

    name: str
    after: bool = False
    condition: dict[str, Any] = field(default_factory=dict)
    spec: dict[str, Any] = field(default_factory=dict)
    stateless: bool = False
    margin: float = 0.0
    rule: Literal["gate", "grain", "naive"] = "gate"
    guaranteed: bool = False

    @property
    def limit(self) -> float:
        """Number of records that may be pending when the gate opens."""
        return float(self.condition.get("max_records_lag", 0))

    def gate(self, moment: datetime) -> DestinationGate:
        """Create the gate.

        :param moment: reference time.
        """
        if not self.after:
            return DestinationGate(**self.condition)
        # The gate adds one minute to ``observed_after``.
        earlier = timedelta(minutes=1) if self.rule == "naive" else timedelta()
        return DestinationGate(observed_after=moment + timedelta(seconds=self.margin) - earlier, **self.condition)

    def start_wait(self, spec: WaitSpec) -> ResourceWait:
        """Start a wait.

        :param spec: the wait.
        """
        wait = ResourceWait(spec)
        if self.rule != "gate":
            for state in wait.resources.values():
                assert isinstance(state, ResourceState)
                state.history = _SinglePoint(spec.gate, spec.measured_after)
        return wait


# Set to False to test a gate without ``lag_source``; all three sources are then the latest metrics.
LAG_SOURCE = True


def _source(name: str, **condition: Any) -> dict[str, Any]:
    return {**({"lag_source": name} if LAG_SOURCE else {}), **condition}


DEFAULT = Configuration("default", condition=_source("auto"), guaranteed=LAG_SOURCE)
DEFAULT_3 = Configuration(
    "confirmations=3", condition=_source("auto"), spec={"confirmations": 3}, guaranteed=LAG_SOURCE
)
LATEST = Configuration('lag_source="latest"', condition=_source("latest"))
OBSERVED = Configuration("observed_after", after=True, guaranteed=True)
OBSERVED_3 = Configuration("observed_after, confirmations=3", True, spec={"confirmations": 3}, guaranteed=True)
LATER = Configuration("observed_after 5 minutes later", after=True, margin=300.0, guaranteed=True)
GRAIN = Configuration("observed_after, single point", after=True, rule="grain")
NAIVE = Configuration("naive: timestamp >= observed_after, single point", after=True, rule="naive")

CONFIGURATIONS = (
    DEFAULT,
    DEFAULT_3,
    Configuration("max_records_lag=100", condition=_source("auto", max_records_lag=100), guaranteed=LAG_SOURCE),
    Configuration("max_reading_age=300", condition=_source("auto", max_reading_age=300), guaranteed=LAG_SOURCE),
    Configuration("poke_interval=300", condition=_source("auto"), spec={"poke_interval": 300}, guaranteed=LAG_SOURCE),
    Configuration("reschedule, stateless", condition=_source("auto"), stateless=True, guaranteed=LAG_SOURCE),
    Configuration('lag_source="timeseries"', condition=_source("timeseries"), guaranteed=LAG_SOURCE),
    LATEST,
    Configuration('lag_source="latest", confirmations=1', condition=_source("latest"), spec={"confirmations": 1}),
    Configuration('lag_source="latest", confirmations=3', condition=_source("latest"), spec={"confirmations": 3}),
    Configuration(
        'lag_source="latest", confirm_interval=10', condition=_source("latest"), spec={"confirm_interval": 10}
    ),
    Configuration(
        'lag_source="latest", confirm_interval=30', condition=_source("latest"), spec={"confirm_interval": 30}
    ),
    Configuration('lag_source="latest", max_records_lag=100', condition=_source("latest", max_records_lag=100)),
    Configuration('lag_source="latest", connector_status=None', condition=_source("latest", connector_status=None)),
    OBSERVED,
    OBSERVED_3,
    Configuration("observed_after, max_records_lag=100", True, {"max_records_lag": 100}, guaranteed=True),
    Configuration("observed_after, max_reading_age=900", True, {"max_reading_age": 900}, guaranteed=True),
    Configuration("observed_after, max_reading_age=300", True, {"max_reading_age": 300}, guaranteed=True),
    Configuration("observed_after, poke_interval=300", True, spec={"poke_interval": 300}, guaranteed=True),
    Configuration("observed_after, reschedule, stateless", True, stateless=True, guaranteed=True),
    LATER,
    GRAIN,
    NAIVE,
)
