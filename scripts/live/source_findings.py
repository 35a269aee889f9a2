# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Check assumptions about the metrics of sources, without sending requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from airflow_provider_streamkap.api.errors import short_name, single_line
from airflow_provider_streamkap.api.metrics import (
    BEHIND_SOURCE,
    CONNECTED,
    LAST_EVENT,
    SINCE_LAST_EVENT,
    SNAPSHOT_COMPLETED,
    SNAPSHOT_EVENTS,
    SNAPSHOT_RUNNING,
    SNAPSHOT_STATE,
    SNAPSHOT_STATUS,
    STATE,
    STREAMING_STATE,
    SourceMetrics,
)
from airflow_provider_streamkap.api.query import GRAIN_SECONDS
from airflow_provider_streamkap.api.sources import Source
from airflow_provider_streamkap.gate.conditions import SourceGate
from airflow_provider_streamkap.gate.source import MAX_LATEST_AGE, SourceHistory
from scripts.live.findings import Finding
from scripts.live.readings import LATE, SKEW, dated, is_cumulative, layout_of, points_of

#: Metrics that count captured events.
EVENT_COUNTS = tuple(f"StreamingTotalNumberOf{name}EventsSeen" for name in ("Create", "Update", "Delete"))
# Statuses of snapshots from the API reference.
_SNAPSHOT_STATUSES = frozenset({"running", "pending", "completed", "failed", "cancelled"})
# Minimum idle time for comparing latest with the points: latest may be that old.
_IDLE_SECONDS = MAX_LATEST_AGE + 2 * GRAIN_SECONDS
_NO_SERIES = ("no timeseries", "inconclusive")


def is_log_metered(connector: str | None) -> bool:
    """Return whether the gate takes a source for MySQL or MariaDB.

    :param connector: the connector type.
    """
    return SourceHistory(SourceGate(), connector).is_log_metered


@dataclass(frozen=True)
class SourceSeries:
    """The timeseries of a source, by timestamp in epoch seconds.

    :param stamps: raw timestamps of the delay.
    :param delays: delay of the last captured event in milliseconds.
    :param sinces: milliseconds since the last event.
    :param events: number of captured events.
    :param names: metrics that have points.
    """

    stamps: tuple[Any, ...]
    delays: dict[float, float]
    sinces: dict[float, float]
    events: dict[float, float]
    names: frozenset[str]

    @classmethod
    def parse(cls, body: Any) -> SourceSeries:
        """Parse the JSON body of a timeseries response.

        :param body: the body.
        """
        data = body.get("data") if isinstance(body, dict) else None
        counts = [dict(dated(points_of(body, name))) for name in EVENT_COUNTS]
        return cls(
            stamps=tuple(stamp for stamp, _ in points_of(body, BEHIND_SOURCE)),
            delays=dict(dated(points_of(body, BEHIND_SOURCE))),
            sinces=dict(dated(points_of(body, SINCE_LAST_EVENT))),
            events={at: sum(count[at] for count in counts) for at in counts[0] if all(at in count for count in counts)},
            names=frozenset(name for name in data if points_of(body, name)) if isinstance(data, dict) else frozenset(),
        )

    @property
    def may_be_steady(self) -> bool:
        """Whether the counts are constant: totals that stand still, or the same number of events in each minute."""
        counts = set(self.events.values())
        return len(counts) == 1 and counts != {0}

    def quiet_steps(self) -> list[tuple[float, float]]:
        """Return pairs of consecutive timestamps between which no event was captured."""
        stamps = sorted(self.events.keys() & self.delays.keys())
        cumulative = is_cumulative([self.events[at] for at in stamps])
        return [
            (before, after)
            for before, after in pairwise(stamps)
            if (self.events[before] == self.events[after] if cumulative else self.events[after] == 0)
        ]


def latest_values(latest: SourceMetrics | None) -> Finding:
    """Check whether the latest metrics have the values that the gate reads.

    :param latest: latest metrics of a source.
    """
    assumption = "latest has the values of a source that the gate reads"
    if latest is None:
        return Finding(assumption, "no metrics of a source", "inconclusive", None)
    values = {
        SNAPSHOT_RUNNING: latest.snapshot_running,
        CONNECTED: latest.connected,
        STATE: latest.state,
        STREAMING_STATE: latest.streaming_state,
        BEHIND_SOURCE: latest.number(BEHIND_SOURCE),
        LAST_EVENT: latest.text(LAST_EVENT),
        SINCE_LAST_EVENT: latest.number(SINCE_LAST_EVENT),
        SNAPSHOT_COMPLETED: latest.snapshot_completed,
        SNAPSHOT_EVENTS: latest.number(SNAPSHOT_EVENTS),
        SNAPSHOT_STATUS: latest.snapshot_status,
    }
    unknown = [name for name, value in values.items() if value is None]
    if not unknown:
        return Finding(assumption, f"all {len(values)}", "every rule of the gate can apply", True)
    if SNAPSHOT_RUNNING in unknown:
        consequence = "whether a snapshot is running is unknown: the gate stays closed"
    elif {CONNECTED, STATE, BEHIND_SOURCE} & set(unknown):
        consequence = "idle_source='assume' never applies"
    elif LAST_EVENT in unknown:
        consequence = "events with a constant delay prove nothing"
    else:
        consequence = "none: the gate uses the other values"
    return Finding(assumption, f"unknown: {', '.join(unknown)}", consequence, False)


def flags(series: SourceSeries | None) -> Finding:
    """Check whether flags are missing from the timeseries.

    :param series: timeseries of a source.
    """
    assumption = "Flags and the last event are only in latest"
    if series is None:
        return Finding(assumption, *_NO_SERIES, None)
    dated_flags = sorted(series.names & {CONNECTED, SNAPSHOT_RUNNING, SNAPSHOT_COMPLETED, LAST_EVENT})
    if dated_flags:
        return Finding(
            assumption, f"points of {', '.join(dated_flags)}", "the gate could use their time: report this", False
        )
    return Finding(assumption, "no points", "they count from the polls that return them", True)


def states(latest: Sequence[SourceMetrics]) -> Finding:
    """Check the states of running sources.

    :param latest: latest metrics of sources whose status is Active.
    """
    assumption = "An Active source is Streaming and connected"
    seen = sorted({f"{item.state or 'null'}, {item.streaming_state or 'null'}" for item in latest})
    if not seen:
        return Finding(assumption, "no metrics of an Active source", "inconclusive", None)
    found = single_line("; ".join(seen))
    if all(text.casefold() == "streaming, connected" for text in seen):
        return Finding(assumption, found, "idle_source='assume' can apply", True)
    return Finding(assumption, found, "idle_source='assume' applies to Streaming, and connected or null, only", False)


def snapshots(latest: Sequence[SourceMetrics]) -> Finding:
    """Check the statuses of snapshots.

    :param latest: latest metrics of sources.
    """
    assumption = "Snapshot statuses are among the known ones"
    entries = [entry for item in latest for entry in item.snapshot_status or ()]
    found = sorted({str(entry.get("status")) for entry in entries})
    texts = sorted({text for item in latest if (text := item.text(SNAPSHOT_STATE))})
    if not (found or texts):
        return Finding(assumption, "no snapshot", "inconclusive: try again after a snapshot", None)
    new = [status for status in found if status.casefold() not in _SNAPSHOT_STATUSES]
    if new:
        return Finding(assumption, single_line(f"new: {', '.join(new)}"), "counts as a running snapshot", False)
    unread = [text for text in texts if text.casefold() not in _SNAPSHOT_STATUSES]
    if unread:
        return Finding(
            assumption,
            single_line(f"new {SNAPSHOT_STATE}: {', '.join(unread)}"),
            "ignored, unless it contains running, pending, paused or progress",
            False,
        )
    return Finding(assumption, single_line(", ".join(dict.fromkeys((*found, *texts)))), "no new statuses", True)


def snapshot_topics(latest: SourceMetrics | None, topics: Sequence[Any]) -> Finding:
    """Check whether snapshots are identified by topic.

    :param latest: latest metrics of a source.
    :param topics: topics of the source and of its pipeline.
    """
    assumption = "topic_id of a snapshot is a topic, as in the pipeline"
    ids = [entry.get("topic_id") for entry in (latest.snapshot_status if latest else None) or ()]
    if not ids or not topics:
        missing = "no topics" if ids else "no snapshot"
        return Finding(assumption, missing, "inconclusive: try again after a snapshot", None)
    if known := [id_ for id_ in ids if id_ in topics]:
        consequence = "snapshots of topics of other pipelines do not hold up a wait"
        return Finding(assumption, f"{len(known)} of {len(ids)}", consequence, True)
    found = f"none of {len(ids)}: {short_name(str(ids[0]))}, but a topic is {short_name(str(topics[0]))}"
    return Finding(assumption, found, "snapshots of any topic hold up a wait", False)


def minutes(series: SourceSeries | None) -> Finding:
    """Check whether the timeseries has both delays, each minute.

    :param series: timeseries of a source.
    """
    assumption = "Both delays of a source have a point per minute"
    if series is None:
        return Finding(assumption, *_NO_SERIES, None)
    lacking = [
        name for name, points in ((BEHIND_SOURCE, series.delays), (SINCE_LAST_EVENT, series.sinces)) if not points
    ]
    if lacking:
        return Finding(
            assumption,
            f"no points of {', '.join(lacking)}",
            "only a new last event proves that changes are captured",
            False,
        )
    single = len(series.delays.keys() ^ series.sinces.keys())
    if single:
        return Finding(
            assumption, f"{single} timestamps of one delay only", "points with one delay only prove nothing", False
        )
    steps = [after - before for before, after in pairwise(sorted(series.delays))]
    if not steps:
        return Finding(assumption, "1 point", "inconclusive: too few points", None)
    found = f"{len(steps) + 1} points, {min(steps):g} s apart"
    if min(steps) != GRAIN_SECONDS:
        return Finding(assumption, found, "the gate expects one point per minute: report this", False)
    gaps = sum(step > GRAIN_SECONDS for step in steps)
    if gaps:
        return Finding(assumption, f"{found}, with {gaps} gaps", "waits take longer when points are missing", True)
    return Finding(assumption, found, "changes are proved to be captured within minutes", True)


def same_timestamps(series: SourceSeries | None, lag: Sequence[tuple[Any, Any]], now: float) -> Finding:
    """Check whether the points of sources and destinations have comparable timestamps.

    :param series: timeseries of a source.
    :param lag: raw lag points of a destination, requested just before.
    :param now: epoch seconds.
    """
    assumption = "Points of sources and destinations have the same timestamps"
    lags = dated(lag)
    if series is None or not series.delays or not lags:
        return Finding(assumption, "no points", "inconclusive", None)
    source, destination = max(series.delays), lags[-1][0]
    found = f"newest {now - source:.0f} s and {now - destination:.0f} s old"
    formats = [sorted({layout_of(stamp) for stamp in stamps}) for stamps in (series.stamps, [at for at, _ in lag])]
    if formats[0] != formats[1]:
        return Finding(
            assumption,
            " and ".join(map(", ".join, formats)),
            "both are parsed; compare with the web application",
            False,
        )
    if now - source < -SKEW:
        return Finding(
            assumption, found, "clock skew, or timestamps are not UTC: captured events appear too new", False
        )
    difference = abs(source - destination)
    if difference:
        return Finding(
            assumption, found, f"if this is still so later, raise settle_seconds by {difference:.0f} s", False
        )
    if now - source > LATE:
        return Finding(assumption, found, f"a wait takes at least {now - source:.0f} s", True)
    return Finding(assumption, found, "the order of captured events and lag points is known", True)


def same_last_event(latest: SourceMetrics | None, series: SourceSeries | None) -> Finding:
    """Check whether latest and the points agree on when the last event was read.

    :param latest: latest metrics of a source.
    :param series: its timeseries.
    """
    assumption = "latest and points agree on the time of the last event"
    if latest is None or series is None or not series.sinces:
        return Finding(assumption, "no metrics of a source", "inconclusive", None)
    at = max(series.sinces)
    since, since_then = latest.number(SINCE_LAST_EVENT), series.sinces[at]
    if since is None or min(since, since_then) < _IDLE_SECONDS * 1000:
        return Finding(
            assumption, "events are read, or none was", "inconclusive: try again while the source is idle", None
        )
    difference = (latest.observed_at.timestamp() - since / 1000) - (at - since_then / 1000)
    found = f"later by {difference:.0f} s in latest"
    if difference > MAX_LATEST_AGE + GRAIN_SECONDS:
        return Finding(assumption, found, "latest is too old for the gate: report this", False)
    if difference < -GRAIN_SECONDS - SKEW:
        return Finding(assumption, found, "points are stamped too late, so events appear too new: report this", False)
    return Finding(assumption, found, "within what the gate allows for", True)


def before_first_event(series: SourceSeries | None) -> Finding:
    """Check for -1, which is reported from a restart of the connector to the first event.

    :param series: timeseries of a source.
    """
    assumption = "Delays are -1 before the first event, not an average with -1"
    if series is None:
        return Finding(assumption, *_NO_SERIES, None)
    values = (*series.delays.values(), *series.sinces.values())
    averaged = sum(-1 < value < 0 for value in values)
    half_known = sum(since == -1 and series.delays.get(at, -1) != -1 for at, since in series.sinces.items())
    if averaged or half_known:
        return Finding(
            assumption,
            f"{averaged} points between -1 and 0, {half_known} with a delay but no event",
            "a restart can look like a captured event: report this",
            False,
        )
    if -1 in values:
        return Finding(
            assumption, f"{sum(value == -1 for value in values)} values of -1", "unknown until an event", True
        )
    return Finding(assumption, "no -1", "inconclusive: try again after a restart", None)


def negative_delays(series: SourceSeries | None) -> Finding:
    """Check for negative delays, which mean that the database's clock is ahead.

    :param series: timeseries of a source.
    """
    assumption = "The clocks of database and connector agree"
    known = [delay for delay in (series.delays.values() if series else ()) if delay != -1]
    if not known:
        return Finding(assumption, "no delay", "inconclusive", None)
    if min(known) < -1:
        return Finding(
            assumption, f"delay of {min(known):g} ms", f"waits count {-min(known) / 1000:g} s less as captured", False
        )
    return Finding(
        assumption, f"delay of at least {min(known):g} ms", "a slow clock of the database is not visible", True
    )


def captured_events(connector: str | None, series: SourceSeries | None) -> Finding:
    """Check whether the delay changes with captured events only, except on MySQL and MariaDB.

    :param connector: connector type of the source.
    :param series: its timeseries.
    """
    assumption = "Without captured events, the delay does not change"
    if is_log_metered(connector):
        return Finding(assumption, "MySQL or MariaDB", "inconclusive: set STREAMKAP_SOURCE_ID to another source", None)
    if series is None or not series.delays:
        return Finding(assumption, *_NO_SERIES, None)
    known = [(before, after) for before, after in series.quiet_steps() if series.delays[after] != -1]
    changed = sum(series.delays[before] != series.delays[after] for before, after in known)
    if not known or (changed and series.may_be_steady):
        return Finding(
            assumption, "no minute without captured events", "inconclusive: try again with occasional changes", None
        )
    found = f"changed in {changed} of {len(known)} minutes without events"
    if changed:
        return Finding(assumption, found, "a changed delay can be mistaken for a captured event: report this", False)
    return Finding(assumption, found, "a changed delay is a captured event", True)


def log_heartbeat(connector: str | None, series: SourceSeries | None) -> Finding:
    """Check whether the delay of an idle MySQL or MariaDB source is 0.

    :param connector: connector type of a source, of MySQL or MariaDB if the project has one.
    :param series: its timeseries.
    """
    assumption = "On MySQL and MariaDB, an idle source has a delay of 0"
    if not is_log_metered(connector):
        return Finding(assumption, "no such source", "inconclusive", None)
    if series is None or not series.delays:
        return Finding(assumption, *_NO_SERIES, None)
    # In its first minute without events, the server may not have sent a heartbeat yet.
    idle = [after for (_, middle), (before, after) in pairwise(series.quiet_steps()) if middle == before]
    late = sum(series.delays[at] != 0 or series.sinces.get(at, 0) > 2 * GRAIN_SECONDS * 1000 for at in idle)
    if not idle or (late and series.may_be_steady):
        return Finding(assumption, "not idle", "inconclusive: try again while nothing changes", None)
    found = f"{len(idle) - late} of {len(idle)} idle minutes"
    if late:
        return Finding(assumption, found, "an idle source proves nothing: use a heartbeat table", False)
    return Finding(assumption, found, "an idle source proves that it has captured everything", True)


def connector_types(sources: Sequence[Source]) -> Finding:
    """Check whether connector types name MySQL and MariaDB.

    :param sources: sources of the project.
    """
    assumption = "Connector types of MySQL and MariaDB contain mysql or mariadb"
    types = sorted({source.connector for source in sources if source.connector})
    named = [source for source in sources if any(word in _words(source) for word in ("mysql", "mariadb", "maria db"))]
    found = single_line(", ".join(types)) or "no connector type"
    if not named:
        return Finding(assumption, found, "inconclusive: no source of MySQL or MariaDB", None)
    if all(is_log_metered(source.connector) for source in named):
        return Finding(assumption, found, "the server's own heartbeat counts", True)
    return Finding(assumption, found, "treated like PostgreSQL: an idle source proves nothing", False)


def heartbeat(source: Source | None) -> Finding:
    """Check whether the heartbeat settings of a source are readable.

    :param source: the source.
    """
    assumption = "The configuration of a source tells whether heartbeats are enabled"
    if source is None:
        return Finding(assumption, "no source", "inconclusive", None)
    if source.heartbeat_enabled is None:
        return Finding(assumption, "unknown", "heartbeat_enabled is None: check the source in Streamkap", False)
    if not source.heartbeat_enabled:
        return Finding(assumption, "disabled", "only captured changes prove progress (or MySQL's own heartbeat)", True)
    if source.heartbeat_collection is None:
        return Finding(assumption, "enabled, without a table", "this heartbeat proves nothing", True)
    return Finding(assumption, "enabled, with a table", "proves progress if the table is captured", True)


def _words(source: Source) -> str:
    return f"{source.connector or ''} {source.connector_display_name or ''}".casefold()
