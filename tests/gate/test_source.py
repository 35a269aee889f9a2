# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Which metrics prove that a source has captured everything, rule by rule."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from airflow_provider_streamkap.gate.conditions import SourceGate
from airflow_provider_streamkap.gate.source import (
    IDLE_MARGIN,
    IDLE_POLLS,
    MAX_FLAG_DELAY,
    MAX_LATEST_AGE,
    ProofKind,
    SourceHistory,
    SourcePoint,
    SourceReading,
    heartbeat_advice,
)

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)
ZERO = MIDNIGHT.timestamp()
# The delay and the time since the last event, in milliseconds, at a point.
QUIET = "60:50/9000 120:50/69000 180:50/129000 240:50/189000"
IDLE_LOG = "60:0/20000 120:0/32000 180:0/44000 240:0/8000"


class Proved(NamedTuple):
    """A proof, with times in seconds since midnight."""

    kind: ProofKind
    through: float
    captured_by: float


class Source:
    """A source with manual metrics. Times are seconds since midnight, the moment that matters is 0.

    :param polled: whether there was a poll at 0 without a snapshot.
    """

    def __init__(self, connector: str | None = "postgresql", *, polled: bool = True, **gate: Any) -> None:
        self.history = SourceHistory(SourceGate(**gate), connector, ZERO)
        if polled:
            self.poll(0)

    def poll(self, now: float, points: str | None = None, **latest: Any) -> Proved | None:
        """Add a poll, and return the proof with times in seconds since midnight.

        :param points: the timeseries, as ``"60:50/9000"`` (timestamp:delay/since), ``-`` for null.
        """
        read = tuple(_point(text) for text in points.split()) if points is not None else None
        reading = SourceReading(
            points=read,
            observed_at=MIDNIGHT + timedelta(seconds=now),
            **{
                "state": "Streaming",
                "connected": True,
                "delay_ms": 50,
                "since_ms": 9000,
                "snapshot_running": False,
                **latest,
            },
        )
        self.history.add(reading)
        self.reading = reading
        proof = self.history.proof
        return None if proof is None else Proved(proof.kind, proof.through - ZERO, proof.captured_by - ZERO)

    @property
    def reason(self) -> str:
        return self.history.not_proved_reason(self.reading)


def about(seconds: float) -> Any:
    """Return a value that equals a time, except for rounding."""
    return pytest.approx(seconds)


def _point(text: str) -> SourcePoint:
    at, _, values = text.partition(":")
    delay, since = (None if value == "-" else float(value) for value in values.split("/"))
    return SourcePoint(ZERO + float(at), delay, since)


# Captured events


def test_event_that_was_committed_later_proves() -> None:
    proof = Source().poll(260, "120:50/9000 180:70/3000 240:70/63000")
    # It was captured after the minute of the point at 120 began, and at 177.
    assert proof == Proved(ProofKind.CAPTURED_EVENT, about(60 - 0.07), 177)


@pytest.mark.parametrize(
    "points",
    [
        pytest.param(QUIET, id="no event"),
        pytest.param("60:50/9 120:50/9 180:50/9 240:50/9", id="filtered events"),
        pytest.param("120:50/9000 180:70/3000", id="newest point"),
        pytest.param("120:50/9000 180:99000/3000 240:99000/63000", id="committed earlier"),
        pytest.param("120:50/9000 180:9000/3000 240:99000/63000", id="mean of a rising delay"),
        pytest.param("120:50/9000 180:-/3000 240:70/63000", id="unknown delay"),
        pytest.param("120:50/9000 180:70/- 240:70/63000", id="unknown time since the last event"),
        pytest.param("120:-1/-1 180:70/3000 240:70/63000", id="first event since a restart"),
        pytest.param("120:50/9000 150:-1/-1 180:70/3000 240:70/63000", id="restart between the points"),
        pytest.param("120:50/9000 180:-70000/3000 240:-70000/63000", id="clock of the database ahead"),
        pytest.param("360:50/9000 420:70/3000 480:70/63000", id="timestamps ahead"),
        pytest.param("120:50/9000 180:70/903000 240:70/963000", id="last event was long ago"),
        pytest.param("120:50/9000 180:70/3000 240:70/3000", id="metrics that stand still after a change"),
        pytest.param("180:70/3000 240:70/63000", id="no earlier point"),
        pytest.param("", id="no points"),
        pytest.param(None, id="not requested"),
    ],
)
def test_points_prove_nothing(points: str | None) -> None:
    assert Source().poll(300, points) is None


def test_first_event_that_was_committed_late_enough_counts() -> None:
    proof = Source().poll(400, "60:50/0 120:50/0 180:70/3000 240:60/3000 300:80/3000")
    assert proof == Proved(ProofKind.CAPTURED_EVENT, about(60 - 0.07), 180)


def test_quiet_source_was_read_before_its_next_point() -> None:
    proof = Source().poll(400, "60:50/0 120:50/0 180:70/30000 240:70/90000")
    assert proof is not None
    assert proof.captured_by == 150


def test_clock_of_database_that_is_ahead_is_subtracted() -> None:
    source = Source()
    proof = source.poll(300, "120:50/9000 180:-30000/3000 240:-30000/63000")
    assert proof == Proved(ProofKind.CAPTURED_EVENT, about(60 - 30), 177)
    assert source.history.clock_lead == 30


def test_timestamps_that_are_ahead_are_subtracted() -> None:
    source = Source()
    proof = source.poll(200, "120:50/9000 180:70/3000 240:70/63000")
    assert proof == Proved(ProofKind.CAPTURED_EVENT, about(60 - 0.07 - 40), 177)


def test_proof_is_kept() -> None:
    source = Source()
    proof = source.poll(400, "120:50/0 180:70/3000 240:70/63000")
    assert proof is not None
    assert source.poll(460) == proof
    assert source.poll(520, connected=False, delay_ms=None) == proof


@pytest.mark.parametrize(
    ("connector", "points", "close"),
    [
        ("postgresql", "120:50/0 180:70/3000", True),
        ("postgresql", "60:50/0 120:50/0 180:-1/-1 240:70/0", True),
        ("postgresql", QUIET, False),
        ("postgresql", "120:900000/0 180:1000000/3000", False),
        ("postgresql", "120:50/0 180:70/3000 240:70/193000", False),
        ("postgresql", "", False),
        ("mysql", IDLE_LOG, True),
        ("mysql", QUIET, False),
    ],
)
def test_source_with_events_is_close_to_a_proof(connector: str, points: str, close: bool) -> None:
    source = Source(connector)
    # Too early for a proof.
    source.history.measured_after = ZERO + 900
    source.poll(960, points)
    assert source.history.is_close == close
    assert ("waiting for points which show" in source.reason) == close


# The end of the log on MySQL and MariaDB


@pytest.mark.parametrize("connector", ["mysql", "MariaDB", "amazon-rds-mysql"])
def test_end_of_log_proves_on_mysql(connector: str) -> None:
    proof = Source(connector).poll(260, IDLE_LOG)
    assert proof == Proved(ProofKind.LOG_HEARTBEAT, 28, 120)


@pytest.mark.parametrize("connector", ["postgresql", "sqlserver", None])
def test_delay_of_zero_proves_nothing_elsewhere(connector: str | None) -> None:
    assert Source(connector).poll(260, IDLE_LOG) is None


@pytest.mark.parametrize(
    "points",
    [
        pytest.param("60:0/20000 120:0/20000 180:0/20000", id="metrics stand still"),
        pytest.param("60:0/0 120:0/0 180:0/0", id="before the first event"),
        pytest.param("60:500/0 120:0/0 180:0/0", id="restarted"),
        pytest.param("60:0/80000 120:0/140000 180:0/200000", id="no heartbeat"),
        pytest.param("120:0/32000 180:500/44000", id="behind"),
    ],
)
def test_points_prove_nothing_on_mysql(points: str) -> None:
    assert Source("mysql").poll(260, points) is None


def test_filtered_events_prove_on_mysql() -> None:
    proof = Source("mysql").poll(400, "60:0/9 120:1000/9 180:2000/9 240:1000/9")
    assert proof is not None
    assert proof.kind is ProofKind.CAPTURED_EVENT


# The last event, for sources whose delay is constant


def test_new_last_event_proves() -> None:
    source = Source()
    for now in range(60, 600, 60):
        assert source.poll(now, last_event="a") is None
    assert source.poll(600, last_event="b") == Proved(ProofKind.CAPTURED_EVENT, about(540 - MAX_LATEST_AGE - 0.05), 600)


@pytest.mark.parametrize(
    "latest",
    [
        pytest.param({"last_event": "a"}, id="same event"),
        pytest.param({"last_event": None}, id="unknown event"),
        pytest.param({"last_event": "b", "delay_ms": None}, id="unknown delay"),
        pytest.param({"last_event": "b", "delay_ms": 900_000}, id="committed earlier"),
    ],
)
def test_last_event_proves_nothing(latest: dict[str, Any]) -> None:
    source = Source()
    for now in range(60, 600, 60):
        source.poll(now, last_event="a")
    assert source.poll(600, **latest) is None


def test_new_last_event_may_be_from_before() -> None:
    source = Source()
    source.poll(60, last_event="a")
    assert source.poll(120, last_event="b") is None


# Snapshots

GOOD = "120:50/0 180:70/3000 240:70/63000"
SNAPSHOTS = [
    pytest.param({"snapshot_running": True}, id="running"),
    pytest.param({"snapshot_running": None}, id="unknown"),
    pytest.param({"snapshots": (("running", "t"),)}, id="status of a topic"),
    pytest.param({"snapshots": (("odd", None),)}, id="unknown status"),
]


@pytest.mark.parametrize("latest", SNAPSHOTS)
def test_rows_of_snapshot_prove_nothing(latest: dict[str, Any]) -> None:
    source = Source()
    source.poll(60, **latest)
    assert source.poll(260, GOOD, **latest) is None
    assert "snapshot" in source.reason


@pytest.mark.parametrize("latest", SNAPSHOTS)
def test_snapshot_discards_recent_proof(latest: dict[str, Any]) -> None:
    source = Source()
    assert source.poll(260, GOOD) is not None
    assert source.poll(320, **latest) is None


@pytest.mark.parametrize("latest", SNAPSHOTS)
def test_snapshot_keeps_old_proof(latest: dict[str, Any]) -> None:
    source = Source()
    source.poll(260, GOOD)
    assert source.poll(260 + MAX_FLAG_DELAY - 60 + MAX_LATEST_AGE, **latest) is not None


@pytest.mark.parametrize(
    "latest",
    [{"snapshot_events": 7}, {"snapshot_completed": True}, {"snapshots": (("completed", "t"),)}],
    ids=["rows", "completed", "listed"],
)
def test_snapshot_between_two_polls_counts(latest: dict[str, Any]) -> None:
    source = Source()
    assert source.poll(260, GOOD, **latest) is None
    # From then on there was none.
    assert source.poll(500, "330:50/0 390:70/3000 450:70/63000", **latest) is not None


def test_unknown_number_of_snapshot_rows_is_no_snapshot() -> None:
    source = Source()
    for now in range(60, 260, 60):
        source.poll(now, snapshot_events=7 if now % 120 else None)
    assert source.history.clean_since == ZERO + 60
    source.poll(260, snapshot_events=8)
    assert source.history.clean_since == ZERO + 260


def test_points_before_first_poll_prove_nothing() -> None:
    source = Source(polled=False)
    assert source.poll(260, GOOD) is None
    assert source.poll(500, "300:50/0 360:70/3000 420:70/63000") is None
    assert source.poll(560, "300:50/0 360:70/3000 420:60/63000 480:60/100") is not None


@pytest.mark.parametrize("ahead", [-600, 0, 600])
def test_proof_passes_once_later_poll_shows_no_snapshot(ahead: int) -> None:
    source = Source()
    source.history.measured_after = ZERO - 3600
    points = " ".join(f"{at + ahead}:{values}" for at, values in ((120, "50/0"), (180, "70/3000"), (240, "70/63000")))
    source.history.clean_since = ZERO - 3600
    assert source.poll(260, points) is not None
    # A minute had passed since the capture, by the timestamps of the API, whose clock may differ.
    flags_from = ZERO + 260 + MAX_FLAG_DELAY - 60
    source.poll(flags_from - ZERO - 1)
    assert not source.history.passes
    source.poll(flags_from - ZERO)
    assert source.history.passes


def test_no_snapshot_must_have_read_rows_since_the_event_by_the_clock_of_the_api() -> None:
    source = Source()
    source.history.measured_after = ZERO - 3600
    # The API's clock is 600 s ahead, so these points are from before the first poll.
    assert source.poll(260, "420:50/0 480:70/3000 540:70/63000 860:70/383000") is None


@pytest.mark.parametrize("idle_source", ["proof", "assume"])
def test_capture_without_timestamp_is_dated_by_the_clock_of_the_api(idle_source: str) -> None:
    source = Source(idle_source=idle_source)
    source.history.timestamp_lead = 600
    source.history.measured_after = ZERO - 3600
    proof = None
    for now in range(60, 600, 60):
        proof = source.poll(now, last_event="a")
    if idle_source == "proof":
        proof = source.poll(600, last_event="b")
    assert proof is not None
    assert proof.captured_by == (1200 if idle_source == "proof" else 60 * 4 + 600)


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        ({"snapshot_running": False}, None),
        ({}, "whether a snapshot is running is unknown"),
        ({"snapshot_running": True}, "a snapshot is running"),
        ({"snapshot_running": False, "snapshot_state": "Paused"}, "a snapshot is Paused"),
        ({"snapshot_running": False, "snapshot_state": "COMPLETED"}, None),
        ({"snapshot_running": False, "snapshots": (("completed", "a"), ("Failed", None), ("cancelled", "b"))}, None),
        ({"snapshot_running": False, "snapshots": (("pending", "a"),)}, "a snapshot is pending"),
        ({"snapshot_running": False, "snapshots": (("", None),)}, "a snapshot is in an unknown state"),
        # Another topic, in the format of the pipeline's topics.
        ({"snapshot_running": False, "snapshots": (("completed", "a"), ("paused", "b"))}, None),
        # Another topic, or the same in another format.
        ({"snapshot_running": False, "snapshots": (("completed", "x.a"), ("paused", "x.b"))}, "a snapshot is paused"),
    ],
)
def test_active_snapshot(reading: dict[str, Any], expected: str | None) -> None:
    assert SourceReading(**reading).active_snapshot(("a",)) == expected


# An idle source


def polls_of_idle(source: Source, count: int, start: float = IDLE_MARGIN, **latest: Any) -> Proved | None:
    """Poll every minute from a start, and return the last proof."""
    proof = None
    for number in range(count):
        now = start + 60 * number
        proof = source.poll(now, QUIET if now > 240 else None, **latest)
    return proof


def test_idle_source_proves_nothing() -> None:
    source = Source()
    assert polls_of_idle(source, 30) is None
    assert source.reason.startswith("idle, so nothing shows")


def test_idle_source_is_assumed_to_be_complete() -> None:
    source = Source(idle_source="assume")
    assert polls_of_idle(source, IDLE_POLLS - 1) is None
    ended = IDLE_MARGIN + 60 * (IDLE_POLLS - 1)
    assert source.poll(ended) == Proved(ProofKind.ASSUMED, 0, ended)


def test_early_polls_of_idle_source_do_not_count() -> None:
    source = Source(idle_source="assume")
    assert polls_of_idle(source, IDLE_POLLS, start=IDLE_MARGIN - 60) is None


@pytest.mark.parametrize(
    "latest",
    [
        pytest.param({"connected": False}, id="not connected"),
        pytest.param({"connected": None}, id="connection unknown"),
        pytest.param({"state": "Stopped"}, id="not streaming"),
        pytest.param({"state": None}, id="state unknown"),
        pytest.param({"streaming_state": "disconnected"}, id="not connected to the database"),
        pytest.param({"delay_ms": None}, id="no event since the start"),
        pytest.param({"snapshot_running": True}, id="snapshot"),
    ],
)
def test_nothing_is_assumed(latest: dict[str, Any]) -> None:
    assert polls_of_idle(Source(idle_source="assume"), 9, **latest) is None


@pytest.mark.parametrize("name", ["delay_ms", "last_event"])
def test_source_with_events_is_not_idle(name: str) -> None:
    source = Source(idle_source="assume")
    for number in range(9):
        value = 900_000 + number if name == "delay_ms" else str(number)
        latest: dict[str, Any] = {"delay_ms": 900_000, name: value}
        assert source.poll(IDLE_MARGIN + 60 * number, **latest) is None


@pytest.mark.parametrize(
    ("points", "latest", "says"),
    [
        ("", {}, "the timeseries has no points"),
        ("120:-/-", {}, "the delay is unknown"),
        (QUIET, {"connected": False}, "the connector is not connected to the database"),
        (QUIET, {"delay_ms": None}, "no captured event shows yet that changes committed before 2026-03-01 00:00:00Z"),
        (None, {"delay_ms": None}, "no captured event shows yet"),
    ],
)
def test_reason(points: str | None, latest: dict[str, Any], says: str) -> None:
    source = Source()
    source.poll(260, points, **latest)
    assert says in source.reason


@pytest.mark.parametrize(("connector", "says"), [("mysql", "server's own heartbeat"), (None, "streamkap_heartbeat")])
def test_advice_names_heartbeat(connector: str | None, says: str) -> None:
    assert says in heartbeat_advice(connector)


# Serialization


def test_state_survives_another_process() -> None:
    source = Source(idle_source="assume")
    source.poll(60, QUIET, delay_ms=-7000, last_event="a")
    polls_of_idle(source, 2, last_event="a")
    state = json.loads(json.dumps(source.history.to_dict()))
    restored = SourceHistory.from_dict(source.history.gate, "postgresql", None, state)
    assert restored.to_dict() == source.history.to_dict()
    assert restored.clock_lead == 7


def test_proof_survives_another_process() -> None:
    source = Source()
    source.poll(260, GOOD)
    state = json.loads(json.dumps(source.history.to_dict() | {"of another version": 1}))
    restored = SourceHistory.from_dict(source.history.gate, "postgresql", ZERO, state)
    assert restored.proof == source.history.proof


def restore(source: Source) -> None:
    """Continue in another process."""
    state = json.loads(json.dumps(source.history.to_dict()))
    source.history = SourceHistory.from_dict(source.history.gate, source.history.connector, ZERO, state)


def test_new_last_event_is_seen_in_another_process() -> None:
    source = Source()
    for now in range(60, 600, 60):
        assert source.poll(now, last_event="a") is None
        restore(source)
    assert source.poll(600, last_event="b") is not None


@pytest.mark.parametrize("snapshots", [None, (("completed", "t"),)])
def test_end_of_snapshot_is_seen_in_another_process(snapshots: Any) -> None:
    source = Source()
    source.poll(60, snapshots=snapshots)
    restore(source)
    source.poll(120, snapshots=snapshots)
    before = source.history.clean_since
    restore(source)
    source.poll(180, snapshots=(("completed", "t"), ("completed", "u")), snapshot_events=7)
    assert before is not None
    assert source.history.clean_since == ZERO + 180


def test_polls_of_idle_source_count_across_processes() -> None:
    source = Source(idle_source="assume")
    for now in (60, 180, 240, 300):
        source.poll(now)
        restore(source)
    assert source.history.proof is not None
    assert source.history.proof.kind is ProofKind.ASSUMED


def test_state_before_first_poll_is_empty() -> None:
    assert SourceHistory(SourceGate()).to_dict() == {}


def test_first_poll_is_the_moment_by_default() -> None:
    history = SourceHistory(SourceGate())
    history.add(SourceReading(observed_at=MIDNIGHT))
    assert history.measured_after == ZERO


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"idle_source": "guess"}, "idle_source must be 'proof' or 'assume'; got 'guess'"),
        ({"max_source_delay_ms": -1}, "max_source_delay_ms must be a number from 0"),
        ({"settle_seconds": None}, "settle_seconds must be a number from 0"),
        ({"allow_snapshot": 1}, "allow_snapshot must be True or False; got 1"),
    ],
)
def test_wrong_argument(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        SourceGate(**arguments)


@pytest.mark.parametrize(
    ("reading", "text"),
    [
        ({}, "state unknown, delay unknown"),
        (
            {"status": "Active", "state": "Streaming", "connected": False, "delay_ms": 1500, "since_ms": 20},
            "status Active, state Streaming, not connected, delay 1.5 s, last event 20 ms ago",
        ),
        ({"delay_ms": -1500, "since_ms": -1}, "state unknown, delay -1.5 s"),
        ({"delay_ms": -1, "since_ms": -1}, "state unknown, delay unknown"),
    ],
)
def test_text_of_reading(reading: dict[str, Any], text: str) -> None:
    assert str(SourceReading(**reading)) == text
