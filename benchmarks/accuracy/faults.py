# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Faults in the metrics of a destination: single kinds, and random combinations."""

from __future__ import annotations

from dataclasses import dataclass, fields
from random import Random
from typing import Any, Literal

Shown = Literal["truth", "zero", "null", "last"]
Effect = Literal["null", "gap", "zero", "repeat", "still"]
Disagreement = Literal["", "points zero", "gaps zero", "latest zero", "latest old"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault, or a combination.

    :param name: the name in the tables.
    :param covered: the gate must not open early under this fault. False if no response contradicts it in time, so that
        no client of the API can detect it.
    :param alone: exclude from mixes of covered kinds, because other kinds hide the evidence against this one.
    :param mix: combine 2 to 4 random kinds per destination, from the covered ones or from all.
    :param stopped: lag reported while nothing is consumed; ``last`` repeats the value from before the stop.
    :param stops: the connector stops and restarts near the reference time.
    :param loops: the connector is in a crash loop.
    :param crashes: number of consecutive crashes after the reference time, each long enough for a poll to see.
    :param rebalances: number of consecutive rebalances near the reference time, while the status is Active.
    :param spans: faults of the lag that last minutes: null, missing from the timeseries (gap), zero, the last value
        with new timestamps (repeat), or not measured (still).
    :param zero_after: maximum seconds of zero lag after a restart.
    :param sparse: measure the lag once per minute, and publish the point of the current minute.
    :param delay: maximum seconds from measurement to publication.
    :param status_delay: maximum age of the status, in seconds.
    :param flaps: the status occasionally has an unexpected value.
    :param cached: maximum seconds by which a measurement is older than its timestamp.
    :param clock: maximum clock skew in seconds, in either direction.
    :param ahead: the newest timestamp is always 90 s to about 5 minutes in the future.
    :param fetched: count fetched but uncommitted records as consumed.
    :param resets: counters reset when the connector restarts.
    :param failing: requests fail at random, sometimes for minutes.
    :param series_fails: timeseries requests fail for minutes, while ``latest`` requests succeed.
    :param series_empty: the timeseries is empty for minutes, or always.
    :param latest_point: ``latest`` is the newest complete minute's point, and therefore up to two minutes old.
    :param disagree: the points are zero while ``latest`` is correct (``gaps zero``: only where a point is missing), or
        ``latest`` is zero or frozen while the points are correct.
    :param moving_grid: the intervals of the timeseries are aligned to the query's ``timestamp_from``.
    :param running: the point of the current minute is zero or too low until the minute ends.
    :param doubled: each timestamp has two values in random order, one of them too low.
    :param filled: report missing points as null.
    :param unordered: points are in random order, and some are published minutes after later points.
    :param vanishing: some points disappear minutes after publication.
    """

    name: str
    covered: bool = True
    alone: bool = False
    mix: Literal["", "covered", "all"] = ""
    stopped: Shown = "truth"
    stops: bool = False
    loops: bool = False
    crashes: int = 0
    rebalances: int = 0
    spans: tuple[Effect, ...] = ()
    zero_after: float = 0.0
    sparse: bool = False
    delay: float = 20.0
    status_delay: float = 5.0
    flaps: bool = False
    cached: float = 0.0
    clock: float = 0.0
    ahead: bool = False
    fetched: bool = False
    resets: bool = False
    failing: bool = False
    series_fails: bool = False
    series_empty: Literal["", "minutes", "always"] = ""
    latest_point: bool = False
    disagree: Disagreement = ""
    moving_grid: bool = False
    running: bool = False
    doubled: bool = False
    filled: bool = False
    unordered: bool = False
    vanishing: bool = False


# With the last three, an empty timeseries leaves only ``latest``, which is correct and less than 150 s old.
_COVERED = (
    Fault("none", alone=True),
    Fault("null lag for minutes", spans=("null",)),
    Fault("null while stopped", stopped="null", stops=True),
    Fault("zero while stopped", stopped="zero", stops=True),
    Fault("last value repeated while stopped", stopped="last", stops=True),
    Fault("zero for up to 45 s after a restart", zero_after=45.0, stops=True),
    Fault("measured while stopped, read when Active", stopped="zero", crashes=8, zero_after=45.0, sparse=True),
    Fault("frozen, stamp stands still", spans=("still",)),
    Fault("delayed by up to 8 minutes", delay=480.0),
    Fault("zero while stopped, delayed by up to 8 minutes", stopped="zero", stops=True, delay=480.0),
    Fault("gaps in the timeseries", spans=("gap", "gap")),
    Fault("gaps filled with nulls", spans=("gap", "gap"), filled=True),
    Fault("gaps filled with zeros, latest is right", spans=("gap", "gap"), disagree="gaps zero"),
    Fault("points are 0, latest is right", disagree="points zero"),
    Fault("latest is 0, points are right", disagree="latest zero"),
    Fault("latest stands still, points are right", disagree="latest old"),
    Fault("latest is the newest minute's point", latest_point=True),
    Fault("minutes start where the query starts, zero after a restart", moving_grid=True, stops=True, zero_after=45.0),
    Fault("running minute is 0 or too low", running=True, delay=0.0),
    Fault("two values for one stamp", doubled=True),
    Fault("points out of order", unordered=True),
    Fault("points vanish", vanishing=True),
    Fault("status flaps", flaps=True),
    Fault("status up to 45 s old, zero while stopped", stopped="zero", stops=True, status_delay=45.0),
    Fault("counters reset by restarts", resets=True, stops=True),
    Fault("readings cached for up to 45 s", cached=45.0),
    Fault("clocks up to 30 s apart", clock=30.0),
    Fault("stamps 90 s to 5 minutes ahead", alone=True, ahead=True),
    Fault("stamps ahead, delayed by up to 8 minutes", alone=True, ahead=True, delay=480.0),
    Fault("API fails now and then", failing=True),
    Fault(
        "several of these at once",
        alone=True,
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
    Fault("timeseries fails for minutes", alone=True, series_fails=True, delay=5.0),
    Fault("timeseries empty for minutes", alone=True, series_empty="minutes", delay=5.0),
    Fault("timeseries always empty", alone=True, series_empty="always", delay=5.0),
)
_NOT_COVERED = (
    Fault("frozen, stamp goes on, status Active", covered=False, spans=("repeat",)),
    Fault("zero for minutes, status Active", covered=False, spans=("zero",)),
    Fault(
        "status up to 10 minutes old, zero while stopped", covered=False, stopped="zero", stops=True, status_delay=600.0
    ),
    Fault("crash loop, zero while stopped", covered=False, stopped="zero", loops=True),
    Fault("1 rebalance that shows 0, status Active", covered=False, stopped="zero", rebalances=1),
    Fault("2 rebalances that show 0, status Active", covered=False, stopped="zero", rebalances=2),
    Fault("6 rebalances that show 0, status Active", covered=False, stopped="zero", rebalances=6),
    Fault("clocks up to 5 minutes apart", covered=False, clock=300.0),
    Fault("lag counts what is fetched, not committed", covered=False, fetched=True, stops=True),
)

FAULTS = (
    *_COVERED,
    Fault("mix of 2 to 4 covered kinds", mix="covered"),
    *_NOT_COVERED,
    Fault("mix of 2 to 4 of all kinds", covered=False, mix="all"),
)

# These add up: each makes a measurement older than it appears.
_SHIFTS = ("zero_after", "status_delay", "cached", "clock")


def draw(random: Random, fault: Fault) -> Fault:
    """Return the fault of one destination; for a mix, a random combination.

    In a mix of covered kinds, time shifts are scaled down so that their sum stays below one minute.

    :param random: random number generator.
    :param fault: the kind of fault.
    """
    if not fault.mix:
        return fault
    kinds = [kind for kind in _COVERED if not kind.alone] if fault.mix == "covered" else [*_COVERED[1:], *_NOT_COVERED]
    chosen = random.sample(kinds, random.randint(2, 4))
    return combine(random, chosen, share=1 / len(chosen) if fault.mix == "covered" else 1.0)


def combine(random: Random, kinds: list[Fault], share: float = 1.0) -> Fault:
    """Combine several kinds of faults into one.

    :param random: random number generator, for options with conflicting values.
    :param kinds: the kinds.
    :param share: factor applied to each time shift.
    """
    combined: dict[str, Any] = {
        "name": " + ".join(kind.name for kind in kinds),
        "covered": all(kind.covered for kind in kinds),
    }
    for field in fields(Fault)[4:]:
        default: Any = field.default
        values: list[Any] = [value for kind in kinds if (value := getattr(kind, field.name)) != default]
        if not values:
            continue
        if isinstance(default, tuple):
            combined[field.name] = sum(values, ())
        elif field.name in _SHIFTS:
            combined[field.name] = max(default, max(values) * share)
        else:
            combined[field.name] = random.choice(values) if isinstance(default, str) else max(values)
    return Fault(**combined)
