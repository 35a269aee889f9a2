# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Built-in scenarios for simulated sources, and for pipelines of a source and a destination.

They report what a connector based on Debezium meters. Except on MySQL and MariaDB,
``StreamingMilliSecondsBehindSource`` changes with captured events only, and
``StreamingMilliSecondsSinceLastEvent`` restarts with every event that the connector reads; both are -1 from a restart
to the first event. On MySQL and MariaDB every event sets both, and without traffic the server's heartbeat, every 48 s,
sets both to 0; the second is 0 instead of -1 after a restart.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple, Protocol

from airflow_provider_streamkap.testing.readings import (
    STREAMING,
    JsonValue,
    Reading,
    Scenario,
    SourceReading,
    SourceScenario,
    check_not_negative,
)

_BEFORE: Final = 90 * 86400.0  # seconds before the start from which the history and the totals count
_MYSQL: Final = frozenset({"mysql", "mariadb"})
_SERVER_HEARTBEAT: Final = 48.0  # seconds
_PUBLISHED_EVERY: Final = 30.0  # seconds between two updates of SnapshotRunning and SnapshotCompleted
_RECORD_BYTES: Final = 250
_PUT_MS: Final = 12.0
_HEARTBEAT: Final = "heartbeat.enabled"
_HEARTBEAT_SCHEMA: Final = "heartbeat.data.collection.schema.or.database"


class SourceEvent(NamedTuple):
    """An event in the log of a database. Times are in seconds since the source was added.

    :param read_at: when the connector reads it.
    :param committed_at: when the database committed it. Later than `read_at` if its clock is ahead.
    :param captured: False if the connector filters it out. Default True.
    """

    read_at: float
    committed_at: float
    captured: bool = True


class _Events(Protocol):
    """Events of one kind."""

    @property
    def captured(self) -> bool:
        """Whether all of them are captured, or all filtered out."""

    def committed(self, until: float) -> int:
        """Return the number of events committed up to and including a time."""

    def count(self, until: float) -> int:
        """Return the number of events read up to and including a time."""

    def last(self, until: float) -> SourceEvent | None:
        """Return the last event read up to and including a time."""


# The delay varies by less than this many milliseconds from event to event.
_DELAY_STEPS = 7


@dataclass(frozen=True)
class _LogReader:
    """When a connector reads the log.

    :param delay: seconds from the commit of an event until it is read.
    :param pauses: periods (begin, end) in which nothing is read; what was committed then is read at the end.
    """

    delay: float = 0.0
    pauses: tuple[tuple[float, float], ...] = ()

    def last_active(self, now: float) -> float:
        """Return the last time at which the log was read."""
        return next((begin for begin, end in self.pauses if begin <= now < end), now)

    def read_at(self, committed_at: float) -> float:
        """Return the time at which an event is read."""
        moment = committed_at + self.delay
        return next((end for begin, end in self.pauses if begin < moment < end), moment)


@dataclass(frozen=True)
class _Regular:
    """Events committed every `every` seconds, from `begin` to before `end`. None if `every` is infinite."""

    reader: _LogReader
    every: float
    begin: float
    end: float = math.inf
    captured: bool = True

    def committed(self, until: float) -> int:
        if math.isinf(self.every):
            return 0
        # Round: floating-point error must not hide an event at its own time.
        number = math.floor(round((until - self.begin) / self.every, 6)) + 1
        if not math.isinf(self.end):
            number = min(number, math.ceil(round((self.end - self.begin) / self.every, 6)))
        return max(0, number)

    def count(self, until: float) -> int:
        return self.committed(self.reader.last_active(until) - self.reader.delay)

    def last(self, until: float) -> SourceEvent | None:
        number = self.count(until)
        if not number:
            return None
        committed_at = self.begin + (number - 1) * self.every
        return SourceEvent(self.reader.read_at(committed_at), committed_at, self.captured)


class _Listed:
    """Events at given times."""

    def __init__(self, events: Iterable[SourceEvent], *, captured: bool = True) -> None:
        self.captured = captured
        self._events = sorted(event for event in events if event.captured == captured)
        self._commits = sorted(event.committed_at for event in self._events)

    def committed(self, until: float) -> int:
        return bisect_right(self._commits, until)

    def count(self, until: float) -> int:
        return bisect_right(self._events, until, key=lambda event: event.read_at)

    def last(self, until: float) -> SourceEvent | None:
        number = self.count(until)
        return self._events[number - 1] if number else None


@dataclass(frozen=True)
class _Snapshot:
    """A snapshot of one topic, and its rows if they pass through the streaming metrics."""

    begin: float
    end: float
    pending: float
    topic: str
    rows: _Regular

    def values(self, now: float) -> dict[str, JsonValue]:
        """Return the metrics of the snapshot."""
        published = now - now % _PUBLISHED_EVERY
        status = "pending" if now < self.begin else "running" if now < self.end else "completed"
        last = self.rows.last(now)
        submitted = now >= self.begin - self.pending
        entry: JsonValue = {"status": status, "topic_id": self.topic, "submit_timestamp": None}
        return {
            "SnapshotRunning": int(self.begin <= published < self.end),
            "SnapshotCompleted": int(published >= self.end),
            "SnapshotMilliSecondsSinceLastEvent": None if last is None else _ms(now - last.read_at),
            "SnapshotTotalNumberOfEventsSeen": self.rows.count(now),
            "snapshotStatus": [entry] if submitted else [],
        }


@dataclass(frozen=True)
class _Source:
    """A database and its connector.

    :param changes: changes in the tables of the pipeline.
    :param others: other events that the connector reads, such as those of a heartbeat table.
    :param kafka_heartbeats: records that the connector writes to Kafka without an event in the log.
    :param queue_delay: seconds from reading a captured event until its record is in Kafka.
    :param starts: times at which the connector restarts.
    """

    reader: _LogReader
    changes: _Events
    others: tuple[_Events, ...] = ()
    kafka_heartbeats: _Events | None = None
    snapshot: _Snapshot | None = None
    incremental: bool = False
    queue_delay: float = 0.5
    starts: Sequence[float] = ()
    connector: str = "postgresql"

    def scenario(self, name: str, config: Mapping[str, JsonValue] | None = None) -> SourceScenario:
        """Return the scenario of this source."""
        snapshot = self.snapshot
        return SourceScenario(
            name,
            self._reading,
            committed=self.changes.committed,
            written=lambda until: self.changes.count(until - self.queue_delay),
            snapshot_rows=lambda until: snapshot.rows.count(until - self.queue_delay) if snapshot else 0,
            connector=self.connector,
            config=config or {},
        )

    def _reading(self, now: float) -> SourceReading:
        begun = max((start for start in self.starts if start <= now), default=-_BEFORE)
        captured = [events for events in (self.changes, *self.others) if events.captured]
        behind, since, last = self._streaming(now, begun)
        number = sum(events.count(now) for events in captured)
        written = self._written(now - self.queue_delay, captured)
        deletes, updates = number // 10, (number + 2) // 10 + (number + 6) // 10
        # Except on MySQL, the flag is set as soon as the task has started, before it reads.
        restarting = any(begin in self.starts and begin <= now < end for begin, end in self.reader.pauses)
        connected = not (self._mysql and restarting)
        values = {
            **STREAMING,
            "streamingState": "connected" if connected else "disconnected",
            "StreamingConnected": int(connected),
            "StreamingMilliSecondsBehindSource": behind,
            "StreamingMilliSecondsSinceLastEvent": since,
            "StreamingLastEvent": last,
            "StreamingTotalNumberOfCreateEventsSeen": number - updates - deletes,
            "StreamingTotalNumberOfUpdateEventsSeen": updates,
            "StreamingTotalNumberOfDeleteEventsSeen": deletes,
            "SnapshotTotalNumberOfEventsSeen": 0,
            "sourceRecordWriteTotal": written,
            "recordSendTotal": written,
            "byteTotal": written * _RECORD_BYTES,
        }
        return SourceReading(values | (self.snapshot.values(now) if self.snapshot else {}))

    @property
    def _mysql(self) -> bool:
        return self.connector in _MYSQL

    def _streaming(self, now: float, begun: float) -> tuple[int, int, str | None]:
        """Return the delay and the idle time in milliseconds, and the last captured event."""
        rows = (self.snapshot.rows,) if self.snapshot and self.incremental else ()
        streams: tuple[_Events, ...] = (self.changes, *self.others, *rows)
        read = [last for events in streams if (last := events.last(now)) is not None and last.read_at > begun]
        captured = max((event for event in read if event.captured), default=None)
        number = sum(events.count(now) for events in streams if events.captured)
        position = None if captured is None else f"position {number}"
        newest = max(read, default=None)
        if self._mysql:
            beat = self._server_heartbeat(now, max(begun, newest.read_at) if newest else begun)
            newest = captured = newest if beat is None else SourceEvent(beat, beat)
        behind = -1 if captured is None else _ms(captured.read_at - captured.committed_at)
        if behind > 0:
            # No two events have exactly the same delay in a real database.
            behind += number % _DELAY_STEPS
        since = (0 if self._mysql else -1) if newest is None else _ms(now - newest.read_at)
        return behind, since, position

    def _server_heartbeat(self, now: float, last_event: float) -> float | None:
        """Return the time of the last heartbeat of a MySQL server since the last event."""
        last = None
        begin = last_event
        for stop, resume in (*self.reader.pauses, (math.inf, math.inf)):
            for number in range(int((min(now, stop) - begin) // _SERVER_HEARTBEAT), 0, -1):
                beat = begin + number * _SERVER_HEARTBEAT
                # The server sends none while it has events to send.
                if all(events.committed(beat) <= events.count(beat) for events in (self.changes, *self.others)):
                    last = beat
                    break
            begin = max(begin, min(now, resume))
        return last

    def _written(self, until: float, captured: Iterable[_Events]) -> int:
        number = sum(events.count(until) for events in captured)
        number += self.kafka_heartbeats.count(until) if self.kafka_heartbeats else 0
        return number + (self.snapshot.rows.count(until) if self.snapshot else 0)


def source_streaming(
    *, every: float = 5.0, capture_delay: float = 0.5, queue_delay: float = 0.5, connector: str = "postgresql"
) -> SourceScenario:
    """Return a scenario in which changes are committed regularly and captured with a constant delay.

    :param every: seconds between two changes. Default 5.
    :param capture_delay: seconds from the commit of a change until it is captured. Default 0.5.
    :param queue_delay: seconds from then until its record is in Kafka. Default 0.5.
    :param connector: connector type, which determines what the metrics mean. Default ``postgresql``.
    :raises ValueError: if `every` is not above 0, or a delay is negative.
    """
    return _with_traffic(every, capture_delay, queue_delay, connector).scenario("source_streaming")


def source_idle(
    *,
    heartbeat: Literal["none", "table", "filtered", "kafka"] = "none",
    every: float = 60.0,
    idle_for: float = 3600.0,
    connector: str = "postgresql",
) -> SourceScenario:
    """Return a scenario in which no changes are committed.

    :param heartbeat: ``none`` (default); a heartbeat ``table`` that is captured, so that each heartbeat is an event; a
        ``filtered`` one that is not captured and moves only ``StreamingMilliSecondsSinceLastEvent``; ``kafka`` writes
        records to Kafka and moves neither.
    :param every: seconds between two heartbeats. Default 60.
    :param idle_for: seconds from the last change to the start of the scenario. Default 3,600.
    :param connector: connector type, which determines what the metrics mean. Default ``postgresql``.
    :raises ValueError: if `heartbeat` is unknown, `every` is not above 0, or `idle_for` is negative.
    """
    if heartbeat not in ("none", "table", "filtered", "kafka"):
        raise ValueError(f"heartbeat must be none, table, filtered or kafka; got {heartbeat!r}")
    check_not_negative(idle_for=idle_for)
    reader = _LogReader(0.5)
    beats = _regular(reader, every, captured=heartbeat != "filtered")
    source = _Source(
        reader,
        _Listed([SourceEvent(reader.read_at(-idle_for), -idle_for)]),
        others=(beats,) if heartbeat in ("table", "filtered") else (),
        kafka_heartbeats=beats if heartbeat == "kafka" else None,
        connector=connector,
    )
    config: dict[str, JsonValue] = {_HEARTBEAT: heartbeat != "none"}
    if heartbeat in ("table", "filtered"):
        config[_HEARTBEAT_SCHEMA] = "streamkap"
    return source.scenario("source_idle", config)


def source_mysql_idle(*, idle_for: float = 3600.0) -> SourceScenario:
    """Return a scenario of a MySQL source without changes: the server's heartbeat sets the delay to 0 every 48 s.

    :param idle_for: seconds from the last change to the start of the scenario. Default 3,600.
    :raises ValueError: if `idle_for` is negative.
    """
    return replace(source_idle(idle_for=idle_for, connector="mysql"), name="source_mysql_idle")


def source_stalls(
    *,
    at: float = 0.0,
    for_: float = math.inf,
    every: float = 5.0,
    capture_delay: float = 0.5,
    queue_delay: float = 0.5,
    connector: str = "postgresql",
) -> SourceScenario:
    """Return a scenario in which the source stays connected and Active, but stops capturing while commits continue.

    The destination consumes what is in Kafka, and its lag then stays 0.

    :param at: seconds until it stalls. Default 0.
    :param for_: seconds until it captures again, beginning with everything committed since. Default: never.
    :param every: seconds between two changes. Default 5.
    :param capture_delay: as for :func:`source_streaming`.
    :param queue_delay: as for :func:`source_streaming`.
    :param connector: as for :func:`source_streaming`.
    :raises ValueError: if `every` is not above 0, or another number is negative.
    """
    check_not_negative(at=at, for_=for_)
    pauses = ((at, at + for_),)
    return _with_traffic(every, capture_delay, queue_delay, connector, pauses).scenario("source_stalls")


def source_restarts(
    *,
    at: float = 0.0,
    for_: float = 20.0,
    every: float = 5.0,
    capture_delay: float = 0.5,
    queue_delay: float = 0.5,
    connector: str = "postgresql",
) -> SourceScenario:
    """Return a scenario in which the connector restarts: its delay is unknown (-1) until it reads an event.

    On MySQL and MariaDB it is also disconnected until then. Elsewhere the flag ``StreamingConnected`` is set before the
    task reads the log, and stays 1.

    :param at: seconds until it restarts. Default 0.
    :param for_: seconds until it reads the log again, beginning with everything committed since. Default 20.
    :param every: seconds between two changes; infinite for none. Default 5.
    :param capture_delay: as for :func:`source_streaming`.
    :param queue_delay: as for :func:`source_streaming`.
    :param connector: as for :func:`source_streaming`.
    :raises ValueError: if `every` is not above 0, or another number is negative.
    """
    check_not_negative(at=at, for_=for_)
    source = _with_traffic(every, capture_delay, queue_delay, connector, ((at, at + for_),))
    return replace(source, starts=(at,)).scenario("source_restarts")


def source_snapshots(
    *,
    at: float = 0.0,
    for_: float = 120.0,
    kind: Literal["incremental", "blocking"] = "incremental",
    pending: float = 0.0,
    rows_per_second: float = 50.0,
    topic: str = "public.orders",
    every: float = 5.0,
    capture_delay: float = 0.5,
    queue_delay: float = 0.5,
    connector: str = "postgresql",
) -> SourceScenario:
    """Return a scenario with a snapshot.

    The rows of an incremental one pass through the streaming metrics with their time set to now; a blocking one pauses
    streaming. ``SnapshotRunning`` and ``SnapshotCompleted`` are up to 30 s old, ``snapshotStatus`` is current.

    :param at: seconds until the snapshot runs. Default 0.
    :param for_: seconds for which it runs. Default 120.
    :param kind: ``incremental`` (default) or ``blocking``.
    :param pending: seconds before `at` for which it is pending. Default 0.
    :param rows_per_second: rows read. Default 50.
    :param topic: topic in ``snapshotStatus``. Default ``public.orders``.
    :param every: seconds between two changes. Default 5.
    :param capture_delay: as for :func:`source_streaming`.
    :param queue_delay: as for :func:`source_streaming`.
    :param connector: as for :func:`source_streaming`.
    :raises ValueError: if `kind` is unknown, `every` or `rows_per_second` is not above 0, or another number is
        negative.
    """
    if kind not in ("incremental", "blocking"):
        raise ValueError(f"kind must be incremental or blocking; got {kind!r}")
    check_not_negative(at=at, for_=for_, pending=pending)
    if not rows_per_second > 0:
        raise ValueError(f"rows_per_second must be above 0; got {rows_per_second!r}")
    pauses = ((at, at + for_),) if kind == "blocking" else ()
    source = _with_traffic(every, capture_delay, queue_delay, connector, pauses)
    rows = _Regular(_LogReader(), 1 / rows_per_second, at, at + for_)
    snapshot = _Snapshot(at, at + for_, pending, topic, rows)
    return replace(source, snapshot=snapshot, incremental=kind == "incremental").scenario("source_snapshots")


def source_events(
    events: Iterable[SourceEvent],
    *,
    restarts: Sequence[float] = (),
    queue_delay: float = 0.5,
    connector: str = "postgresql",
) -> SourceScenario:
    """Return a scenario in which the connector reads given events.

    :param events: the events. The captured ones are changes in the tables of the pipeline, read in the order of their
        commits.
    :param restarts: times in seconds at which the connector restarts. Default: none.
    :param queue_delay: seconds from reading a captured event until its record is in Kafka. Default 0.5.
    :param connector: connector type, which determines what the metrics mean. Default ``postgresql``.
    :raises ValueError: if `queue_delay` is negative.
    """
    check_not_negative(queue_delay=queue_delay)
    known = tuple(SourceEvent(*event) for event in events)
    return _Source(
        _LogReader(),
        _Listed(known),
        others=(_Listed(known, captured=False),),
        queue_delay=queue_delay,
        starts=tuple(restarts),
        connector=connector,
    ).scenario("source_events")


def source_broken(*, at: float = 0.0, status: str = "Broken", of: SourceScenario | None = None) -> SourceScenario:
    """Return a scenario in which the connector stops: its status changes, and it captures nothing more.

    It is reported as not connected; all other metrics freeze.

    :param at: seconds until then. Default 0.
    :param status: status from then on. Default ``Broken``.
    :param of: scenario until then. Default: :func:`source_streaming`.
    :raises ValueError: if `at` is negative.
    """
    check_not_negative(at=at)
    before = of or source_streaming()

    def reading(elapsed: float) -> SourceReading:
        if elapsed < at:
            return before.at(elapsed)
        last = before.at(at)
        values = {**last.values, "streamingState": "disconnected", "StreamingConnected": 0}
        desired = "Active" if status == "Broken" else status
        return SourceReading(values, connector_status=status, desired_state=desired)

    return replace(
        before,
        name="source_broken",
        at=reading,
        written=lambda until: before.written(min(until, at)),
        snapshot_rows=lambda until: before.snapshot_rows(min(until, at)),
    )


@dataclass(frozen=True)
class PipelineScenario:
    """Scenarios of a source and its destination that fit together. Create one with :func:`pipeline`.

    Changes are consumed in the order of their commits. So all changes committed up to and including a time ``t`` are
    at the destination at a time ``now`` if ``consumed(now) >= committed(t)``. Times are in seconds since the start of
    the scenario.

    :param source: scenario of the source.
    :param destination: scenario of the destination.
    :param consume_delay: seconds from a record's write to Kafka until the destination has consumed it.
    """

    source: SourceScenario
    destination: Scenario
    consume_delay: float

    def committed(self, until: float) -> int:
        """Return the number of changes committed up to and including a time."""
        return self.source.committed(until)

    def written(self, until: float) -> int:
        """Return the number of these changes in Kafka at a time."""
        return self.source.written(until)

    def consumed(self, until: float) -> int:
        """Return the number of these changes consumed by the destination at a time."""
        return self.source.written(until - self.consume_delay)


def pipeline(source: SourceScenario | None = None, *, consume_delay: float = 2.0) -> PipelineScenario:
    """Return scenarios of a source and a destination that consumes exactly what the source captures.

    .. code-block:: python

        orders = scenarios.pipeline(scenarios.source_stalls(at=60))
        streamkap.add_pipeline("67ad6e0af08a2365c729bc01", source_id, destination_id, orders)

    :param source: scenario of the source. Default: :func:`source_streaming`.
    :param consume_delay: seconds from a record's write to Kafka until the destination has consumed it. Default 2.
    :raises ValueError: if `consume_delay` is negative.
    """
    check_not_negative(consume_delay=consume_delay)
    captures = source or source_streaming()

    def records(until: float) -> int:
        return captures.written(until) + captures.snapshot_rows(until)

    def at(elapsed: float) -> Reading:
        consumed = records(elapsed - consume_delay)
        lag = records(elapsed) - consumed
        return Reading(
            records_lag=float(lag),
            latency=consume_delay * 1000.0 if lag else 0.0,
            read_total=float(consumed),
            put_batch_max_ms=_PUT_MS if lag else 0.0,
        )

    return PipelineScenario(captures, Scenario(f"behind {captures.name}", at), consume_delay)


def _with_traffic(
    every: float,
    capture_delay: float,
    queue_delay: float,
    connector: str,
    pauses: tuple[tuple[float, float], ...] = (),
) -> _Source:
    check_not_negative(capture_delay=capture_delay, queue_delay=queue_delay)
    reader = _LogReader(capture_delay, pauses)
    return _Source(reader, _regular(reader, every), queue_delay=queue_delay, connector=connector)


def _regular(reader: _LogReader, every: float, *, captured: bool = True) -> _Regular:
    """Return events at all multiples of `every` since the beginning of the history."""
    if not every > 0:
        raise ValueError(f"every must be above 0 seconds; got {every!r}")
    begin = 0.0 if math.isinf(every) else -math.floor(_BEFORE / every) * every
    return _Regular(reader, every, begin, captured=captured)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
