# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What readings say about the assumptions on them: their age, their timestamps, their totals; pure."""

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

#: Seconds; a point that is older than this is late, for one that covers a minute.
LATE = 300.0
#: Seconds by which clocks may differ.
SKEW = 60.0
# Of all steps from one point to the next, the share that may fall if the totals run on: a restart now and then.
_RESTARTS = 0.2

_DATE, _TIME = r"\d{4}-\d\d-\d\d", r"\d\d:\d\d(?::\d\d(?:\.\d+)?)?"
_LAYOUTS = {
    "ISO 8601 with Z": re.compile(rf"{_DATE}T{_TIME}Z"),
    "ISO 8601 with an offset": re.compile(rf"{_DATE}T{_TIME}[+-]\d\d:?\d\d"),
    "ISO 8601 without a zone": re.compile(rf"{_DATE}T{_TIME}"),
    "date, blank, time, without a zone": re.compile(rf"{_DATE} {_TIME}"),
}


@dataclass(frozen=True)
class Look:
    """The lag of a stopped destination, looked at twice.

    :param status: its status.
    :param first: its lag.
    :param second: its lag some time later.
    """

    status: str
    first: float | None
    second: float | None

    def __str__(self) -> str:
        if self.first is None and self.second is None:
            return f"{self.status}: null"
        if self.first != self.second:
            return f"{self.status}: {_shown(self.first)}, then {_shown(self.second)}"
        return f"{self.status}: 0" if self.first == 0 else f"{self.status}: stays at {_shown(self.first)}"


def stopped_lag(looks: Sequence[Look]) -> Finding:
    """Judge the lag of destinations that are paused or stopped.

    :param looks: one for each that there is.
    """
    assumption = "A paused destination shows a lag of null, 0, or one that stays"
    if not looks:
        return Finding(
            assumption, "none is paused or stopped", "not told: pause one that nobody needs, ask again", None
        )
    found = "; ".join(dict.fromkeys(map(str, looks)))
    if any(look.first != look.second for look in looks):
        return Finding(
            assumption, found, "its lag is still counted; that says nothing of when it will be drained", False
        )
    if any(look.first == 0 for look in looks):
        consequence = "the lag alone would open the gate: never set connector_status=None"
    elif any(look.first is not None for look in looks):
        consequence = "a lag below the limit would open the gate for ever: never set connector_status=None"
    else:
        consequence = "unknown never opens the gate, so lag and status agree"
    return Finding(assumption, found, consequence, True)


def points_of(series: Any, metric: str) -> list[tuple[Any, Any]]:
    """Take the points of one metric out of an answer, as they came.

    :param series: the JSON of a timeseries.
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
    """Judge how timestamps are written.

    :param stamps: as they came.
    """
    assumption = "Timestamps are ISO 8601, or a date and a time; without a zone they are UTC"
    if not stamps:
        return Finding(assumption, "there are no points", "not told", None)
    found = ", ".join(sorted({_layout(stamp) for stamp in stamps}))
    if not all(map(_readable, stamps)):
        return Finding(assumption, found, "timeseries are refused as not understood: report this", False)
    if all(_layout(stamp) in _LAYOUTS for stamp in stamps):
        return Finding(assumption, found, "read as UTC", True)
    return Finding(assumption, found, "read, but nobody has expected it: compare with the web application", False)


def age(points: Sequence[tuple[Any, Any]], now: float) -> Finding:
    """Judge how old the newest point of a lag is.

    :param points: of a timeseries of minutes, stamps as they came.
    :param now: epoch seconds.
    """
    assumption = f"The newest point of the lag is at most {LATE:.0f} s old"
    dated = _dated(points)
    if not dated:
        return Finding(assumption, "no points", "observed_after and max_reading_age are never met here", None)
    old = now - dated[-1][0]
    found = f"{old:.0f} s old" if old >= 0 else f"{-old:.0f} s ahead of this machine's clock"
    if old < -SKEW:
        return Finding(
            assumption, found, "the clocks differ, or the stamps are not UTC: readings count as too new", False
        )
    if old > WINDOW_SECONDS:
        return Finding(assumption, found, "observed_after and max_reading_age are met late, if at all", False)
    return Finding(assumption, found, f"max_reading_age has to be well above {max(old, 60.0):.0f} s", old <= LATE)


def latest_age(latest: float | None, points: Sequence[tuple[Any, Any]], now: float) -> Finding:
    """Judge how old `latest` is, by the points that say the same.

    :param latest: the lag that it showed.
    :param points: of a timeseries of minutes that was asked for just before.
    :param now: epoch seconds.
    """
    assumption = "latest is not older than the newest point"
    dated = _dated(points)
    if latest is None or len({value for _, value in dated}) < 2:
        return Finding(assumption, "the lag is unknown or has not changed", "not told: ask again when it moves", None)
    if latest == dated[-1][1]:
        return Finding(assumption, "it says the same", "as young as the points, so far as can be seen", True)
    same = [stamp for stamp, value in dated if value == latest]
    if same:
        found = f"it says what the points said {now - same[-1]:.0f} s ago"
        return Finding(assumption, found, "confirm_interval has to be longer, or use observed_after", False)
    return Finding(assumption, "it says something newer than the points", "nothing: it is younger than they are", True)


def totals(values: Sequence[Any]) -> Finding:
    """Judge whether totals run on or count each interval.

    :param values: sinkRecordReadTotal hour by hour, in order of time.
    """
    assumption = "Totals run on from one point to the next"
    known = [value for value in values if is_number(value)]
    if len(known) < 3:
        return Finding(assumption, f"{len(known)} points", "not told: too few points", None)
    if len(set(known)) == 1:
        return Finding(assumption, f"{len(known)} points, all the same", "not told: ask again when records move", None)
    falls = sum(after < before for before, after in pairwise(known))
    found = f"falls in {falls} of {len(known) - 1} steps" if falls else f"never falls in {len(known)} points"
    if falls == 0:
        return Finding(assumption, found, "the difference of two points is what was read between them", True)
    if falls <= _RESTARTS * (len(known) - 1):
        return Finding(assumption, found, "they begin anew now and then: take a fall for a restart", True)
    return Finding(assumption, found, "each point counts its own interval: add them up, do not subtract", False)


def _dated(points: Sequence[tuple[Any, Any]]) -> list[tuple[float, Any]]:
    return sorted(
        (parse_timestamp(stamp).timestamp(), value) for stamp, value in points if _readable(stamp) and is_number(value)
    )


def _layout(stamp: Any) -> str:
    if not isinstance(stamp, str):
        return f"a {type(stamp).__name__}"
    return next((name for name, layout in _LAYOUTS.items() if layout.fullmatch(stamp)), "another text")


def _readable(stamp: Any) -> bool:
    try:
        parse_timestamp(stamp)
    except ValueError:
        return False
    return True


def _shown(lag: float | None) -> str:
    return "null" if lag is None else f"{lag:g}"
