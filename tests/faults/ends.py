# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""How faults end, whatever they are: the few ways in which a call and a wait behave, with requests and seconds.

With the settings of the matrix: a call is tried ``ATTEMPTS`` times, its back-off takes the whole jitter (0.5 s, then
1 s), and a wait bears ``FAILURES`` failed polls in a row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

Times = Literal["once", "twice", "for ever"]

TIMES: Final[tuple[Times, ...]] = ("once", "twice", "for ever")
CALLS: Final = ("hook", "async hook", "operator")
WAITS: Final = ("poke", "reschedule", "deferred")
SURFACES: Final = (*CALLS, *WAITS)

ATTEMPTS: Final = 3
FAILURES: Final = 1
#: What every surface asks for where nothing goes wrong: a call twice, a wait with two confirmations.
GOOD: Final = 2


@dataclass(frozen=True)
class End:
    """How one cell ends.

    :param met: requests that met the fault.
    :param waited: seconds waited between attempts.
    :param fails: no result.
    """

    met: int
    waited: float = 0.0
    fails: bool = False


Ends = tuple[End, End, End]
"""Of a fault that is met once, twice, for ever."""


@dataclass(frozen=True)
class Behaviour:
    """One way in which faults end.

    :param calls: the ends of the hook's calls and of the operator.
    :param waits: the ends of a sensor, in every mode.
    :param operator: the class that the operator raises.
    :param sensor: the class that the sensor raises.
    :param renews: a fault at the metrics costs one token more.
    :param looks: the destination itself is asked for at each fault that a wait meets at the metrics.
    :param forever: further arguments of a sensor that meets the fault for ever.
    """

    calls: Ends
    waits: Ends
    operator: str = "AirflowException"
    sensor: str = "AirflowException"
    renews: bool = False
    looks: bool = False
    forever: dict[str, Any] = field(default_factory=dict)


def _passing(first: float, second: float, waits_for_ever: End) -> Behaviour:
    once, twice = End(1, first), End(2, first + second)
    return Behaviour((once, twice, End(ATTEMPTS, first + second, fails=True)), (once, twice, waits_for_ever))


_AT_ONCE: Ends = (End(1, fails=True), End(1, fails=True), End(1, fails=True))
_FAIL = "AirflowFailException"

BEHAVIOURS: Final[dict[str, Behaviour]] = {
    # Nothing goes wrong. What is met is not counted.
    "harmless": Behaviour((End(0), End(0), End(0)), (End(0), End(0), End(0))),
    # A new token, and nothing lost.
    "renewed in time": Behaviour((End(0), End(0), End(0)), (End(0), End(0), End(0)), renews=True),
    # The call is tried again: a poll of a wait is such a call, and two of them are one more than is borne.
    "passes": _passing(0.5, 1.0, End(2 * ATTEMPTS, 3.0, fails=True)),
    # Tried again when the server says; the second poll has to wait for its first attempt, too.
    "passes, 7 s": _passing(7.0, 7.0, End(2 * ATTEMPTS, 35.0, fails=True)),
    # 60 s are the most that a server is obeyed, and 180 s the most that a poll lasts: room for two attempts that
    # are preceded by a wait each, and not for a third.
    "passes, 60 s": _passing(60.0, 60.0, End(ATTEMPTS + 2, 240.0, fails=True)),
    # Not tried again at once, but by the next poll.
    "fails": Behaviour(_AT_ONCE, (End(1), End(2, fails=True), End(2, fails=True))),
    # Trying again cannot help.
    "refused": Behaviour(_AT_ONCE, _AT_ONCE, _FAIL, _FAIL),
    # One new token and one replay; a fresh token that is refused, too, is a refusal.
    "renewed": Behaviour(
        (End(1), End(2, fails=True), End(2, fails=True)),
        (End(1), End(2, fails=True), End(2, fails=True)),
        _FAIL,
        _FAIL,
        renews=True,
    ),
    # A wait asks whether the destination exists, and goes on where it does, for as long as status_grace says.
    "no metrics yet": Behaviour(
        _AT_ONCE,
        (End(1), End(2), End(1, fails=True)),
        _FAIL,
        "AirflowException",
        looks=True,
        forever={"status_grace": 0},
    ),
    # And ends where it does not.
    "gone": Behaviour(_AT_ONCE, _AT_ONCE, _FAIL, _FAIL, looks=True),
}
