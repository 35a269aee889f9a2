# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The ways of waiting that are compared: configurations of the sensor, and two weaker rules that it does not offer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from airflow_provider_streamkap.api.query import GRAIN_SECONDS
from airflow_provider_streamkap.gate.conditions import Answer, DestinationGate
from airflow_provider_streamkap.gate.history import LagHistory, LagProof
from airflow_provider_streamkap.gate.reading import Reading
from airflow_provider_streamkap.gate.spec import WaitSpec
from airflow_provider_streamkap.gate.wait import ResourceWait


class _OnePoint(LagHistory):
    """Takes the newest point at its word: it only has to lie a minute after the moment."""

    def add(self, reading: Reading) -> LagProof:
        """Accept the newest point of a poll, whatever other polls and the latest lag say."""
        newest = reading.newest
        assert self.after is not None
        if newest is None:
            return LagProof("timeseries", (), "the timeseries has no lag points", Answer.UNKNOWN)
        if self.gate.exceeds(newest.lag):
            return LagProof("timeseries", (), self.gate.lag_text(newest.lag), Answer.UNKNOWN)
        if newest.at < self.after + GRAIN_SECONDS:
            return LagProof(
                "timeseries", (), "the newest lag point must be from a minute after the moment or later", Answer.UNKNOWN
            )
        return LagProof("timeseries", (newest, newest))


@dataclass(frozen=True, slots=True)
class Way:
    """One way of waiting.

    :param name: the name in the tables.
    :param after: ``observed_after`` is set to the moment in question. Otherwise the wait is for what was in Kafka when
        it began.
    :param condition: further arguments of the gate.
    :param plan: further arguments of the plan.
    :param forgets: no state is kept between two pokes (reschedule mode below Airflow 3.3).
    :param margin: seconds by which ``observed_after`` is later than the moment.
    :param rule: the gate's own, or a weaker one for comparison: a point counts from one minute after the moment on
        ("grain"), or from the moment on ("naive"), and can confirm itself.
    :param promises: it never opens early under a fault that is covered.
    """

    name: str
    after: bool = False
    condition: dict[str, Any] = field(default_factory=dict)
    spec: dict[str, Any] = field(default_factory=dict)
    forgets: bool = False
    margin: float = 0.0
    rule: Literal["own", "grain", "naive"] = "own"
    promises: bool = False

    @property
    def limit(self) -> float:
        """Records that may be pending when the gate opens."""
        return float(self.condition.get("max_records_lag", 0))

    def gate(self, moment: datetime) -> DestinationGate:
        """Create the gate.

        :param moment: the wait is for what was in Kafka by then.
        """
        if not self.after:
            return DestinationGate(**self.condition)
        # The gate adds a minute to what it is given.
        earlier = timedelta(minutes=1) if self.rule == "naive" else timedelta()
        return DestinationGate(observed_after=moment + timedelta(seconds=self.margin) - earlier, **self.condition)

    def wait(self, spec: WaitSpec) -> ResourceWait:
        """Start a wait.

        :param plan: what to wait for.
        """
        wait = ResourceWait(spec)
        if self.rule != "own":
            for course in wait.resources.values():
                course.history = _OnePoint(spec.gate, spec.measured_after)
        return wait


# Whether the gate knows the argument ``lag_source``. Without it, all three sources are the latest metrics.
LAG_SOURCE = True


def _source(name: str, **condition: Any) -> dict[str, Any]:
    return {**({"lag_source": name} if LAG_SOURCE else {}), **condition}


DEFAULT = Way("the default", condition=_source("auto"), promises=LAG_SOURCE)
DEFAULT_3 = Way("confirmations=3", condition=_source("auto"), spec={"confirmations": 3}, promises=LAG_SOURCE)
LATEST = Way('lag_source="latest"', condition=_source("latest"))
OBSERVED = Way("observed_after", after=True, promises=True)
OBSERVED_3 = Way("observed_after, confirmations=3", True, spec={"confirmations": 3}, promises=True)
LATER = Way("observed_after 5 minutes later", after=True, margin=300.0, promises=True)
GRAIN = Way("observed_after, but one point is enough", after=True, rule="grain")
NAIVE = Way("naive: stamp >= observed_after, and one point is enough", after=True, rule="naive")

WAYS = (
    DEFAULT,
    DEFAULT_3,
    Way("max_records_lag=100", condition=_source("auto", max_records_lag=100), promises=LAG_SOURCE),
    Way("max_reading_age=300", condition=_source("auto", max_reading_age=300), promises=LAG_SOURCE),
    Way("poke_interval=300", condition=_source("auto"), spec={"poke_interval": 300}, promises=LAG_SOURCE),
    Way("reschedule without memory", condition=_source("auto"), forgets=True, promises=LAG_SOURCE),
    Way('lag_source="timeseries"', condition=_source("timeseries"), promises=LAG_SOURCE),
    LATEST,
    Way('lag_source="latest", confirmations=1', condition=_source("latest"), spec={"confirmations": 1}),
    Way('lag_source="latest", confirmations=3', condition=_source("latest"), spec={"confirmations": 3}),
    Way('lag_source="latest", confirm_interval=10', condition=_source("latest"), spec={"confirm_interval": 10}),
    Way('lag_source="latest", confirm_interval=30', condition=_source("latest"), spec={"confirm_interval": 30}),
    Way('lag_source="latest", max_records_lag=100', condition=_source("latest", max_records_lag=100)),
    Way('lag_source="latest", connector_status=None', condition=_source("latest", connector_status=None)),
    OBSERVED,
    OBSERVED_3,
    Way("observed_after, max_records_lag=100", True, {"max_records_lag": 100}, promises=True),
    Way("observed_after, max_reading_age=900", True, {"max_reading_age": 900}, promises=True),
    Way("observed_after, max_reading_age=300", True, {"max_reading_age": 300}, promises=True),
    Way("observed_after, poke_interval=300", True, spec={"poke_interval": 300}, promises=True),
    Way("observed_after, reschedule without memory", True, forgets=True, promises=True),
    LATER,
    GRAIN,
    NAIVE,
)
