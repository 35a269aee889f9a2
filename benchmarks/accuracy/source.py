# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Ground truth between a source database and Kafka: when each event is read and written, and what Debezium meters."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import accumulate
from math import floor, inf
from typing import NamedTuple

from benchmarks.accuracy.source_plan import LogEvent, SnapshotPlan, SourcePlan, Stop

#: The pipeline's topic, and another one of the source.
TOPIC, OTHER_TOPIC = "public.orders", "public.customers"
#: Seconds between two heartbeats of a MySQL server without traffic.
SERVER_HEARTBEAT = 48.0
# Seconds from the end of a stop to the first event.
_RESUME = 0.01
# Delay of the rows of an incremental snapshot, in milliseconds: their time is that of the query.
_ROW_DELAY = 20.0
# Seconds from the commit to the capture in a world without delays.
_AT_ONCE = 0.05


@dataclass(slots=True)
class Read:
    """One event that the connector has read.

    :param at: time of the read, in seconds.
    :param event: the event.
    :param run: number of restarts before.
    :param written: when Kafka has it; infinite: lost in a restart, or never written.
    """

    at: float
    event: LogEvent
    run: int
    written: float


class SnapshotSpan(NamedTuple):
    """An interval of a snapshot. ``status`` is pending, running, paused or completed."""

    begin: float
    end: float
    status: str
    topic: str


class Meter(NamedTuple):
    """What Debezium meters at a time.

    :param since: milliseconds since the last event; -1 (MySQL, MariaDB: 0) from a restart to the first event.
    :param behind: delay of the last event that sets it, in milliseconds; -1 (there also 0) likewise.
    :param seen: captured records since the restart.
    :param written: records written to Kafka since the restart.
    :param last_event: order of the last captured event; ``None`` before the first.
    :param rows: rows of incremental snapshots since the restart.
    """

    since: float
    behind: float
    seen: int
    written: int
    last_event: int | None
    rows: int


class _State(NamedTuple):
    """The meters after a read or restart; ``last`` is the time of the last event."""

    last: float | None
    behind: float
    seen: int
    last_event: int | None
    run: int
    rows: int = 0
    down: bool = False


@dataclass(slots=True)
class Source:
    """Everything that was read and written, in chronological order.

    :param plan: the commits and incidents.
    :param reads: what was read.
    :param snapshots: the progress of incremental snapshots.
    :param foreign: ``order`` of the snapshot rows that are not the pipeline's.
    """

    plan: SourcePlan
    reads: list[Read]
    snapshots: list[SnapshotSpan]
    foreign: frozenset[int] = frozenset()
    _times: list[float] = field(init=False)
    _states: list[_State] = field(init=False)
    _written_at: list[float] = field(init=False)
    _written: list[int] = field(init=False)
    _commits: list[float] = field(init=False)
    _positions: list[float] = field(init=False)
    _captured: list[float] = field(init=False)

    def __post_init__(self) -> None:
        self._meter_all()
        self._count_writes()

    def _meter_all(self) -> None:
        plan, state = self.plan, _State(None, self.plan.pending_behind, 0, None, 0)
        marks: list[tuple[float, int, Read | Stop]] = [(read.at, 2, read) for read in self.reads]
        restarts = [stop for stop in plan.stops if stop.kind == "restart"]
        marks += [(stop.begin, 0, stop) for stop in restarts] + [(stop.end, 1, stop) for stop in restarts]
        marks.sort(key=lambda mark: mark[:2])
        self._times, self._states = [-inf], [state]
        for at, step, mark in marks:
            if isinstance(mark, Read):
                if not state.down:
                    state = self._after(state, mark)
            elif step == 0:
                state = state._replace(down=True)
            else:
                state = _State(None, plan.pending_behind, 0, None, state.run + 1)
            self._times.append(at)
            self._states.append(state)

    def _after(self, state: _State, read: Read) -> _State:
        event, plan = read.event, self.plan
        state = state._replace(last=read.at)
        if event.kind == "server":
            return state._replace(behind=0.0)
        captured = event.kind != "filtered"
        if event.kind == "snapshot":
            state = state._replace(behind=_ROW_DELAY, rows=state.rows + event.records)
        elif captured or plan.binlog:
            state = state._replace(behind=1000.0 * (read.at - event.commit - plan.skew))
        if not captured:
            return state
        counted = event.kind != "snapshot" or plan.counts_rows
        return state._replace(seen=state.seen + event.records * counted, last_event=event.order)

    def _count_writes(self) -> None:
        writes = sorted(
            (read for read in self.reads if read.written < inf and read.event.kind not in ("filtered", "server")),
            key=_written,
        )
        self._written_at = [read.written for read in writes]
        total = position = 0
        self._written = []
        reached: dict[int, float] = {}
        for read in writes:
            total += read.event.records
            self._written.append(total)
            if self._is_ours(read.event):
                position += read.event.records
                reached.setdefault(read.event.order, position)
        changes = [event for event in self.plan.log if event.kind == "change"]
        self._commits = [event.commit for event in changes]
        self._positions = list(accumulate((reached.get(event.order, inf) for event in changes), max))
        read_at = {read.event.order: read.at for read in reversed(writes)}
        self._captured = list(accumulate((read_at.get(event.order, inf) for event in changes), max))

    def _is_ours(self, event: LogEvent) -> bool:
        return event.kind == "change" or (event.kind == "snapshot" and event.order not in self.foreign)

    def position(self, of: float) -> float:
        """Return how many records Kafka holds once it has all changes committed before ``of``; infinite: never."""
        index = bisect_left(self._commits, of)
        return self._positions[index - 1] if index else 0.0

    def captured_at(self, of: float) -> float:
        """Return when the last change committed before ``of`` was read, for good; infinite: never."""
        index = bisect_left(self._commits, of)
        return self._captured[index - 1] if index else -inf

    def arrivals(self) -> tuple[tuple[float, float], ...]:
        """Return the arrival rates of the pipeline's records in Kafka.

        Records that are written within a second arrive evenly over the next one.
        """
        seconds: Counter[int] = Counter()
        for read in self.reads:
            if read.written < inf and self._is_ours(read.event):
                seconds[floor(read.written) + 1] += read.event.records
        rates = {float(second): float(records) for second, records in seconds.items()}
        ends = {second + 1.0: 0.0 for second in rates}
        return tuple(sorted({**ends, **rates}.items()))

    def meter(self, when: float) -> Meter | None:
        """Return the meters at a time; ``None`` while the task is down."""
        state = self._state(when)
        if state.down and not self.plan.frozen:
            return None
        if state.down:
            stop = self.plan.stop_at(when)
            when = stop.begin if stop else when
        since = (0.0 if self.plan.binlog else -1.0) if state.last is None else 1000.0 * (when - state.last)
        written = self._written_since(state.run, when)
        return Meter(since, state.behind, state.seen, written, state.last_event, state.rows)

    def _state(self, when: float) -> _State:
        return self._states[bisect_right(self._times, when) - 1]

    def _written_since(self, run: int, when: float) -> int:
        restarts = [stop.end for stop in self.plan.stops if stop.kind == "restart"]
        since = restarts[run - 1] if run else -inf
        total = self._written_by(when) - self._written_by(since)
        every = self.plan.kafka_heartbeat
        if every is not None:
            total += floor(when / every) - (floor(since / every) if run else 0)
        return total

    def _written_by(self, when: float) -> int:
        index = bisect_right(self._written_at, when)
        return self._written[index - 1] if index else 0


def _written(read: Read) -> float:
    return read.written


class _Capture:
    """One run over the log of a source."""

    def __init__(self, plan: SourcePlan, begin: float, end: float, at_once_before: float) -> None:
        self.plan, self.end, self.at_once_before = plan, end, at_once_before
        self.now = self.last_written = begin
        self.run, self.order = 0, len(plan.log)
        self.reads: list[Read] = []
        self.spans: list[SnapshotSpan] = []
        self.restarts = [stop for stop in plan.stops if stop.kind == "restart"]
        self.heap = list(plan.log)
        self.chunks: dict[int, tuple[SnapshotPlan, int]] = {}
        for snapshot in plan.snapshots:
            self.add_chunk(snapshot, 0, snapshot.begin)
        heapify(self.heap)

    def add_chunk(self, snapshot: SnapshotPlan, number: int, at: float) -> None:
        self.order += 1
        self.chunks[self.order] = snapshot, number
        heappush(self.heap, LogEvent(at, self.order, "snapshot", snapshot.rows, _AT_ONCE, _AT_ONCE, _AT_ONCE))

    def read_all(self) -> None:
        while True:
            event = heappop(self.heap) if self.heap else None
            at = inf if event is None else self.readable_at(event)
            if self.restarts and self.restarts[0].begin <= min(at, self.end):
                if event is not None:
                    heappush(self.heap, event)
                self.restart(self.restarts.pop(0))
                continue
            if event is None or at > self.end:
                break
            self.serve_idle(min(at, event.commit))
            self.read(event, at)
        self.serve_idle(self.end)

    def readable_at(self, event: LogEvent) -> float:
        if event.commit < self.at_once_before:
            return event.commit + _AT_ONCE
        delay = sum(ramp.delay(event.commit) for ramp in self.plan.ramps)
        at = max(event.commit + event.latency + delay, self.now + event.seconds)
        while (stop := self.plan.stop_at(at)) is not None and stop not in self.restarts:
            at = stop.end + _RESUME
        return at

    def read(self, event: LogEvent, at: float) -> None:
        written = inf
        if event.kind not in ("filtered", "server"):
            written = at + _AT_ONCE if event.commit < self.at_once_before else self.written_at(at + event.queued)
            self.last_written = max(self.last_written, written)
        self.reads.append(Read(at, event, self.run, written))
        self.now = max(self.now, at)
        if event.kind == "snapshot":
            self.finish_chunk(*self.chunks[event.order], event, at)

    def written_at(self, at: float) -> float:
        at = max(at, self.last_written)
        for begin, end in self.plan.blocked:
            if begin <= at < end:
                at = end
        return at

    def finish_chunk(self, snapshot: SnapshotPlan, number: int, event: LogEvent, at: float) -> None:
        topic = OTHER_TOPIC if snapshot.other else TOPIC
        if number == 0:
            self.spans.append(SnapshotSpan(snapshot.begin, at, "pending", topic))
        last = number + 1 == snapshot.chunks
        paused = snapshot.pause_after == number + 1
        next_at = at + snapshot.query + (snapshot.pause if paused else 0.0)
        begin = at if number == 0 else event.commit - snapshot.query
        self.spans.append(SnapshotSpan(begin, at + _AT_ONCE, "running", topic))
        if last:
            self.spans.append(SnapshotSpan(at, inf, "completed", topic))
            return
        self.spans.append(SnapshotSpan(at, next_at, "paused" if paused else "running", topic))
        self.add_chunk(snapshot, number + 1, next_at)

    def restart(self, stop: Stop) -> None:
        """End the task: the queue is lost, and what was read since the last flush of the offsets is read again."""
        self.serve_idle(stop.begin)
        flushed = stop.begin - self.plan.flushed
        for read in reversed(self.reads):
            if read.run != self.run or (read.written <= flushed and read.event.kind != "server"):
                break
            if read.event.commit < self.at_once_before:
                continue
            if read.written > stop.begin:
                read.written = inf
            # The chunks of a snapshot go on with the next one.
            again = read.event.kind in ("change", "other") or (read.event.kind == "filtered" and read.at > flushed)
            if again:
                heappush(self.heap, read.event)
        self.last_written = min(self.last_written, stop.end)
        self.now, self.run = stop.end + _RESUME, self.run + 1

    def serve_idle(self, until: float) -> None:
        """Add the heartbeats of a MySQL server up to the next event of the log."""
        if not self.plan.binlog:
            return
        idle_since = self.now
        while (at := idle_since + SERVER_HEARTBEAT) < until:
            stop = self.plan.stop_at(at) or self.plan.stop_at(idle_since)
            if stop is not None:
                idle_since = stop.end
                continue
            self.reads.append(Read(at, LogEvent(at, -1, "server", 0), self.run, inf))
            idle_since = self.now = at


def simulate_source(plan: SourcePlan, begin: float, end: float, at_once_before: float = -inf) -> Source:
    """Simulate the capture of a source's changes.

    :param plan: the commits and incidents.
    :param begin: start of the simulation, in seconds.
    :param end: end of the simulation, in seconds.
    :param at_once_before: capture and write everything that was committed before this time at once, in seconds; the
        default leaves the incidents as they are.
    """
    capture = _Capture(plan, begin, end, at_once_before)
    capture.read_all()
    foreign = frozenset(order for order, (snapshot, _) in capture.chunks.items() if snapshot.other)
    return Source(plan, capture.reads, capture.spans, foreign)
