# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The possible outcomes of faults: how calls and waits behave, with the number of requests and seconds.

With the settings of the matrix, a call is tried ``ATTEMPTS`` times, the jitter is always the full backoff (0.5 s, then
1 s), and a wait tolerates ``FAILURES`` consecutive failed polls.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

Times = Literal["once", "twice", "permanently"]

TIMES: Final[tuple[Times, ...]] = ("once", "twice", "permanently")
CALLS: Final = ("hook", "async hook", "operator")
WAITS: Final = ("poke", "reschedule", "deferred")
SURFACES: Final = (*CALLS, *WAITS)

ATTEMPTS: Final = 3
FAILURES: Final = 1
#: Requests of every surface without faults: a call is made twice, a wait needs two confirmations.
GOOD: Final = 2


@dataclass(frozen=True)
class Outcome:
    """The outcome of one cell.

    :param hits: requests that hit the fault.
    :param waited: seconds slept between attempts.
    :param fails: whether there is no result.
    """

    hits: int
    waited: float = 0.0
    fails: bool = False


Outcomes = tuple[Outcome, Outcome, Outcome]
"""Outcomes of a fault that occurs once, twice and forever."""


@dataclass(frozen=True)
class Behaviour:
    """How calls and waits behave under a kind of fault.

    :param description: what happens, in words.
    :param calls: outcomes of the hook's calls and of the operator.
    :param waits: outcomes of a sensor in poke and reschedule mode.
    :param deferred: outcomes of a deferrable sensor, which does not retry while it occupies a worker; ``None``: same.
    :param operator: the class that the operator raises.
    :param sensor: the class that the sensor raises.
    :param renews: whether a fault at the metrics costs an additional token.
    :param looks: whether the destination itself is requested at each fault that a wait hits at the metrics.
    :param forever: additional arguments of a sensor whose fault never ends.
    """

    description: str
    calls: Outcomes
    waits: Outcomes
    operator: str = "AirflowException"
    sensor: str = "AirflowException"
    renews: bool = False
    looks: bool = False
    forever: dict[str, Any] = field(default_factory=dict)
    deferred: Outcomes | None = None

    def of(self, surface: str) -> Outcomes:
        """Return the outcomes on a surface."""
        if surface in CALLS:
            return self.calls
        return self.deferred if surface == "deferred" and self.deferred is not None else self.waits


_AT_ONCE: Outcomes = (Outcome(1, fails=True), Outcome(1, fails=True), Outcome(1, fails=True))
_UNHARMED: Outcomes = (Outcome(0), Outcome(0), Outcome(0))
_SECOND_POLL: Outcomes = (Outcome(1), Outcome(2, fails=True), Outcome(2, fails=True))
_FAIL = "AirflowFailException"


def _passing(description: str, first: float, second: float, waits_for_ever: Outcome, deferred: Outcomes) -> Behaviour:
    once, twice = Outcome(1, first), Outcome(2, first + second)
    calls = once, twice, Outcome(ATTEMPTS, first + second, fails=True)
    return Behaviour(description, calls, (once, twice, waits_for_ever), deferred=deferred)


BEHAVIOURS: Final[dict[str, Behaviour]] = {
    # These faults are not counted.
    "harmless": Behaviour("no effect", _UNHARMED, _UNHARMED),
    "token refreshed early": Behaviour("the token is refreshed before it expires", _UNHARMED, _UNHARMED, renews=True),
    # Two failed polls are one more than is tolerated.
    "retried": _passing(
        "the call is retried; each poll of a sensor is one call",
        0.5,
        1.0,
        Outcome(6, 3.0, fails=True),
        (Outcome(1), Outcome(2, 0.5), Outcome(4, 1.5, fails=True)),
    ),
    # The second poll has to wait before its first attempt, too.
    "retried after 7 s": _passing(
        "retried after the time in `Retry-After`",
        7.0,
        7.0,
        Outcome(6, 35.0, fails=True),
        (Outcome(1, 7.0), Outcome(2, 14.0), Outcome(4, 21.0, fails=True)),
    ),
    # A poll lasts at most 180 s: enough for two attempts that wait first, but not for a third.
    "retried after 60 s": _passing(
        "retried after the maximum `Retry-After`",
        60.0,
        60.0,
        Outcome(5, 240.0, fails=True),
        (Outcome(1, 60.0), Outcome(2, 120.0), Outcome(3, 120.0, fails=True)),
    ),
    "not retried": Behaviour(
        "not retried within the call; a sensor continues with its next poll", _AT_ONCE, _SECOND_POLL
    ),
    "permanent": Behaviour("not retried, and ends a wait", _AT_ONCE, _AT_ONCE, _FAIL, _FAIL),
    "token refreshed": Behaviour(
        "the token is refreshed and the request repeated once; a second 401 is final",
        (Outcome(1), Outcome(2, fails=True), Outcome(2, fails=True)),
        (Outcome(1), Outcome(2, fails=True), Outcome(2, fails=True)),
        _FAIL,
        _FAIL,
        renews=True,
    ),
    "no metrics yet": Behaviour(
        "a sensor sees that the destination exists, and waits up to `status_grace` (0 in the columns *permanently*)",
        _AT_ONCE,
        (Outcome(1), Outcome(2), Outcome(1, fails=True)),
        _FAIL,
        "AirflowException",
        looks=True,
        forever={"status_grace": 0},
    ),
    "not found": Behaviour(
        "a sensor requests the destination itself, which also fails", _AT_ONCE, _AT_ONCE, _FAIL, _FAIL, looks=True
    ),
}
