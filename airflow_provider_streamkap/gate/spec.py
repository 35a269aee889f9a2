# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What a wait was asked to do: plain values that are checked once, and survive as JSON.

Pure, like the wait that follows it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, get_args

from airflow_provider_streamkap import __version__
from airflow_provider_streamkap.api.query import GRAIN_SECONDS
from airflow_provider_streamkap.gate.conditions import (
    FALLBACK_SECONDS,
    DestinationGate,
    check_confirmations,
    check_limit,
)

if TYPE_CHECKING:
    from airflow_provider_streamkap.gate.target import PollTarget

Require = Literal["all", "any"]

#: A poll under way at the deadline may end for this many seconds: it is the last one.
LAST_POLL_SECONDS = 30.0

#: Least seconds between two polls: without a limit a poll interval of 0 sends thousands of requests a second.
LEAST_POKE_INTERVAL = 0.01

# Points come once a minute; looking oftener tells sooner that one has come, and that the connector has stopped.
_RUN_SECONDS = 20.0

# Time in which nobody polled counts for nothing. A scheduler or triggerer can take this many seconds to run a poll.
_USUAL_DELAY = 30.0

# Below that a gate that promises to be right was wrong in the simulation of benchmarks/accuracy.
_LEAST_POINTS = 2


class VersionMismatchError(Exception):
    """A wait was serialized by another version of this package, in a form that this version cannot read."""


@contextmanager
def of_another_version() -> Iterator[None]:
    """Parse what another version of this package may have serialized.

    :raises VersionMismatchError: it could not be parsed; the message says why.
    """
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise VersionMismatchError(
            "Another version of airflow-provider-streamkap began this wait, and this version "
            f"({__version__}) cannot read it: {type(error).__name__}: {error}. Install the same version in workers and "
            "triggerers; a retry of the task then begins anew"
        ) from error


@dataclass(frozen=True, slots=True)
class FailurePolicy:
    """How much is borne of one destination before waiting for it is given up.

    :param max_poll_failures: consecutive failed polls that are borne, default 10; ``None``: any number.
    :param stall_after: seconds for which a lag above the limit may go without falling; ``None`` (default): for ever.
    :param status_grace: seconds for which a status may be neither wanted nor fatal, and a destination without
        metrics; ``None`` (default): for ever.
    :raises ValueError: an argument out of its range; the message names it.
    """

    max_poll_failures: int | None = 10
    stall_after: float | None = None
    status_grace: float | None = None

    def __post_init__(self) -> None:
        budget: Any = self.max_poll_failures
        if budget is not None and (isinstance(budget, bool) or not isinstance(budget, int) or budget < 0):
            raise ValueError(f"max_poll_failures must be an integer of at least 0, or None; got {budget!r}")
        check_limit("stall_after", self.stall_after)
        check_limit("status_grace", self.status_grace)

    @property
    def remembers(self) -> bool:
        """Whether it takes a memory that lasts from poll to poll to be this patient and no more."""
        return self.stall_after is not None or self.status_grace is not None


@dataclass(frozen=True, slots=True)
class WaitSpec:
    """What a wait was asked to do; it never changes while the wait lasts.

    :param destination_ids: the destinations.
    :param gate: the condition.
    :param patience: what is borne of each destination.
    :param require: ``"all"`` (default) must pass in the same rounds, or ``"any"`` one of them.
    :param poke_interval: seconds between two rounds.
    :param confirmations: consecutive good rounds that open the gate, default 2; where the gate asks when a lag was
        measured, consecutive good points of the timeseries.
    :param confirm_interval: seconds between those, default 60, since two looks in one minute can see one measurement;
        between looks for the next point at most 20.
    :param deadline: epoch seconds at which the wait ends; ``None``: somebody else keeps the time.
    :param started: epoch seconds at which the wait began, for progress.
    :raises ValueError: an argument out of its range; the message names it.
    """

    destination_ids: tuple[str, ...]
    gate: DestinationGate
    failure_policy: FailurePolicy = field(default_factory=FailurePolicy)
    require: Require = "all"
    poke_interval: float = 60.0
    confirmations: int = 2
    confirm_interval: float = 60.0
    deadline: float | None = None
    started: float | None = None

    def __post_init__(self) -> None:
        if not self.destination_ids:
            raise ValueError("destination_id is an empty list: name at least one destination")
        check_confirmations(self.confirmations)
        if self.gate.observed_after is not None and self.confirmations < _LEAST_POINTS:
            raise ValueError(
                f"confirmations must be at least {_LEAST_POINTS} with observed_after: a lag that is zero for some "
                "seconds after a restart makes one point"
            )
        check_limit("confirm_interval", self.confirm_interval, optional=False)
        check_poke_interval(self.poke_interval)
        _check_require(self.require)

    @property
    def measured_after(self) -> float | None:
        """Epoch seconds after which a lag must have been measured; ``None``: the first poll."""
        return self.started if self.gate.measured_after is None else self.gate.measured_after

    @property
    def longest_gap(self) -> float:
        """Most seconds between two readings that count as time in which the destination was watched."""
        return max(3 * self.poke_interval, _USUAL_DELAY)

    @property
    def confirm_seconds(self) -> float:
        """Seconds that confirmations take at most after the first good poll, with polls that take no time."""
        if not self.gate.timestamped:
            return (self.confirmations - 1) * self.confirm_interval
        points = float(self.confirmations * GRAIN_SECONDS)
        return max(points, FALLBACK_SECONDS) if self.gate.falls_back else points

    @property
    def confirm_after(self) -> float:
        """Seconds after which a good round is followed by the next."""
        return min(self.confirm_interval, _RUN_SECONDS) if self.gate.timestamped else self.confirm_interval

    def to_dict(self) -> dict[str, Any]:
        """Give the plan as plain JSON (for a trigger to carry)."""
        return {
            "destination_ids": list(self.destination_ids),
            "gate": self.gate.to_dict(),
            "failure_policy": asdict(self.failure_policy),
            "require": self.require,
            "poke_interval": self.poke_interval,
            "confirmations": self.confirmations,
            "confirm_interval": self.confirm_interval,
            "deadline": self.deadline,
            "started": self.started,
        }

    @classmethod
    def from_dict(cls, arguments: Mapping[str, Any]) -> WaitSpec:
        """Restore the plan that :meth:`to_dict` returned, perhaps in another version of this package.

        Keys that are missing get their default, and unknown ones are ignored (see :meth:`unknown`). An unknown
        condition of the gate is not ignored, since the gate could then open although it is not met.

        :param arguments: its plain JSON.
        :raises VersionMismatchError: the arguments cannot be understood; the message says why.
        """
        with of_another_version():
            made = {
                "destination_ids": tuple(arguments["destination_ids"]),
                "gate": _gate(json.dumps(arguments.get("gate", {}))),
                "failure_policy": _failure_policy(json.dumps(arguments.get("failure_policy", {}))),
            }
            return cls(**_known(cls, arguments) | made)

    @classmethod
    def unknown(cls, arguments: Mapping[str, Any]) -> list[str]:
        """Return the keys that :meth:`from_dict` ignores.

        :param arguments: plain JSON.
        """
        failure_policy = arguments.get("failure_policy", {})
        return [
            *(name for name in arguments if name not in cls.__dataclass_fields__),
            *(f"failure_policy.{name}" for name in failure_policy if name not in FailurePolicy.__dataclass_fields__),
        ]

    def target(self, destination_id: str) -> PollTarget:
        """Say how a destination has to be looked at.

        :param destination_id: one of the destinations.
        """
        # A plan is made wherever a DAG is parsed, which looks at nothing.
        from airflow_provider_streamkap.gate.target import PollTarget

        gate = self.gate
        return (
            PollTarget.timestamped(destination_id, gate.max_reading_age)
            if gate.timestamped
            else PollTarget(destination_id)
        )


# A triggerer makes the plans of thousands of waits, and most ask for the same.
@lru_cache(maxsize=128)
def _gate(arguments: str) -> DestinationGate:
    given = json.loads(arguments)
    # A condition of another version that is not set restricts nothing.
    unset = {name for name, value in given.items() if value is None} - DestinationGate.__dataclass_fields__.keys()
    return DestinationGate(**{name: value for name, value in given.items() if name not in unset})


@lru_cache(maxsize=128)
def _failure_policy(arguments: str) -> FailurePolicy:
    return FailurePolicy(**_known(FailurePolicy, json.loads(arguments)))


def _known(kind: type[Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if name in kind.__dataclass_fields__}


def check_poke_interval(seconds: float) -> None:
    """Refuse an interval between polls that is too short.

    :param seconds: the interval.
    :raises ValueError: it is below :data:`LEAST_POKE_INTERVAL`, or not a number.
    """
    if not seconds >= LEAST_POKE_INTERVAL:
        raise ValueError(f"poke_interval must be at least {LEAST_POKE_INTERVAL} s; got {seconds!r}")


def _check_require(require: object) -> None:
    if require not in get_args(Require):
        raise ValueError(f"require must be 'all' or 'any'; got {require!r}")
