# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The state machine of a wait: takes the results of each round of polls and returns the next step.

The caller (a poke or a trigger) polls every resource once, passes in the results and the time, and follows the
returned step: succeed, fail, or poll again. All modes share this state machine, so all of them end the same way. Pure:
no clock, no network, no Airflow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from airflow_provider_streamkap.gate.conditions import FALLBACK_POLLS, FALLBACK_SECONDS
from airflow_provider_streamkap.gate.reading import duration, utc_text
from airflow_provider_streamkap.gate.spec import WaitSpec, raise_version_mismatch
from airflow_provider_streamkap.gate.state import FailureKind, PollResultOrError, ResourceState
from airflow_provider_streamkap.gate.target import PollTarget

# Only pipelines need the module below.
if TYPE_CHECKING:
    from airflow_provider_streamkap.gate.pipeline import PipelinePoll, PipelineState

PollRound: TypeAlias = "Mapping[str, PollResultOrError | PipelinePoll]"

# Maximum number of resources in a log line, and of error messages in an exception.
_MAX_NAMED = 10
_MAX_ERRORS = 3
# Log every tenth of consecutive polls that change nothing.
_LOG_UNCHANGED_EVERY = 10

# Ignore clock differences below this many seconds: the Date header has whole seconds, and takes time to arrive.
_CLOCK_TOLERANCE = 5.0


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The gate is open.

    :param passed: the resources that passed, in the order of the spec.
    """

    passed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PollAgain:
    """Poll again.

    :param after: seconds until the next round.
    :param confirming: the last round passed, and the next one confirms it.
    :param failing: at least one resource could not be read in the last round.
    """

    after: float
    confirming: bool = False
    failing: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """The wait failed.

    :param kind: the kind of failure, which determines the exception.
    :param message: what happened, for the log and the exception.
    """

    kind: FailureKind
    message: str


NextStep = Succeeded | PollAgain | Failed


@dataclass(slots=True)
class ResourceWait:
    """The state of one wait.

    :param spec: the arguments of the wait; its times are those of this machine's clock.
    :param polls: number of rounds so far.
    :param passing: whether the last round passed and is to be confirmed.
    :param polled_at: epoch seconds of the last round.
    :param clock_lead: seconds by which the API's clock is ahead of the clock of the machine where the wait began.
    :param restored: whether the wait began in another process.
    :ivar warnings: warnings from the last round.
    """

    spec: WaitSpec
    polls: int = 0
    passing: bool = False
    polled_at: float | None = None
    clock_lead: float | None = None
    restored: bool = False
    resources: dict[str, ResourceState | PipelineState] = field(init=False)
    warnings: list[str] = field(default_factory=list, init=False)
    _clocks_compared: bool = field(default=False, init=False)
    _gap: tuple[float, float] | None = field(default=None, init=False)
    _logged: tuple[object, ...] = field(default=(), init=False)
    _unchanged_polls: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.resources = {id_: _state(id_, self.spec, {}) for id_ in self.spec.resource_ids}

    @classmethod
    def from_dict(cls, spec: WaitSpec, state: Mapping[str, Any]) -> ResourceWait:
        """Restore a wait from another process.

        :param spec: the arguments of the wait.
        :param state: what :meth:`to_dict` returned, possibly in another version of this package; may be empty.
        :raises VersionMismatchError: the state cannot be parsed.
        """
        with raise_version_mismatch():
            wait = cls(
                spec,
                state.get("polls", 0),
                state.get("passing", False),
                state.get("polled_at"),
                state.get("clock_lead"),
                restored=True,
            )
            for id_, resource_state in state.get("resources", {}).items():
                if id_ in wait.resources:
                    wait.resources[id_] = _state(id_, spec, resource_state)
            return wait

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain JSON."""
        states = {id_: resource.to_dict() for id_, resource in self.resources.items()}
        resources = {id_: state for id_, state in states.items() if state}
        return {
            "polls": self.polls,
            "passing": self.passing,
            "polled_at": self.polled_at,
            "clock_lead": self.clock_lead,
            "resources": resources,
        }

    def replace_resources(self, names: Mapping[str, str]) -> None:
        """Wait for other resources with the same names, before the first round.

        :param names: the names by id.
        """
        self.spec = replace(self.spec, resource_ids=tuple(names), names=names)
        self.resources = {id_: _state(id_, self.spec, {}) for id_ in self.spec.resource_ids}

    def targets(self) -> list[PollTarget]:
        """Return what to poll in the next round."""
        return [target for resource in self.resources.values() for target in resource.targets(self.spec)]

    def round_of(self, results: Sequence[Any]) -> PollRound:
        """Return the results of a round by resource.

        :param results: what the polls returned, in the order of :meth:`targets`; ``None``: not polled.
        """
        if self.spec.source_gate is None:
            polled = zip(self.resources, results, strict=True)
            return {id_: result for id_, result in polled if result is not None}
        from airflow_provider_streamkap.gate.pipeline import PipelinePoll

        pairs = zip(results[::2], results[1::2], strict=True)
        return {id_: PipelinePoll(*pair) for id_, pair in zip(self.resources, pairs, strict=True) if None not in pair}

    def advance(self, round_: PollRound, now: float) -> NextStep:
        """Add one round of polls and return the next step.

        :param round_: what each poll returned, by resource; without the resources for which there was no time.
        :param now: epoch seconds.
        """
        self.warnings.clear()
        self._adjust_to_clock(round_, now)
        self._record_gap(now)
        self.polled_at = now
        spec = self.spec
        self.polls += 1
        self.passing = False
        passed, passing, failing = [], 0, False
        for id_, resource in self.resources.items():
            if id_ not in round_:
                resource.reason, failing = "not read yet", True
                continue
            # Each kind of resource has its own kind of result.
            resource.add_poll(round_[id_], spec, now)  # type: ignore[arg-type]
            passing += resource.passes
            failing = failing or resource.failures > 0
            if resource.confirmed(spec.confirmations, now):
                passed.append(id_)
        self._warn_of_fallback()
        for resource in self.resources.values():
            self.warnings += resource.advice()
        needed = len(self.resources) if spec.require == "all" else 1
        if len(passed) >= needed:
            return Succeeded(tuple(passed))
        if (end := self._failure()) is not None:
            return end
        if passing >= needed and not self._overdue(now):
            # Confirmations that began before the deadline may finish. Otherwise a sensor whose timeout is shorter than
            # confirm_interval could never succeed.
            self.passing = True
            return PollAgain(self._confirm_delay(), confirming=True)
        after = min(resource.next_poll(spec) for resource in self.resources.values())
        if spec.deadline is None:
            return PollAgain(after, failing=failing)
        if now >= spec.deadline:
            return Failed(FailureKind.DEADLINE, self.timeout_message(now))
        return PollAgain(min(after, spec.deadline - now), failing=failing)

    def _confirm_delay(self) -> float:
        if any(resource.passes and resource.evidence.fallback for resource in self.resources.values()):
            return FALLBACK_SECONDS / (FALLBACK_POLLS - 1)
        return self.spec.confirm_delay

    def _adjust_to_clock(self, round_: PollRound, now: float) -> None:
        """Shift the times of the wait if the clock of this machine differs from the one where the wait began.

        Both machines compare their clocks with the ``Date`` header of API responses. Without that header, a start in
        the future reveals at least part of the difference.
        """
        leads = (getattr(polled, "clock_lead", None) for polled in round_.values())
        lead = next((lead for lead in leads if lead is not None), None)
        if not self.restored:
            self.clock_lead = lead if self.clock_lead is None else self.clock_lead
            return
        if self._clocks_compared:
            return
        if lead is not None and self.clock_lead is not None:
            skew = self.clock_lead - lead
        elif self.spec.started is not None and now < self.spec.started:
            skew = now - self.spec.started
        else:
            return
        # Compare only once: servers behind a load balancer may have different clocks.
        self._clocks_compared = True
        if abs(skew) < _CLOCK_TOLERANCE:
            return
        started, deadline = (None if at is None else at + skew for at in (self.spec.started, self.spec.deadline))
        self.spec = replace(self.spec, started=started, deadline=deadline)
        # Discard state with timestamps of the other clock.
        self.resources = {id_: _state(id_, self.spec, {}) for id_ in self.spec.resource_ids}
        self.polled_at = None
        self.warnings.append(
            f"The clock of this machine is {duration(round(abs(skew)))} {'ahead of' if skew > 0 else 'behind'} the "
            "clock of the machine where the wait began: synchronize them (NTP). The deadline was adjusted."
        )

    def _record_gap(self, now: float) -> None:
        gap = 0.0 if self.polled_at is None else now - self.polled_at
        if self.polled_at is not None and gap > self.spec.max_poll_gap and gap > 3 * self._confirm_delay():
            self._gap = (self.polled_at, now)

    def _warn_of_fallback(self) -> None:
        if labels := [self.spec.label(id_) for id_, resource in self.resources.items() if resource.just_fell_back]:
            self.warnings.append(
                f"The timeseries of {_join(labels)} had no lag points in {FALLBACK_POLLS} polls: the latest lag is "
                f"used, which has no timestamp and is confirmed over at least {duration(FALLBACK_SECONDS)}. Set "
                "lag_source='timeseries' to wait for timestamped lag instead, or lag_source='latest' to skip this "
                "check."
            )

    def _overdue(self, now: float) -> bool:
        # Confirmations by poll take a bounded time, but the next point may never arrive.
        spec = self.spec
        return (
            spec.gate.needs_timestamps and spec.deadline is not None and now >= spec.deadline + spec.max_confirm_seconds
        )

    def _failure(self) -> Failed | None:
        ends = [resource.failure for resource in self.resources.values() if resource.failure is not None]
        # "all" fails with the first failed resource, "any" when every resource has failed.
        if not ends or (self.spec.require == "any" and len(ends) < len(self.resources)):
            return None
        first = next(kind for kind in FailureKind if any(end[0] is kind for end in ends))
        return Failed(first, _join([message for kind, message in ends if kind is first], _MAX_ERRORS))

    def snapshots(self, round_: PollRound) -> dict[str, Any]:
        """Return the snapshots of the resources that could be read, as plain JSON.

        :param round_: what each poll returned, by resource.
        """
        snapshots = {
            # Each kind of resource has its own kind of result.
            id_: resource.snapshot(round_[id_], self.spec)  # type: ignore[arg-type]
            for id_, resource in self.resources.items()
            if id_ in round_
        }
        return {id_: snapshot for id_, snapshot in snapshots.items() if snapshot is not None}

    def timeout_message(self, now: float) -> str:
        """Return the message of a timeout: the elapsed time, gaps between polls, and the last readings.

        :param now: epoch seconds.
        """
        polls = "1 poll" if self.polls == 1 else f"{self.polls} polls"
        self._record_gap(now)
        gap = ""
        if self._gap is not None:
            since, until = map(utc_text, self._gap)
            gap = f" Not polled between {since} and {until}: no triggerer or worker was running the wait."
        age = 0 if self.polled_at is None else round(now - self.polled_at)
        last_reading = f"Last reading ({duration(age)} ago)" if age > 1 else "Last reading"
        return (
            f"Timed out waiting for {self._resource_text()}. {self._elapsed(now)}, {polls}.{gap} "
            f"{last_reading}: {self._summary()}"
        )

    def progress(self, step: NextStep, now: float) -> str | None:
        """Return the log line for the last round.

        :param step: the step that the last round returned.
        :param now: epoch seconds.
        :returns: the line; ``None`` if nothing changed since the last line, except in every tenth poll.
        """
        current = tuple((state.last_reading, state.confirmations, state.reason) for state in self.resources.values())
        unchanged = isinstance(step, PollAgain) and current == self._logged
        self._unchanged_polls = self._unchanged_polls + 1 if unchanged else 0
        if unchanged and self._unchanged_polls % _LOG_UNCHANGED_EVERY:
            return None
        self._logged = current
        still = f"unchanged for {self._unchanged_polls} polls: " if unchanged else ""
        next_poll = f"; next poll in {duration(step.after)}" if isinstance(step, PollAgain) else ""
        return f"Poll {self.polls}: {still}{self._summary()}. {self._step_text(step)}{self._elapsed(now)}{next_poll}."

    def _step_text(self, step: NextStep) -> str:
        if isinstance(step, Failed):
            return f"The wait failed ({step.kind.value.replace('_', ' ')}). "
        if isinstance(step, Succeeded):
            return "The gate is open. "
        if step.confirming:
            needed = self.spec.confirmations
            counts = [(state.confirmations, state.evidence.required(needed)) for state in self.resources.values()]
            choose = max if self.spec.require == "all" else min
            confirmed, total = choose(counts, key=lambda count: count[1] - count[0])
            return f"Confirmed {confirmed} of {total} times. "
        return ""

    def _summary(self) -> str:
        resources = list(self.resources.values())
        waiting = [resource for resource in resources if resource.reason]
        if not any(resource.last_reading for resource in resources):
            return "none"
        if len(resources) == 1:
            return (
                resources[0].not_ready_text()
                if waiting
                else f"{resources[0].label} ready ({resources[0].last_reading})"
            )
        ready = f"{len(resources) - len(waiting)} of {len(resources)} ready"
        if not waiting:
            return ready
        # The readings and errors of all resources would make a line of thousands of characters.
        error = next((f"; last error: {resource.last_reading}" for resource in waiting if resource.failures), "")
        return f"{ready}; not ready: {_join([f'{resource.label}: {resource.reason}' for resource in waiting])}{error}"

    def _resource_text(self) -> str:
        ids = self.spec.resource_ids
        return self.spec.label(ids[0]) if len(ids) == 1 else f"{len(ids)} {self.spec.kind.name}s"

    def _elapsed(self, now: float) -> str:
        spec = self.spec
        if spec.started is None:
            return "Elapsed time tracked by Airflow"
        timeout = "" if spec.deadline is None else f" of {duration(round(spec.deadline - spec.started))}"
        return f"Elapsed {duration(max(round(now - spec.started), 0))}{timeout}"


def _join(texts: Sequence[str], limit: int = _MAX_NAMED) -> str:
    more = f"; and {len(texts) - limit} more" if len(texts) > limit else ""
    return "; ".join(texts[:limit]) + more


def _state(id_: str, spec: WaitSpec, state: Mapping[str, Any]) -> ResourceState | PipelineState:
    if spec.source_gate is None:
        return ResourceState.from_dict(id_, spec, state)
    from airflow_provider_streamkap.gate.pipeline import PipelineState

    return PipelineState.from_dict(id_, spec, state)
