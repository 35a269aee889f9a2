# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The arguments of a wait: plain values, validated once, JSON-serializable.

Pure: no clock, no network, no Airflow.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, get_args

from airflow_provider_streamkap import __version__
from airflow_provider_streamkap.api.checks import check_integer
from airflow_provider_streamkap.api.query import DESTINATION, GRAIN_SECONDS, PIPELINE, ResourceKind
from airflow_provider_streamkap.gate.conditions import (
    FALLBACK_SECONDS,
    DestinationGate,
    SourceGate,
    check_limit,
)

if TYPE_CHECKING:
    from airflow_provider_streamkap.gate.pipeline import PipelineParts
    from airflow_provider_streamkap.gate.target import PollTarget

Require = Literal["all", "any"]

#: Seconds after the deadline within which a poll in progress may finish.
DEADLINE_GRACE = 30.0

#: Minimum seconds between two polls: a poll interval of 0 would send thousands of requests a second.
MIN_POKE_INTERVAL = 0.01

# The timeseries has one point a minute. Polling more often finds a new point, or a stopped connector, sooner.
_CONFIRM_POINTS_EVERY = 20.0

# Seconds that a scheduler or triggerer may take to start a poll.
_POLL_DELAY = 30.0

# With fewer points, benchmarks/accuracy shows gates that open too early.
_MIN_POINTS = 2


class VersionMismatchError(Exception):
    """A wait was serialized by another version of this package, in a format that this version cannot parse."""


@contextmanager
def raise_version_mismatch() -> Iterator[None]:
    """Convert errors from parsing a serialized wait.

    :raises VersionMismatchError: the wait could not be parsed; the message says why.
    """
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise VersionMismatchError(
            f"Cannot parse this wait with version {__version__} of airflow-provider-streamkap: "
            f"{type(error).__name__}: {error}; it was probably deferred by another version. Install the same version "
            "on workers and triggerers, then retry the task"
        ) from error


@dataclass(frozen=True, slots=True)
class FailurePolicy:
    """When to fail the wait for a resource before the deadline.

    :param max_poll_failures: maximum number of consecutive failed polls, default 10; ``None``: unlimited.
    :param stall_after: maximum seconds without a fall of a lag above the limit; ``None`` (default): unlimited.
    :param status_grace: maximum seconds with a status that is neither accepted nor fatal, or without metrics; ``None``
        (default): unlimited.
    :raises ValueError: an argument is out of range; the message names it.
    """

    max_poll_failures: int | None = 10
    stall_after: float | None = None
    status_grace: float | None = None

    def __post_init__(self) -> None:
        check_integer("max_poll_failures", self.max_poll_failures, 0, optional=True)
        check_limit("stall_after", self.stall_after)
        check_limit("status_grace", self.status_grace)

    @property
    def needs_state(self) -> bool:
        """Whether the policy depends on earlier polls."""
        return self.stall_after is not None or self.status_grace is not None


@dataclass(frozen=True, slots=True)
class WaitSpec:
    """The arguments of a wait, which do not change during the wait.

    :param resource_ids: ids of the resources to wait for.
    :param gate: the conditions.
    :param failure_policy: when to fail the wait before the deadline.
    :param require: whether ``"all"`` (default) resources must pass in the same rounds, or ``"any"`` of them.
    :param poke_interval: seconds between two rounds, default 60.
    :param confirmations: consecutive good rounds that open the gate, default 2; if the gate needs timestamps,
        consecutive good points of the timeseries.
    :param confirm_interval: seconds between confirmations, default 60, because two polls within a minute can return the
        same measurement; if the gate needs timestamps, 20 at most.
    :param deadline: epoch seconds at which the wait ends; ``None``: the caller enforces the timeout.
    :param started: epoch seconds at which the wait began.
    :param source_gate: the conditions on the sources, if the resources are pipelines; ``None`` (default): they are
        destinations.
    :param pipelines: the parts of each pipeline, by id.
    :param names: the names of the resources by id, if the task was given names; default: none.
    :raises ValueError: an argument is out of range; the message names it.
    """

    resource_ids: tuple[str, ...]
    gate: DestinationGate
    failure_policy: FailurePolicy = field(default_factory=FailurePolicy)
    require: Require = "all"
    poke_interval: float = 60.0
    confirmations: int = 2
    confirm_interval: float = 60.0
    deadline: float | None = None
    started: float | None = None
    source_gate: SourceGate | None = None
    pipelines: Mapping[str, PipelineParts] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.resource_ids:
            raise ValueError("resource_ids must contain at least one id; got none")
        check_integer("confirmations", self.confirmations)
        if self.gate.observed_after is not None and self.confirmations < _MIN_POINTS:
            raise ValueError(
                f"confirmations must be at least {_MIN_POINTS} with observed_after: right after a connector restart, a "
                "single point can show a lag of zero"
            )
        check_limit("confirm_interval", self.confirm_interval, optional=False)
        check_poke_interval(self.poke_interval)
        _check_require(self.require)
        if self.source_gate is not None and not (self.gate.needs_timestamps and self.gate.lag_source == "timeseries"):
            raise ValueError(
                "a pipeline requires max_records_lag and lag_source='timeseries': only a lag with a timestamp shows "
                "that what the source has captured was consumed"
            )

    @property
    def kind(self) -> ResourceKind:
        """The kind of the resources."""
        return DESTINATION if self.source_gate is None else PIPELINE

    def label(self, resource_id: str) -> str:
        """Return how log lines and messages show a resource: ``name (id)`` if the name is known, or the id.

        :param resource_id: the id.
        """
        # Imported here because DAG parsing creates specs but shows nothing.
        from airflow_provider_streamkap.api.errors import resource_label

        name = self.names.get(resource_id)
        if name is None and resource_id in self.pipelines:
            name = self.pipelines[resource_id].name
        return resource_label(resource_id, name)

    @property
    def measured_after(self) -> float | None:
        """Epoch seconds after which a lag must have been measured; ``None``: the first poll."""
        return self.started if self.gate.measured_after is None else self.gate.measured_after

    @property
    def max_poll_gap(self) -> float:
        """Maximum seconds between two polls for the resource to count as continuously observed."""
        return max(3 * self.poke_interval, _POLL_DELAY)

    @property
    def max_confirm_seconds(self) -> float:
        """Maximum seconds that confirmations take after the first good poll, not counting the polls themselves."""
        if not self.gate.needs_timestamps:
            return (self.confirmations - 1) * self.confirm_interval
        points = float(self.confirmations * GRAIN_SECONDS)
        return max(points, FALLBACK_SECONDS) if self.gate.allows_fallback else points

    @property
    def confirm_delay(self) -> float:
        """Seconds from a good round to the poll that confirms it."""
        return (
            min(self.confirm_interval, _CONFIRM_POINTS_EVERY) if self.gate.needs_timestamps else self.confirm_interval
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the arguments as plain JSON."""
        return {
            "resource_ids": list(self.resource_ids),
            "gate": self.gate.to_dict(),
            "failure_policy": asdict(self.failure_policy),
            "require": self.require,
            "poke_interval": self.poke_interval,
            "confirmations": self.confirmations,
            "confirm_interval": self.confirm_interval,
            "deadline": self.deadline,
            "started": self.started,
            "source_gate": None if self.source_gate is None else asdict(self.source_gate),
            "pipelines": {id_: parts.to_dict() for id_, parts in self.pipelines.items()},
            "names": dict(self.names),
        }

    @classmethod
    def from_dict(cls, arguments: Mapping[str, Any]) -> WaitSpec:
        """Restore what :meth:`to_dict` returned, possibly in another version of this package.

        Missing keys get their default, and unknown keys are ignored (see :meth:`unknown_keys`). An unknown condition of
        the gate is an error: if it were ignored, the gate could open although that condition is not met.

        :param arguments: the plain JSON.
        :raises VersionMismatchError: the arguments cannot be parsed; the message says why.
        """
        with raise_version_mismatch():
            parsed = {
                "resource_ids": tuple(arguments["resource_ids"]),
                "gate": _gate(json.dumps(arguments.get("gate", {}))),
                "failure_policy": _failure_policy(json.dumps(arguments.get("failure_policy", {}))),
            }
            if arguments.get("source_gate") is not None:
                from airflow_provider_streamkap.gate.pipeline import PipelineParts

                # An unknown condition is an error here, too.
                parsed["source_gate"] = SourceGate(**arguments["source_gate"])
                parsed["pipelines"] = {
                    id_: PipelineParts.from_dict(parts) for id_, parts in arguments["pipelines"].items()
                }
            return cls(**_known(cls, arguments) | parsed)

    @classmethod
    def unknown_keys(cls, arguments: Mapping[str, Any]) -> list[str]:
        """Return the keys that :meth:`from_dict` ignores.

        :param arguments: plain JSON.
        """
        failure_policy = arguments.get("failure_policy", {})
        return [
            *(name for name in arguments if name not in cls.__dataclass_fields__),
            *(f"failure_policy.{name}" for name in failure_policy if name not in FailurePolicy.__dataclass_fields__),
        ]

    def target(self, resource_id: str) -> PollTarget:
        """Return what to poll for a resource.

        :param resource_id: one of the ids.
        """
        # Imported here because DAG parsing creates specs but never polls.
        from airflow_provider_streamkap.gate.target import PollTarget

        gate = self.gate
        return (
            PollTarget.with_timeseries(resource_id, gate.max_reading_age)
            if gate.needs_timestamps
            else PollTarget(resource_id)
        )


# A triggerer restores thousands of waits, most of them with equal gates. Saves 0.9 kB of memory per wait.
@lru_cache(maxsize=128)
def _gate(arguments: str) -> DestinationGate:
    given = json.loads(arguments)
    # A condition that this version does not know is harmless if it is not set.
    unset = {name for name, value in given.items() if value is None} - DestinationGate.__dataclass_fields__.keys()
    return DestinationGate(**{name: value for name, value in given.items() if name not in unset})


@lru_cache(maxsize=128)
def _failure_policy(arguments: str) -> FailurePolicy:
    return FailurePolicy(**_known(FailurePolicy, json.loads(arguments)))


def _known(kind: type[Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if name in kind.__dataclass_fields__}


def check_poke_interval(seconds: Any) -> None:
    """Check a poll interval.

    :param seconds: the interval.
    :raises ValueError: the interval is not a number, or below :data:`MIN_POKE_INTERVAL`.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds >= MIN_POKE_INTERVAL:
        raise ValueError(f"poke_interval must be a number of at least {MIN_POKE_INTERVAL} seconds; got {seconds!r}")


def _check_require(require: object) -> None:
    if require not in get_args(Require):
        raise ValueError(f"require must be 'all' or 'any'; got {require!r}")
