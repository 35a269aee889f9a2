# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""One wait: what each round of polls means for it, and what comes next.

Pure like the gate below it: whoever keeps the clock (a poke, a trigger) polls every destination once, hands
in what came back and the time, and does as it is told: stop, give up, or poll again so many seconds later.
All modes obey the same object, so they cannot come to different ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from airflow_provider_streamkap.gate.conditions import FALLBACK_POLLS, FALLBACK_SECONDS
from airflow_provider_streamkap.gate.reading import number, utc_text
from airflow_provider_streamkap.gate.spec import WaitSpec, of_another_version
from airflow_provider_streamkap.gate.state import FailureKind, PollOutcome, ResourceState
from airflow_provider_streamkap.gate.target import PollResult

Round = Mapping[str, PollOutcome]

# Destinations that a line names, those whose whole error a message holds, and unchanged polls that pass without a line.
_NAMED = 10
_IN_FULL = 3
_QUIET = 10

# Clocks this many seconds apart are wrong; the header that shows it has whole seconds, and takes a while to arrive.
_CLOCK_TOLERANCE = 5.0


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The gate is open: the wait is over.

    :param passed: the destinations that passed, in the order asked.
    """

    passed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PollAgain:
    """Poll again.

    :param after: seconds until the next round.
    :param confirming: the last round passed, and wants to be confirmed.
    :param failing: the last round could not be read in full.
    """

    after: float
    confirming: bool = False
    failing: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """The wait is over, without success.

    :param why: the kind of end, which decides the exception.
    :param message: what happened, for a person.
    """

    why: FailureKind
    message: str


NextStep = Succeeded | PollAgain | Failed


@dataclass(slots=True)
class ResourceWait:
    """One wait, from its first round to its end.

    :param plan: what is waited for, and for how long; its times are those of this machine's clock.
    :param polls: rounds that were made so far.
    :param passing: the last round passed and wants to be confirmed.
    :param polled_at: epoch seconds of the last round.
    :param clock_lead: seconds by which the API's clock is ahead of the clock on which the wait began.
    :param moved: the wait began in another process.
    :ivar warnings: what the last round gives reason to warn of.
    """

    spec: WaitSpec
    polls: int = 0
    passing: bool = False
    polled_at: float | None = None
    clock_lead: float | None = None
    moved: bool = False
    resources: dict[str, ResourceState] = field(init=False)
    warnings: list[str] = field(default_factory=list, init=False)
    _compared: bool = field(default=False, init=False)
    _gap: tuple[float, float] | None = field(default=None, init=False)
    _told: tuple[object, ...] = field(default=(), init=False)
    _untold: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.resources = {id_: ResourceState.from_dict(id_, self.spec, {}) for id_ in self.spec.destination_ids}

    @classmethod
    def from_dict(cls, spec: WaitSpec, state: Mapping[str, Any]) -> ResourceWait:
        """Carry on where another process stopped.

        :param plan: what is waited for.
        :param memory: what :meth:`to_dict` returned there, perhaps in another version of this package; may be empty.
        :raises VersionMismatchError: the memory cannot be understood.
        """
        with of_another_version():
            wait = cls(
                spec,
                state.get("polls", 0),
                state.get("passing", False),
                state.get("polled_at"),
                state.get("clock_lead"),
                moved=True,
            )
            for id_, known in state.get("resources", {}).items():
                if id_ in wait.resources:
                    wait.resources[id_] = ResourceState.from_dict(id_, spec, known)
            return wait

    def to_dict(self) -> dict[str, Any]:
        """Give what another process needs to carry on, as plain JSON."""
        known = {id_: course.to_dict() for id_, course in self.resources.items()}
        resources = {id_: state for id_, state in known.items() if state}
        return {
            "polls": self.polls,
            "passing": self.passing,
            "polled_at": self.polled_at,
            "clock_lead": self.clock_lead,
            "resources": resources,
        }

    def advance(self, round_: Round, now: float) -> NextStep:
        """Take in one round of polls and say what comes next.

        :param round_: by destination what was seen, or the error that came instead.
        :param now: epoch seconds.
        """
        self.warnings.clear()
        self._agree_on_time(round_, now)
        self._note_gap(now)
        self.polled_at = now
        spec = self.spec
        self.polls += 1
        self.passing = False
        passed, passing, failing = [], 0, False
        for id_, course in self.resources.items():
            course.add_poll(round_[id_], spec, now)
            passing += course.passes
            failing = failing or course.failures > 0
            if course.confirmed(spec.confirmations, now):
                passed.append(id_)
        self._warn_of_fallback()
        needed = len(self.resources) if spec.require == "all" else 1
        if len(passed) >= needed:
            return Succeeded(tuple(passed))
        if (end := self._end()) is not None:
            return end
        if passing >= needed and not self._overdue(now):
            # A run of confirmations that began in time may end: cut off, a sensor whose timeout is below
            # confirm_interval could never succeed.
            self.passing = True
            return PollAgain(self._confirm_after(), confirming=True)
        if spec.deadline is None:
            return PollAgain(spec.poke_interval, failing=failing)
        if now >= spec.deadline:
            return Failed(FailureKind.DEADLINE, self.timed_out(now))
        return PollAgain(min(spec.poke_interval, spec.deadline - now), failing=failing)

    def _confirm_after(self) -> float:
        if any(course.passes and course.proof.fallback for course in self.resources.values()):
            return FALLBACK_SECONDS / (FALLBACK_POLLS - 1)
        return self.spec.confirm_after

    def _agree_on_time(self, round_: Round, now: float) -> None:
        """Keep the length of the wait where the clock of the machine on which it began differs from this one.

        Both machines compare their clocks with the API's, as its responses show it. Without that, a wait that seems to
        begin in the future shows at least a part of the difference.
        """
        leads = [seen.clock_lead for seen in round_.values() if isinstance(seen, PollResult)]
        lead = next((lead for lead in leads if lead is not None), None)
        if not self.moved:
            self.clock_lead = lead if self.clock_lead is None else self.clock_lead
            return
        if self._compared:
            return
        if lead is not None and self.clock_lead is not None:
            skew = self.clock_lead - lead
        elif self.spec.started is not None and now < self.spec.started:
            skew = now - self.spec.started
        else:
            return
        # Once: servers behind a load balancer may have different clocks.
        self._compared = True
        if abs(skew) < _CLOCK_TOLERANCE:
            return
        started, deadline = (None if at is None else at + skew for at in (self.spec.started, self.spec.deadline))
        self.spec = replace(self.spec, started=started, deadline=deadline)
        # What was read by the other clock would be misjudged by this one.
        self.resources = {id_: ResourceState.from_dict(id_, self.spec, {}) for id_ in self.spec.destination_ids}
        self.polled_at = None
        self.warnings.append(
            f"The clock of this machine is {number(round(abs(skew)))} s {'ahead of' if skew > 0 else 'behind'} the "
            "clock of the machine on which the wait began: synchronize them (NTP). The wait keeps its length."
        )

    def _note_gap(self, now: float) -> None:
        usual = max(self.spec.longest_gap, 3 * self._confirm_after())
        if self.polled_at is not None and now - self.polled_at > usual:
            self._gap = (self.polled_at, now)

    def _warn_of_fallback(self) -> None:
        if ids := [course.id for course in self.resources.values() if course.fell_back]:
            self.warnings.append(
                f"The timeseries of {_some(ids)} held no lag in {FALLBACK_POLLS} polls: falling back to the latest "
                f"lag, which carries no timestamp, confirmed over at least {number(FALLBACK_SECONDS)} s. Set "
                "lag_source='timeseries' to wait for timestamped lag instead, or lag_source='latest' to skip this "
                "check."
            )

    def _overdue(self, now: float) -> bool:
        # Looks end by themselves, but the point that is waited for may never come.
        spec = self.spec
        return spec.gate.timestamped and spec.deadline is not None and now >= spec.deadline + spec.confirm_seconds

    def _end(self) -> Failed | None:
        ends = [course.ended for course in self.resources.values() if course.ended is not None]
        # All are wanted: one that cannot come ends it. Any will do: only when none can come any more.
        if not ends or (self.spec.require == "any" and len(ends) < len(self.resources)):
            return None
        why = next(reason for reason in FailureKind if any(end[0] is reason for end in ends))
        return Failed(why, _some([message for reason, message in ends if reason is why], _IN_FULL))

    def snapshots(self, round_: Round) -> dict[str, Any]:
        """Return what was seen as plain JSON, by destination, without what could not be read.

        :param round_: by destination what was seen.
        """
        lag_matters = self.spec.gate.max_records_lag is not None
        return {
            id_: seen.as_dict() | ({"evidence": course.proof.as_dict()} if lag_matters and course.passes else {})
            for id_, course in self.resources.items()
            if isinstance(seen := round_[id_], PollResult)
        }

    def timed_out(self, now: float) -> str:
        """Say that the time is up, and what was still missing.

        :param now: epoch seconds.
        """
        polls = "1 poll" if self.polls == 1 else f"{self.polls} polls"
        self._note_gap(now)
        gap = ""
        if self._gap is not None:
            since, until = map(utc_text, self._gap)
            gap = f" Not polled between {since} and {until}: no triggerer (or worker) took it."
        age = 0 if self.polled_at is None else round(now - self.polled_at)
        last_seen = f"Last seen {number(age)} s ago" if age > 1 else "Last seen"
        return (
            f"The wait for {_names(self.spec.destination_ids)} has timed out: {self._elapsed(now)}, {polls}.{gap} "
            f"{last_seen}: {self._state()}"
        )

    def progress(self, step: NextStep, now: float) -> str | None:
        """Tell a person on call how the wait stands, in one line.

        :param step: what the last round came to.
        :param now: epoch seconds.
        :returns: the line; ``None`` where it would say what the last one said, but for once in ten polls.
        """
        seen = tuple((course.seen, course.confirmations, course.missing) for course in self.resources.values())
        unchanged = isinstance(step, PollAgain) and seen == self._told
        self._untold = self._untold + 1 if unchanged else 0
        if unchanged and self._untold % _QUIET:
            return None
        self._told = seen
        still = f"unchanged for {self._untold} polls, " if unchanged else ""
        stands = f"{self._standing(step)}{self._elapsed(now)}{_next(step)}"
        return f"Poll {self.polls}: {still}{self._state()}. {stands}."

    def _standing(self, step: NextStep) -> str:
        if isinstance(step, Failed):
            return f"Giving up ({step.why.value}); "
        if isinstance(step, Succeeded):
            return "The gate is open; "
        if step.confirming:
            counts = [course.confirmations for course in self.resources.values()]
            confirmed = min(counts) if self.spec.require == "all" else max(counts)
            return f"Confirmed {confirmed} of {self.spec.confirmations} times; "
        return ""

    def _state(self) -> str:
        resources = list(self.resources.values())
        waiting = [course for course in resources if course.missing]
        if not any(course.seen for course in resources):
            return "nothing"
        if len(resources) == 1:
            return resources[0].held_up() if waiting else f"{resources[0].id}: ready ({resources[0].seen})"
        ready = f"{len(resources) - len(waiting)} of {len(resources)} ready"
        if not waiting:
            return ready
        # What was seen of each would make a line of thousands of characters.
        failed = next((f"; last error: {course.seen}" for course in waiting if course.failures), "")
        return f"{ready}; held up by {_some([f'{course.id}: {course.missing}' for course in waiting])}{failed}"

    def _elapsed(self, now: float) -> str:
        spec = self.spec
        if spec.started is None:
            return "time kept by Airflow"
        allowed = "" if spec.deadline is None else f" of {number(round(spec.deadline - spec.started))}"
        return f"{number(max(round(now - spec.started), 0))}{allowed} s elapsed"


def result(destination_ids: Sequence[str], keyed: bool, by_id: Mapping[str, Any]) -> Any:
    """Give the snapshots the shape in which they were asked for.

    :param destination_ids: the destinations that are told of, in the order asked.
    :param many: they were given as a list.
    :param by_id: the snapshots, by destination.
    :returns: the one snapshot; or for a list a dict by id, without ``metadata``, which is the same in each.
    """
    if not keyed:
        return by_id[destination_ids[0]]
    return {id_: {key: value for key, value in by_id[id_].items() if key != "metadata"} for id_ in destination_ids}


def _next(step: NextStep) -> str:
    return f", next poll in {number(step.after)} s" if isinstance(step, PollAgain) else ""


def _some(texts: Sequence[str], named: int = _NAMED) -> str:
    more = f"; and {len(texts) - named} more" if len(texts) > named else ""
    return "; ".join(texts[:named]) + more


def _names(destination_ids: Sequence[str]) -> str:
    return destination_ids[0] if len(destination_ids) == 1 else f"{len(destination_ids)} destinations"
