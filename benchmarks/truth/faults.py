# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with what is told of a destination, one kind of fault after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Shown = Literal["truth", "zero", "null", "last"]
Effect = Literal["null", "gap", "zero", "repeat", "still"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault, or several at once.

    :param name: what the tables call it.
    :param borne: the gate is to be right in spite of it; of the others nobody who reads the API can know.
    :param stopped: the lag that is shown while nothing is consumed; ``last``: what it was when that began.
    :param stops: the connector is stopped and started about the moment.
    :param loops: the connector crashes and comes up again, over and over.
    :param spans: for minutes the lag is null, is not measured (gap), is zero, repeats its last value with the stamp
        going on, or stands still together with its stamp.
    :param zero_after: seconds for which the lag is zero once the connector has come up again.
    :param delay: seconds, at most, for which a measurement is withheld.
    :param status_delay: seconds, at most, by which the status is old.
    :param flaps: the status shows something odd now and then, for no reason.
    :param cached: seconds, at most, by which a measurement is older than its stamp.
    :param clock: seconds, at most, by which stamps are ahead or behind.
    :param fetched: what has been fetched and not committed counts as consumed.
    :param resets: counters start again at zero with the connector.
    :param failing: the API cannot be asked now and then, for minutes at times.
    """

    name: str
    borne: bool = True
    stopped: Shown = "truth"
    stops: bool = False
    loops: bool = False
    spans: tuple[Effect, ...] = ()
    zero_after: float = 0.0
    delay: float = 20.0
    status_delay: float = 5.0
    flaps: bool = False
    cached: float = 0.0
    clock: float = 0.0
    fetched: bool = False
    resets: bool = False
    failing: bool = False


FAULTS = (
    Fault("none"),
    Fault("null lag for minutes", spans=("null",)),
    Fault("null while stopped", stopped="null", stops=True),
    Fault("zero while stopped", stopped="zero", stops=True),
    Fault("last value repeated while stopped", stopped="last", stops=True),
    Fault("zero for up to 45 s after a restart", zero_after=45.0, stops=True),
    Fault("frozen, stamp stands still", spans=("still",)),
    Fault("delayed by up to 8 minutes", delay=480.0),
    Fault("zero while stopped, delayed by up to 8 minutes", stopped="zero", stops=True, delay=480.0),
    Fault("gaps in the timeseries", spans=("gap", "gap")),
    Fault("status flaps", flaps=True),
    Fault("status up to 45 s old, zero while stopped", stopped="zero", stops=True, status_delay=45.0),
    Fault("counters reset by restarts", resets=True, stops=True),
    Fault("readings cached for up to 45 s", cached=45.0),
    Fault("clocks up to 30 s apart", clock=30.0),
    Fault("API fails now and then", failing=True),
    Fault(
        "several of these at once",
        stopped="zero",
        stops=True,
        spans=("null", "gap", "still"),
        zero_after=30.0,
        delay=240.0,
        status_delay=30.0,
        flaps=True,
        cached=15.0,
        clock=10.0,
        resets=True,
        failing=True,
    ),
    Fault("frozen, stamp goes on, status Active", borne=False, spans=("repeat",)),
    Fault("zero for minutes, status Active", borne=False, spans=("zero",)),
    Fault(
        "status up to 10 minutes old, zero while stopped", borne=False, stopped="zero", stops=True, status_delay=600.0
    ),
    Fault("crash loop, zero while stopped", borne=False, stopped="zero", loops=True),
    Fault("clocks up to 5 minutes apart", borne=False, clock=300.0),
    Fault("lag counts what is fetched, not committed", borne=False, fetched=True, stops=True),
)
