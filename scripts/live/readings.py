# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Check assumptions about readings: age, timestamps and totals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from airflow_provider_streamkap.api.payload import is_number
from airflow_provider_streamkap.api.query import parse_timestamp
from airflow_provider_streamkap.gate.target import WINDOW_SECONDS
from scripts.live.findings import Finding

#: Maximum expected age in seconds of the newest one-minute point.
LATE = 300.0
#: Maximum expected clock skew in seconds.
SKEW = 60.0
# Maximum share of decreases between cumulative points, caused by occasional restarts.
_RESTARTS = 0.2

_DATE, _TIME = r"\d{4}-\d\d-\d\d", r"\d\d:\d\d(?::\d\d(?:\.\d+)?)?"
_LAYOUTS = {
    "ISO 8601 with Z": re.compile(rf"{_DATE}T{_TIME}Z"),
    "ISO 8601 with an offset": re.compile(rf"{_DATE}T{_TIME}[+-]\d\d:?\d\d"),
    "ISO 8601 without a zone": re.compile(rf"{_DATE}T{_TIME}"),
    "date, space, time, without a zone": re.compile(rf"{_DATE} {_TIME}"),
}


@dataclass(frozen=True)
class LagPair:
    """Two readings of the lag of a stopped destination.

    :param status: its status.
    :param first: first lag.
    :param second: second lag, after a pause.
    """

    status: str
    first: float | None
    second: float | None

    def __str__(self) -> str:
        if self.first is None and self.second is None:
            return f"{self.status}: null"
        if self.first != self.second:
            return f"{self.status}: {_format_lag(self.first)}, then {_format_lag(self.second)}"
        return f"{self.status}: 0" if self.first == 0 else f"{self.status}: stays at {_format_lag(self.first)}"


def stopped_lag(pairs: Sequence[LagPair]) -> Finding:
    """Check the lag of paused or stopped destinations.

    :param pairs: two readings per destination.
    """
    assumption = "A paused destination reports a lag of null, 0, or a constant"
    if not pairs:
        return Finding(
            assumption,
            "no paused or stopped destination",
            "inconclusive: pause an unused destination and try again",
            None,
        )
    found = "; ".join(dict.fromkeys(map(str, pairs)))
    if any(pair.first != pair.second for pair in pairs):
        return Finding(assumption, found, "the lag is still updated, but does not show when it will be drained", False)
    if any(pair.first == 0 for pair in pairs):
        consequence = "the lag alone would open the gate: never set connector_status=None"
    elif any(pair.first is not None for pair in pairs):
        consequence = "a lag below the limit would keep the gate open: never set connector_status=None"
    else:
        consequence = "unknown never opens the gate, so lag and status agree"
    return Finding(assumption, found, consequence, True)


def points_of(series: Any, metric: str) -> list[tuple[Any, Any]]:
    """Return the raw points of one metric from a response.

    :param series: JSON body of a timeseries response.
    :param metric: the metric's name.
    """
    data = series.get("data") if isinstance(series, dict) else None
    points = data.get(metric) if isinstance(data, dict) else None
    return [
        (point.get("timestamp"), point.get("value"))
        for point in (points if isinstance(points, list) else ())
        if isinstance(point, dict)
    ]


def layouts(stamps: Sequence[Any]) -> Finding:
    """Check the format of timestamps.

    :param stamps: raw timestamps.
    """
    assumption = "Timestamps are ISO 8601, or date and time; UTC if they have no offset"
    if not stamps:
        return Finding(assumption, "no points", "inconclusive", None)
    found = ", ".join(sorted({layout_of(stamp) for stamp in stamps}))
    if not all(map(_readable, stamps)):
        return Finding(assumption, found, "timeseries cannot be parsed: report this", False)
    if all(layout_of(stamp) in _LAYOUTS for stamp in stamps):
        return Finding(assumption, found, "parsed as UTC", True)
    return Finding(assumption, found, "parsed, but unexpected: compare with the web application", False)


def age(points: Sequence[tuple[Any, Any]], now: float) -> Finding:
    """Check the age of the newest lag point.

    :param points: raw points with one-minute intervals.
    :param now: epoch seconds.
    """
    assumption = f"The newest point of the lag is at most {LATE:.0f} s old"
    known = dated(points)
    if not known:
        return Finding(assumption, "no points", "observed_after and max_reading_age are never met here", None)
    old = now - known[-1][0]
    found = f"{old:.0f} s old" if old >= 0 else f"{-old:.0f} s ahead of this machine's clock"
    if old < -SKEW:
        return Finding(assumption, found, "clock skew, or timestamps are not UTC: readings appear too new", False)
    if old > WINDOW_SECONDS:
        return Finding(assumption, found, "observed_after and max_reading_age are met late, if at all", False)
    return Finding(assumption, found, f"set max_reading_age well above {max(old, 60.0):.0f} s", old <= LATE)


def latest_age(latest: float | None, points: Sequence[tuple[Any, Any]], now: float) -> Finding:
    """Check the age of `latest` by comparing it with the points.

    :param latest: the latest lag.
    :param points: raw points with one-minute intervals, requested just before.
    :param now: epoch seconds.
    """
    assumption = "latest is not older than the newest point"
    known = dated(points)
    if latest is None or len({value for _, value in known}) < 2:
        return Finding(
            assumption, "the lag is unknown or has not changed", "inconclusive: try again while it changes", None
        )
    if latest == known[-1][1]:
        return Finding(assumption, "same value", "apparently as recent as the points", True)
    same = [stamp for stamp, value in known if value == latest]
    if same:
        found = f"matches the point from {now - same[-1]:.0f} s ago"
        return Finding(assumption, found, "use a longer confirm_interval, or observed_after", False)
    return Finding(assumption, "newer than the points", "none: it is more recent than the points", True)


def totals(values: Sequence[Any]) -> Finding:
    """Check whether totals are cumulative or count per interval.

    :param values: hourly values of sinkRecordReadTotal in chronological order.
    """
    assumption = "Totals are cumulative"
    known = [value for value in values if is_number(value)]
    if len(known) < 3:
        return Finding(assumption, f"{len(known)} points", "inconclusive: too few points", None)
    if len(set(known)) == 1:
        return Finding(
            assumption,
            f"{len(known)} points, all the same",
            "inconclusive: try again while records are processed",
            None,
        )
    decreases = sum(after < before for before, after in pairwise(known))
    found = (
        f"decreases in {decreases} of {len(known) - 1} steps"
        if decreases
        else f"never decreases in {len(known)} points"
    )
    if decreases == 0:
        return Finding(assumption, found, "the difference of two points is the number of records read in between", True)
    if is_cumulative(known):
        return Finding(assumption, found, "they reset occasionally: treat a decrease as a restart", True)
    return Finding(assumption, found, "each point counts its own interval: add them up instead of subtracting", False)


def is_cumulative(values: Sequence[float]) -> bool:
    """Return whether values are totals since the connector started. They decrease at restarts only.

    :param values: values in chronological order.
    """
    return sum(after < before for before, after in pairwise(values)) <= _RESTARTS * (len(values) - 1)


def dated(points: Sequence[tuple[Any, Any]]) -> list[tuple[float, Any]]:
    """Return the points that can be parsed, oldest first, with timestamps in epoch seconds.

    :param points: raw points.
    """
    return sorted(
        (parse_timestamp(stamp).timestamp(), value) for stamp, value in points if _readable(stamp) and is_number(value)
    )


def layout_of(stamp: Any) -> str:
    """Return the format of a timestamp.

    :param stamp: a raw timestamp.
    """
    if not isinstance(stamp, str):
        return f"a {type(stamp).__name__}"
    return next((name for name, layout in _LAYOUTS.items() if layout.fullmatch(stamp)), "another format")


def _readable(stamp: Any) -> bool:
    try:
        parse_timestamp(stamp)
    except ValueError:
        return False
    return True


def _format_lag(lag: float | None) -> str:
    return "null" if lag is None else f"{lag:g}"
