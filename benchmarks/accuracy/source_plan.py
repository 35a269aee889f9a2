# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What happens at a source database and its connector: the commits, and what delays their capture."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Literal, NamedTuple

from benchmarks.accuracy.connector_timeline import AFTER, BEFORE
from benchmarks.accuracy.source_faults import (
    BINLOG_FAMILIES,
    CAPTURED_HEARTBEATS,
    HEARTBEATS,
    TRAFFICS,
    Heartbeat,
    Incident,
    SourceFault,
    Traffic,
)

#: A change of the pipeline's tables, of another captured table (heartbeats, too), an event that is filtered out, rows
#: of an incremental snapshot, or the heartbeat that a MySQL server sends without traffic.
EventKind = Literal["change", "other", "filtered", "snapshot", "server"]

# Seconds from a commit until the connector can read it. SQL Server has a capture job, Oracle is mined in steps.
_LATENCY = {"postgresql": 0.3, "mongodb": 0.5, "mysql": 0.3, "mariadb": 0.3, "sqlserver": 5.0, "oracle": 10.0}


class LogEvent(NamedTuple):
    """One event of the database's log. The order of the log is the order of the commits.

    :param commit: time of the commit, in seconds.
    :param order: tie-breaker for equal times, unique.
    :param kind: the kind of event.
    :param records: number of records.
    :param latency: seconds until the connector can read it.
    :param seconds: time that reading it takes.
    :param queued: seconds from reading it until Kafka has it.
    """

    commit: float
    order: int
    kind: EventKind
    records: int
    latency: float = 0.0
    seconds: float = 0.0
    queued: float = 0.0


class Stop(NamedTuple):
    """An interval in which the connector reads nothing from the log.

    :param begin: start, in seconds.
    :param end: end, in seconds.
    :param kind: the cause. In a ``restart``, the task ends and its queue is lost.
    :param shown: whether the state shows it.
    """

    begin: float
    end: float
    kind: Literal["stall", "job", "disconnect", "restart", "blocking"]
    shown: bool = True


class Ramp(NamedTuple):
    """An interval in which the capture is behind: the delay grows to ``height`` seconds at ``peak`` and shrinks."""

    begin: float
    peak: float
    end: float
    height: float

    def delay(self, commit: float) -> float:
        """Return the delay for an event, in seconds."""
        if not self.begin < commit < self.end:
            return 0.0
        if commit < self.peak:
            return self.height * (commit - self.begin) / (self.peak - self.begin)
        return self.height * (self.end - commit) / (self.end - self.peak)


class SnapshotPlan(NamedTuple):
    """An incremental snapshot: one chunk after another, each with a watermark in the log.

    :param begin: start, in seconds.
    :param chunks: number of chunks.
    :param rows: rows per chunk.
    :param query: seconds that the query of a chunk takes.
    :param pause_after: chunks after which it is paused; ``None``: never.
    :param pause: length of the pause, in seconds.
    :param other: the table is captured, but not of the pipeline.
    """

    begin: float
    chunks: int
    rows: int
    query: float
    pause_after: int | None = None
    pause: float = 0.0
    other: bool = False


@dataclass(slots=True)
class SourcePlan:
    """One source: its commits, and everything that happens to its connector.

    :param family: family of the database.
    :param heartbeat: the kind of heartbeat.
    :param traffic: the pattern of the commits.
    :param skew: seconds by which the clock of the database is ahead of the connector's.
    :param pending_behind: BehindSource from a restart to the first event, in milliseconds.
    :param counts_rows: the event counts include rows of incremental snapshots.
    :param meters_rows: SnapshotTotalNumberOfEventsSeen includes rows of incremental snapshots.
    :param lists_snapshots: ``snapshotStatus`` lists the snapshots. Otherwise it is null.
    :param frozen: during a restart the metrics are frozen. Otherwise they are null.
    :param flushed: seconds before a restart at which the offsets were last stored.
    :param others_every: mean seconds between two commits to other captured tables; ``None``: none.
    :param kafka_heartbeat: seconds between two heartbeats that are only written to Kafka; ``None``: none.
    """

    family: str
    heartbeat: Heartbeat
    traffic: Traffic
    skew: float = 0.0
    pending_behind: float = -1.0
    counts_rows: bool = False
    meters_rows: bool = True
    lists_snapshots: bool = True
    frozen: bool = False
    flushed: float = 10.0
    others_every: float | None = None
    kafka_heartbeat: float | None = None
    log: list[LogEvent] = field(default_factory=list)
    stops: list[Stop] = field(default_factory=list)
    ramps: list[Ramp] = field(default_factory=list)
    snapshots: list[SnapshotPlan] = field(default_factory=list)
    blocked: list[tuple[float, float]] = field(default_factory=list)

    @property
    def binlog(self) -> bool:
        """Whether every event of the log sets the metrics (MySQL, MariaDB)."""
        return self.family in BINLOG_FAMILIES

    @property
    def proof(self) -> str:
        """What proves the progress of the capture; empty if nothing does for minutes at a time."""
        if self.traffic in ("busy", "steady"):
            return "own traffic"
        if self.heartbeat in CAPTURED_HEARTBEATS:
            return self.heartbeat
        if self.others_every is not None and self.others_every <= 60.0:
            return "other tables"
        return "MySQL, MariaDB" if self.binlog else ""

    def stop_at(self, when: float) -> Stop | None:
        """Return the stop at a time."""
        return next((stop for stop in self.stops if stop.begin <= when < stop.end), None)


def draw_plan(random: Random, fault: SourceFault, moment: float, begin: float) -> SourcePlan:
    """Generate a random source.

    :param random: random number generator.
    :param fault: what happens to it.
    :param moment: reference time, in seconds; most happens near it.
    :param begin: start of the waits, in seconds.
    """
    traffics = TRAFFICS[2:] if "filtered" in fault.incidents else TRAFFICS
    if not fault.incidents:
        # Without a fault, the question is how soon a quiet source opens.
        traffics += TRAFFICS[3:] * 2
    plan = SourcePlan(
        family=random.choice(fault.families), heartbeat=random.choice(HEARTBEATS), traffic=random.choice(traffics)
    )
    plan.skew = random.uniform(-fault.skew, fault.skew)
    plan.pending_behind = random.choice((-1.0, 0.0)) if plan.binlog else -1.0
    plan.counts_rows, plan.meters_rows = random.random() < 0.5, random.random() < 0.5
    plan.lists_snapshots = random.random() < 0.7
    plan.frozen = "frozen restart" in fault.incidents
    plan.flushed = random.uniform(0.0, 60.0)
    plan.kafka_heartbeat = None if plan.heartbeat == "none" else random.choice((10.0, 60.0))
    for incident in fault.incidents:
        _add(random, plan, incident, moment)
    _separate(plan)
    commits = _commits(random, plan, moment, begin)
    if "filtered" in fault.incidents:
        commits += _trickle(random, "filtered", random.choice((1.0, 5.0)), moment, (1, 5))
    if "long transaction" in fault.incidents:
        commits += _long_transaction(random, moment)
    _write_log(random, plan, commits, moment)
    return plan


class _Commit(NamedTuple):
    at: float
    kind: EventKind
    records: int
    # Reading a long transaction takes a second per part.
    seconds: float = 0.0


def _near(random: Random, moment: float) -> float:
    return moment + random.uniform(-60.0, 60.0) - abs(random.gauss(0.0, 200.0))


def _add(random: Random, plan: SourcePlan, incident: Incident, moment: float) -> None:
    when, lasts = _near(random, moment), min(max(random.lognormvariate(5.5, 0.9), 30.0), 4000.0)
    match incident:
        case "behind":
            first = moment - random.uniform(100.0, 1500.0)
            peak = moment + random.uniform(-90.0, 600.0)
            height = random.uniform(90.0, 900.0)
            plan.ramps.append(Ramp(first, peak, peak + random.uniform(1.0, 3.0) * height, height))
        case "stall":
            plan.stops.append(Stop(when, when + lasts, "stall"))
        case "endless stall":
            plan.stops.append(Stop(when, moment + 2 * AFTER, "stall"))
        case "stopped job":
            plan.stops.append(Stop(when, random.choice((when + 4 * lasts, moment + 2 * AFTER)), "job"))
        case "disconnect":
            plan.stops.append(Stop(when, when + lasts, "disconnect"))
        case "hidden disconnect":
            # On MySQL and MariaDB the flag shows the real state.
            plan.stops.append(Stop(when, when + lasts, "disconnect", shown=plan.binlog))
        case "restart":
            plan.stops.append(Stop(when, when + random.uniform(20.0, 180.0), "restart"))
            _initialize(random, plan)
        case "restarts":
            for _ in range(random.randint(3, 5)):
                plan.stops.append(Stop(when, when + random.uniform(20.0, 90.0), "restart"))
                when = plan.stops[-1].end + random.uniform(30.0, 200.0)
                _initialize(random, plan)
        case "lost queue":
            when = moment + random.uniform(-20.0, 240.0)
            plan.blocked.append((when - random.uniform(10.0, 90.0), when + 1.0))
            plan.stops.append(Stop(when, when + random.uniform(5.0, 180.0), "restart"))
            _initialize(random, plan)
        case "frozen restart":
            plan.stops.append(Stop(when, when + random.uniform(60.0, 600.0), "restart"))
        case "blocking":
            plan.stops.append(Stop(when, when + lasts, "blocking"))
        case "short blocking":
            when = moment + random.uniform(-60.0, 60.0)
            plan.stops.append(Stop(when, when + random.uniform(5.0, 55.0), "blocking"))
        case "queue":
            for _ in range(random.randint(1, 4)):
                when = moment + random.uniform(-60.0, 300.0)
                plan.blocked.append((when, when + random.uniform(10.0, 30.0)))
        case "incremental" | "short incremental" | "paused incremental":
            plan.snapshots.append(_snapshot(random, incident, moment))
        case "filtered" | "long transaction":
            # These are commits.
            pass


def _initialize(random: Random, plan: SourcePlan) -> None:
    """Add the time after a restart in which the task shows that it streams, but is not initialized yet."""
    if random.random() < 0.6:
        up = plan.stops[-1].end
        plan.stops.append(Stop(up, up + random.uniform(5.0, 300.0), "stall"))


def _snapshot(random: Random, incident: Incident, moment: float) -> SnapshotPlan:
    begin, query, rows = moment + random.uniform(-600.0, 120.0), random.uniform(0.5, 3.0), random.randint(10, 2000)
    chunks = random.randint(3, 12) if incident == "short incremental" else random.randint(20, 300)
    snapshot = SnapshotPlan(begin, chunks, rows, query, other=random.random() < 0.4)
    if incident != "paused incremental":
        return snapshot
    chunks = random.randint(8, 40)
    return snapshot._replace(
        chunks=chunks, pause_after=random.randint(3, chunks - 1), pause=random.uniform(120.0, 1200.0)
    )


def _separate(plan: SourcePlan) -> None:
    """Sort the stops, and cut each where the next one begins."""
    plan.stops.sort()
    for index, later in enumerate(plan.stops[1:]):
        stop = plan.stops[index]
        plan.stops[index] = stop._replace(end=min(stop.end, later.begin))
    plan.blocked.sort()


def _commits(random: Random, plan: SourcePlan, moment: float, begin: float) -> list[_Commit]:
    commits: list[_Commit] = []
    match plan.traffic:
        case "busy":
            commits += _trickle(random, "change", random.uniform(1.5, 6.0), moment, (1, 50))
        case "steady":
            commits += _trickle(random, "change", random.uniform(10.0, 60.0), moment, (1, 20))
        case "bursts":
            for _ in range(random.randint(3, 8)):
                at = moment + random.uniform(-BEFORE, AFTER)
                for _ in range(random.randint(1, 40)):
                    at += random.expovariate(2.0)
                    commits.append(_Commit(at, "change", random.randint(1, 500)))
        case "sparse":
            commits += _trickle(random, "change", random.uniform(600.0, 3600.0), moment, (1, 20))
        case "quiet":
            commits.append(_Commit(moment - random.uniform(1800.0, BEFORE - 60.0), "change", random.randint(1, 200)))
    # The worst time for a change: just before the reference time.
    if random.random() < 0.8:
        commits += _last_changes(random, moment)
    if random.random() < 0.4:
        commits += _last_changes(random, begin)
    if random.random() < 0.3:
        plan.others_every = random.choice((5.0, 60.0, 600.0))
        commits += _trickle(random, "other", plan.others_every, moment, (1, 20))
    if random.random() < 0.3:
        commits += _trickle(random, "filtered", random.choice((5.0, 60.0, 600.0)), moment, (1, 20))
    return commits


def _last_changes(random: Random, moment: float) -> list[_Commit]:
    mean = random.choice((5.0, 40.0, 240.0))
    return [
        _Commit(moment - random.expovariate(1 / mean), "change", int(random.lognormvariate(3.0, 1.5)) + 1)
        for _ in range(random.randint(1, 3))
    ]


def _trickle(random: Random, kind: EventKind, every: float, moment: float, records: tuple[int, int]) -> list[_Commit]:
    commits, at = [], moment - BEFORE + random.uniform(0.0, every)
    while at < moment + AFTER:
        commits.append(_Commit(at, kind, random.randint(*records)))
        at += random.expovariate(1 / every)
    return commits


def _long_transaction(random: Random, moment: float) -> list[_Commit]:
    kinds: tuple[EventKind, ...] = ("change", "change", "other", "filtered")
    at, kind = moment + random.uniform(-180.0, 60.0), random.choice(kinds)
    size = random.randint(10, 200)
    return [_Commit(at, kind, size, 1.0) for _ in range(random.randint(30, 600))]


def _write_log(random: Random, plan: SourcePlan, commits: list[_Commit], moment: float) -> None:
    commits += _heartbeats(random, plan, moment)
    commits.sort(key=lambda commit: commit.at)
    records = sum(commit.records for commit in commits)
    # After a stall the connector reads several times faster than the database writes.
    rate = records / (BEFORE + AFTER) * random.choice((3.0, 10.0, 50.0)) + 50.0
    latency, queued = _LATENCY[plan.family], random.choice((0.05, 0.3, 1.0))
    plan.log = [
        LogEvent(
            commit.at,
            order,
            commit.kind,
            commit.records,
            latency * random.uniform(0.2, 1.8),
            commit.seconds or commit.records / rate,
            min(random.expovariate(1 / queued), 2.0),
        )
        for order, commit in enumerate(commits)
    ]


def _heartbeats(random: Random, plan: SourcePlan, moment: float) -> list[_Commit]:
    if plan.heartbeat not in CAPTURED_HEARTBEATS and plan.heartbeat != "table filtered":
        return []
    every = 60.0 if plan.heartbeat == "table, every 60 s" else 10.0
    kind: EventKind = "filtered" if plan.heartbeat == "table filtered" else "other"
    first = moment - BEFORE + random.uniform(0.0, every)
    times = [first + number * every for number in range(int((BEFORE + AFTER) / every))]
    # The connector itself writes them, and does not while it is stuck or down. A stopped capture job does not stop it.
    return [_Commit(at, kind, 1) for at in times if (stop := plan.stop_at(at)) is None or stop.kind == "job"]
