# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Faults between the source database and Kafka: single kinds, and random combinations."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random
from typing import Literal

from benchmarks.accuracy.faults import FAULTS as DESTINATION_FAULTS
from benchmarks.accuracy.faults import Fault, combine

#: Families of databases. Metrics of the binlog families are set by every event, those of the others by captured ones.
FAMILIES = ("postgresql", "sqlserver", "mongodb", "oracle", "mysql", "mariadb")
BINLOG_FAMILIES = frozenset({"mysql", "mariadb"})

Heartbeat = Literal["none", "Kafka only", "table, every 10 s", "table, every 60 s", "table filtered", "query fails"]
HEARTBEATS: tuple[Heartbeat, ...] = (
    "none",
    "Kafka only",
    "table, every 10 s",
    "table, every 60 s",
    "table filtered",
    "query fails",
)
#: Heartbeats that make captured events.
CAPTURED_HEARTBEATS = frozenset({"table, every 10 s", "table, every 60 s"})

Traffic = Literal["busy", "steady", "bursts", "sparse", "quiet"]
TRAFFICS: tuple[Traffic, ...] = ("busy", "steady", "bursts", "sparse", "quiet")

Incident = Literal[
    "behind",
    "stall",
    "endless stall",
    "stopped job",
    "disconnect",
    "hidden disconnect",
    "restart",
    "restarts",
    "lost queue",
    "frozen restart",
    "incremental",
    "short incremental",
    "paused incremental",
    "blocking",
    "short blocking",
    "filtered",
    "long transaction",
    "queue",
]

# Incidents that delay capture, one of which accompanies a fault that only shows if the source is behind.
_DELAYS: tuple[Incident, ...] = (
    "behind",
    "stall",
    "stall",
    "disconnect",
    "restart",
    "filtered",
    "incremental",
    "blocking",
    "long transaction",
)


@dataclass(frozen=True, slots=True)
class SourceFault:
    """One kind of fault of a source, or a combination.

    :param name: the name in the tables.
    :param incidents: what happens near the reference time.
    :param delayed: one or two more random incidents delay the capture of changes.
    :param covered: the pipeline gate with ``idle_source="proof"`` must not open early. False if no response
        contradicts the fault in time.
    :param families: the families of databases in which it occurs, default all.
    :param exporter: the fault of the source's exporter.
    :param skew: maximum seconds by which the clock of the database differs from the connector's, in either direction.
    :param cached: maximum seconds for which the API caches ``latest``.
    :param flag_delay: maximum seconds from a change of state to the flags that show it.
    :param alone: exclude from mixes.
    :param mix: combine 2 to 4 random kinds per pipeline, from the covered ones or from all.
    """

    name: str
    incidents: tuple[Incident, ...] = ()
    delayed: bool = False
    covered: bool = True
    families: tuple[str, ...] = FAMILIES
    exporter: Fault = field(default=DESTINATION_FAULTS[0])
    skew: float = 0.5
    cached: float = 0.0
    flag_delay: float = 30.0
    alone: bool = False
    mix: Literal["", "covered", "all"] = ""


def _exporter(name: str, exporter: Fault, *, covered: bool = True) -> SourceFault:
    return SourceFault(f"metrics: {name}", delayed=True, exporter=exporter, covered=covered)


NO_FAULT = SourceFault("none", alone=True)

_COVERED = (
    NO_FAULT,
    SourceFault("capture is minutes behind", ("behind",)),
    SourceFault("stalled while connected, then a backlog", ("stall",)),
    SourceFault("stalled while connected, to the end", ("endless stall",)),
    SourceFault("capture job stopped, connected and idle", ("stopped job",), families=("sqlserver",)),
    SourceFault("disconnected, shows up to 10 minutes late", ("disconnect",), flag_delay=600.0),
    SourceFault("disconnected, never shows", ("hidden disconnect",)),
    SourceFault("restart: -1 until the first event", ("restart",)),
    SourceFault("restarts in a row", ("restarts",)),
    SourceFault("crash loses what is queued", ("lost queue",)),
    SourceFault("incremental snapshot", ("incremental",)),
    SourceFault("incremental snapshot while minutes behind", ("behind", "incremental")),
    SourceFault("incremental snapshot of less than a minute while behind", ("behind", "short incremental")),
    SourceFault("paused incremental snapshot while behind", ("behind", "paused incremental")),
    SourceFault("incremental snapshot, then a stall", ("incremental", "stall")),
    SourceFault("blocking snapshot", ("blocking",)),
    SourceFault("blocking snapshot of less than a minute", ("short blocking",)),
    SourceFault("filtered traffic", ("filtered",)),
    SourceFault("filtered traffic while minutes behind", ("filtered", "behind")),
    SourceFault("filtered traffic, stalled, then a backlog", ("filtered", "stall")),
    SourceFault("long transaction", ("long transaction",)),
    SourceFault("long transaction while minutes behind", ("long transaction", "behind")),
    SourceFault("queue before Kafka holds records for 30 s", ("queue",)),
    SourceFault("queue holds records for 30 s after a stall", ("queue", "stall")),
    SourceFault("clocks of database and connector up to 30 s apart", skew=30.0, delayed=True),
    SourceFault("latest cached for up to 5 minutes", cached=300.0, delayed=True),
    _exporter("null for minutes", Fault("", spans=("null", "null"))),
    _exporter("gaps", Fault("", spans=("gap", "gap"))),
    _exporter("frozen, stamp stands still", Fault("", spans=("still",))),
    _exporter("delayed by up to 8 minutes", Fault("", delay=480.0)),
    _exporter("running minute is 0 or too low", Fault("", running=True, delay=0.0)),
    _exporter("two values for one stamp", Fault("", doubled=True)),
    _exporter("points out of order", Fault("", unordered=True)),
    _exporter("points vanish", Fault("", vanishing=True)),
    _exporter("minutes start where the query starts", Fault("", moving_grid=True)),
    _exporter("latest is the newest minute's point", Fault("", latest_point=True)),
    _exporter("cached for up to 45 s", Fault("", cached=45.0)),
    _exporter("clock up to 30 s off", Fault("", clock=30.0)),
    _exporter("stamps 90 s to 5 minutes ahead", Fault("", alone=True, ahead=True)),
    _exporter("API fails now and then", Fault("", failing=True)),
    _exporter("timeseries fails for minutes", Fault("", alone=True, series_fails=True, delay=5.0)),
    _exporter("timeseries empty for minutes", Fault("", alone=True, series_empty="minutes", delay=5.0)),
    _exporter("timeseries always empty", Fault("", alone=True, series_empty="always", delay=5.0)),
)
_NOT_COVERED = (
    _exporter("frozen, stamp goes on", Fault("", spans=("repeat",)), covered=False),
    _exporter("0 for minutes", Fault("", spans=("zero",)), covered=False),
    _exporter("clock up to 5 minutes off", Fault("", clock=300.0), covered=False),
    SourceFault("metrics frozen during a restart", ("frozen restart",), covered=False),
    SourceFault("clocks of database and connector up to 5 minutes apart", skew=300.0, delayed=True, covered=False),
)

SOURCE_FAULTS = (
    *_COVERED,
    SourceFault("mix of 2 to 4 covered kinds", mix="covered"),
    *_NOT_COVERED,
    SourceFault("mix of 2 to 4 of all kinds", mix="all", covered=False),
)


def draw_source_fault(random: Random, fault: SourceFault) -> SourceFault:
    """Return the fault of one source: for a mix, a random combination; with random incidents, if it has any.

    :param random: random number generator.
    :param fault: the kind of fault.
    """
    drawn = fault
    if fault.mix:
        kinds = _COVERED if fault.mix == "covered" else (*_COVERED, *_NOT_COVERED)
        chosen = random.sample([kind for kind in kinds if not kind.alone], random.randint(2, 4))
        # Kinds of one family only.
        families = tuple(name for name in FAMILIES if all(name in kind.families for kind in chosen))
        exporters = [
            kind.exporter for kind in chosen if kind.exporter is not NO_FAULT.exporter and not kind.exporter.alone
        ]
        share = 1 / len(chosen) if fault.mix == "covered" else 1.0
        skews = [kind.skew for kind in chosen]
        drawn = SourceFault(
            " + ".join(kind.name for kind in chosen),
            tuple(dict.fromkeys(name for kind in chosen for name in kind.incidents)),
            any(kind.delayed for kind in chosen),
            all(kind.covered for kind in chosen),
            families,
            combine(random, exporters, share) if exporters else NO_FAULT.exporter,
            max(skews) * (share if max(skews) > NO_FAULT.skew else 1.0),
            max(kind.cached for kind in chosen),
            max(kind.flag_delay for kind in chosen),
        )
    more = random.sample(_DELAYS, random.choice((1, 1, 2))) if drawn.delayed else []
    return replace(drawn, incidents=tuple(dict.fromkeys((*drawn.incidents, *more))))
