# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The ways of waiting that are judged: configurations of the sensor, and two that it does not offer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from airflow_provider_streamkap.course import Course
from airflow_provider_streamkap.evidence import Evidence
from airflow_provider_streamkap.gate import DestinationGate, Reading
from airflow_provider_streamkap.wait import DestinationWait, WaitPlan


class _AnyEvidence(Evidence):
    """Takes every look that passes for a confirmation, as a wait without times does."""

    def look(self, got: Reading, gate: DestinationGate) -> None:
        """See nothing."""

    def count(self, got: Reading) -> str | None:
        """Count the look, whatever point it shows."""
        self.points += 1
        return None


@dataclass(frozen=True, slots=True)
class Way:
    """One way of waiting.

    :param name: what the tables call it.
    :param after: ``observed_after`` is set to the moment in question.
    :param condition: further arguments of the gate.
    :param plan: further arguments of the plan.
    :param forgets: nothing remembers one poke until the next (reschedule mode below Airflow 3.3).
    :param margin: seconds by which ``observed_after`` is later than the moment.
    :param rule: the gate's own; or less than that, to see what the rest of it is good for: a point counts from one
        minute after the moment on ("grain"), or from the moment on ("naive"), and can be confirmed by itself.
    :param promises: it never opens early, as long as the fault is one that is borne.
    """

    name: str
    after: bool = False
    condition: dict[str, Any] = field(default_factory=dict)
    plan: dict[str, Any] = field(default_factory=dict)
    forgets: bool = False
    margin: float = 0.0
    rule: Literal["own", "grain", "naive"] = "own"
    promises: bool = False

    @property
    def limit(self) -> float:
        """Records that may be left."""
        return float(self.condition.get("max_records_lag", 0))

    def gate(self, moment: datetime) -> DestinationGate:
        """Make the gate.

        :param moment: what was in Kafka by then is waited for.
        """
        if not self.after:
            return DestinationGate(**self.condition)
        # The gate adds a minute to what it is given.
        earlier = timedelta(minutes=1) if self.rule == "naive" else timedelta()
        return DestinationGate(observed_after=moment + timedelta(seconds=self.margin) - earlier, **self.condition)

    def wait(self, plan: WaitPlan) -> DestinationWait:
        """Begin a wait.

        :param plan: what is waited for.
        """
        wait = DestinationWait(plan)
        if self.rule != "own":
            wait.courses = {id_: Course(id_, evidence=_AnyEvidence()) for id_ in plan.destination_ids}
        return wait


DEFAULT = Way("the default")
OBSERVED = Way("observed_after", after=True, promises=True)
LATER = Way("observed_after 5 minutes later", after=True, margin=300.0, promises=True)
GRAIN = Way("observed_after, but one point is enough", after=True, rule="grain")
NAIVE = Way("naive: stamp >= observed_after, and one point is enough", after=True, rule="naive")

WAYS = (
    DEFAULT,
    Way("confirmations=1", plan={"confirmations": 1}),
    Way("confirmations=3", plan={"confirmations": 3}),
    Way("confirm_interval=10", plan={"confirm_interval": 10}),
    Way("confirm_interval=30", plan={"confirm_interval": 30}),
    Way("max_records_lag=100", condition={"max_records_lag": 100}),
    Way("connector_status=None", condition={"connector_status": None}),
    Way("max_reading_age=300", condition={"max_reading_age": 300}),
    OBSERVED,
    Way("observed_after, confirmations=3", True, plan={"confirmations": 3}, promises=True),
    Way("observed_after, max_records_lag=100", True, {"max_records_lag": 100}, promises=True),
    Way("observed_after, max_reading_age=900", True, {"max_reading_age": 900}, promises=True),
    Way("observed_after, max_reading_age=300", True, {"max_reading_age": 300}, promises=True),
    Way("observed_after, poke_interval=300", True, plan={"poke_interval": 300}, promises=True),
    Way("observed_after, reschedule without memory", True, forgets=True, promises=True),
    LATER,
    GRAIN,
    NAIVE,
)
