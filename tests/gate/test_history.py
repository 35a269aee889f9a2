# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Which timestamped lag points count as evidence, rule by rule and contradiction by contradiction."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_streamkap.api.errors import StreamkapConnectionError
from airflow_provider_streamkap.gate.conditions import DestinationGate
from airflow_provider_streamkap.gate.reading import LagPoint, Reading
from airflow_provider_streamkap.gate.spec import WaitSpec
from airflow_provider_streamkap.gate.state import FailureKind
from airflow_provider_streamkap.gate.wait import Failed, NextStep, PollAgain, ResourceWait, Succeeded
from tests.gate.states import state_of

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)
DOWN = StreamkapConnectionError("connection refused")
NO_POINT = "the timeseries has no lag points"


class Wait:
    """A wait on one destination, ``d1``, with manual input; times are seconds since midnight.

    :param after: ``observed_after``; ``None``: not set.
    """

    def __init__(self, after: float | None = None, *, condition: dict[str, Any] | None = None, **spec: Any) -> None:
        moment = None if after is None else MIDNIGHT + timedelta(seconds=after)
        gate = DestinationGate(**{"observed_after": moment, **(condition or {})})
        for name in {"deadline", "started"} & spec.keys():
            spec[name] += MIDNIGHT.timestamp()
        self.wait = ResourceWait(WaitSpec(("d1",), gate, **spec))

    def poll(
        self,
        now: float,
        points: str | None = "",
        status: str | None = "Active",
        latest: float | None = None,
        partitions: float | None = None,
    ) -> NextStep:
        """Add a poll.

        :param points: the timeseries, as ``"960:0 1020:5"`` (timestamp:lag), in any order.
        :param latest: the latest lag.
        """
        at = MIDNIGHT + timedelta(seconds=now)
        worst: dict[float, float] = {}
        for stamp, lag in ((float(part) for part in point.split(":")) for point in (points or "").split()):
            worst[stamp] = max(lag, worst.get(stamp, 0))
        known = tuple(LagPoint(MIDNIGHT.timestamp() + stamp, worst[stamp]) for stamp in sorted(worst))
        reading = Reading(status, latest, None, None if points is None else known, at, partitions)
        return self.wait.advance({"d1": reading}, at.timestamp())

    def fail(self, now: float) -> NextStep:
        return self.wait.advance({"d1": DOWN}, MIDNIGHT.timestamp() + now)

    @property
    def missing(self) -> str:
        return str(self.wait.resources["d1"].reason)

    @property
    def warning(self) -> str:
        return "; ".join(self.wait.warnings)

    @property
    def confirmed(self) -> int:
        return self.wait.resources["d1"].confirmations

    def restarted(self) -> Wait:
        """Continue in another process."""
        restored = Wait()
        restored.wait = ResourceWait.from_dict(self.wait.spec, json.loads(json.dumps(self.wait.to_dict())))
        return restored


def confirming(step: NextStep) -> bool:
    return isinstance(step, PollAgain) and step.confirming


# A wait that has polled since its start, 900, on a connector known to be running; points have the timestamp of the
# start of their minute and are available after its end.
def running(**spec: Any) -> Wait:
    wait = Wait(900, **spec)
    for now in (840, 900, 960):
        wait.poll(now, "780:5 840:5")
    return wait


def test_two_consecutive_points_open_gate() -> None:
    wait = running()
    assert confirming(wait.poll(1020, "900:5 960:0")) is True
    assert wait.confirmed == 1
    assert wait.poll(1080, "900:5 960:0 1020:0") == Succeeded(("d1",))


def test_repeated_point_confirms_nothing() -> None:
    wait = running()
    for now in (1020, 1040, 1060):
        assert confirming(wait.poll(now, "900:5 960:0"))
        assert wait.confirmed == 1


def test_each_confirmation_needs_a_point() -> None:
    wait = running(confirmations=3)
    assert confirming(wait.poll(1020, "960:0"))
    assert confirming(wait.poll(1080, "960:0 1020:0"))
    assert wait.poll(1140, "960:0 1020:0 1080:0") == Succeeded(("d1",))


def test_one_response_is_never_enough_for_two_confirmations() -> None:
    wait = running()
    assert confirming(wait.poll(1200, "960:0 1020:0 1080:0"))
    assert wait.poll(1220, "960:0 1020:0 1080:0") != Succeeded(("d1",))


def test_points_in_first_minute_after_observed_after_do_not_count() -> None:
    wait = running()
    assert wait.poll(1019, "900:0 959:0") == PollAgain(60)
    assert (
        wait.missing
        == "the newest lag point is from 2026-03-01 00:15:59Z, but must be from 2026-03-01 00:16:00Z or later"
    )


def test_observed_after_defaults_to_start_of_wait() -> None:
    wait = Wait(started=900)
    wait.poll(902, "780:0 840:0", latest=0)
    assert "must be from 2026-03-01 00:16:00Z or later" in wait.missing
    wait.poll(962, "840:0 900:0", latest=0)
    wait.poll(1022, "900:0 960:5800", latest=0)
    assert wait.missing == "lag 5,800 > 0"


def test_observed_after_defaults_to_first_poll_without_start() -> None:
    wait = Wait()
    wait.poll(900, "840:0")
    assert "must be from 2026-03-01 00:16:00Z or later" in wait.missing
    restored = wait.restarted()
    restored.poll(950, "840:0")
    assert "must be from 2026-03-01 00:16:00Z or later" in restored.missing


# Wrong values that used to open the gate, each reduced to the relevant polls.
LIES: dict[str, tuple[float, list[tuple[Any, ...]]]] = {
    "a point that was measured while Broken and carries the end of its minute": (
        1253,
        [(1380, "1380:0", "Broken"), (1440, "1440:0"), (1460, "1440:0 1500:0")],
    ),
    "minutes that are cut from the start of the query": (
        900,
        [(840, "780:9"), (900, "840:9"), (960, "900:8688 960:0"), (980, "920:8688 980:0")],
    ),
    "a cut that moves within the response": (
        900,
        [(840, "780:9"), (900, "840:9"), (960, "900:8688 960:0"), (1000, "960:0 980:0"), (1010, "960:0 1000:0")],
    ),
    "timestamps one to five minutes ahead": (
        784,
        [(840, "840:5"), (900, "960:0 1020:0 1080:0"), (960, "1020:0 1080:0 1140:0")],
    ),
    "timestamps ahead, seen once and delayed later": (
        784,
        [(840, "840:5 1020:5"), (900, "840:0 900:0"), (960, "900:0 960:0")],
    ),
    "a running minute that reads 0 and is revised": (
        845,
        [(780, "720:9"), (840, "780:9"), (900, "840:9"), (960, "900:11150 960:0"), (1020, "960:9530 1020:0")],
    ),
    "two values for one timestamp": (
        875,
        [(840, "780:9"), (900, "840:9"), (960, "960:8042 960:0"), (1020, "1020:5282 1020:0")],
    ),
    "two values for one timestamp, in the other order": (
        875,
        [(840, "780:9"), (900, "840:9"), (960, "960:0 960:8042"), (1020, "1020:0 1020:5282")],
    ),
    "a latest lag that contradicts the points": (
        900,
        [(840, "780:9"), (900, "840:9"), (960, "960:0", "Active", 8711), (1020, "1020:0", "Active", 6851)],
    ),
    "a latest lag that contradicts the points, between two confirmations": (
        1000,
        [(1080, "1020:9"), (1140, "1080:0", "Active", 3330), (1200, "1140:0"), (1220, "1140:0 1200:0", "Active", 2390)],
    ),
    "a nonzero point between two zeros": (
        900,
        [(840, "780:9"), (900, "840:9"), (1020, "960:0"), (1080, "960:0 1020:700"), (1140, "1020:700 1080:0")],
    ),
    "a contradiction between two zeros": (
        900,
        [(840, "780:9"), (900, "840:9"), (1020, "960:0"), (1040, "960:0", "Active", 700), (1080, "960:0 1020:0")],
    ),
    "a value that is revised downward": (
        900,
        [(840, "780:9"), (900, "840:9"), (1020, "960:0"), (1080, "960:0 1020:700"), (1140, "960:0 1020:0 1080:0")],
    ),
    "minutes that are revised upward two minutes later": (
        1000,
        [
            (1000, "820:61 880:0 940:0"),
            (1060, "880:91 940:0 1000:0"),
            (1120, "940:114 1000:0 1060:0"),
            (1180, "940:114 1000:114 1060:0 1120:0"),
            (1200, "940:114 1000:114 1060:0 1120:0"),
            (1240, "1000:114 1060:114 1120:0 1180:0"),
        ],
    ),
    "the response of another destination now and then": (
        1000,
        [
            (1000, "820:500 880:600 940:700"),
            (1060, "820:0 880:0 940:0 1000:0"),
            (1120, "880:600 940:700 1000:800 1060:900"),
            (1180, "880:0 940:0 1000:0 1060:0 1120:0"),
            (1200, "940:0 1000:0 1060:0 1120:0 1180:0"),
            (1240, "940:0 1000:0 1060:0 1120:0 1180:0"),
        ],
    ),
    "no partition assigned while Active": (
        1000,
        [(now, f"{now - 120}:0 {now - 60}:0", "Active", 0, 0) for now in range(1000, 1600, 60)],
    ),
    "a timeseries that ends before the moment": (900, [(time, "780:0 840:0") for time in range(900, 1500, 60)]),
}


@pytest.mark.parametrize("name", LIES)
def test_gate_stays_closed_while_response_contradicts_points(name: str) -> None:
    after, polls = LIES[name]
    wait = Wait(after, condition={"fail_on_status": ()})
    for poll in polls:
        assert not isinstance(wait.poll(*poll), Succeeded), f"opened at {poll[0]}"


def test_gate_opens_after_contradictions_end() -> None:
    wait = Wait(900)
    for now in (900, 960, 1020):
        wait.poll(now, f"{now - 60}:0", latest=700)
    assert "latest lag 700 > 0, but the newest lag point is 0" in wait.missing
    assert confirming(wait.poll(1080, "960:0 1020:0", latest=0))
    assert "the lag was above the limit at 2026-03-01 00:17:00Z; waiting for a later point" in wait.missing
    assert confirming(wait.poll(1140, "1020:0 1080:0", latest=0))
    assert wait.poll(1200, "1080:0 1140:0", latest=0) == Succeeded(("d1",))


def test_future_timestamps_are_delayed_accordingly() -> None:
    wait = Wait(900)
    wait.poll(900, "960:5")
    wait.poll(960, "1019:0")
    assert (
        wait.missing
        == "the newest lag point is from 2026-03-01 00:16:59Z, but must be from 2026-03-01 00:17:00Z or later"
    )
    wait.poll(1020, "1020:0 1080:0")
    assert wait.poll(1040, "1020:0 1080:0 1100:0") == Succeeded(("d1",))
    wait = Wait(900)
    wait.poll(900, "1020:5")
    assert isinstance(wait.poll(960, "1020:5 1080:0"), PollAgain)
    wait.poll(1020, "1080:0 1140:0")
    wait.poll(1080, "1140:0 1200:0")
    wait.poll(1140, "1200:0 1260:0")
    assert "must be from 2026-03-01 00:23:00Z or later" in wait.missing


def test_absurd_timestamp_keeps_gate_closed_and_is_reported() -> None:
    wait = Wait(900)
    last = (datetime.max.replace(tzinfo=UTC) - MIDNIGHT).total_seconds() - 1
    for now in (960, 1020, 1080):
        assert isinstance(wait.poll(now, f"{last}:0"), PollAgain)
    assert "the newest lag point is from 9999-12-31" in wait.missing


def test_points_before_connector_was_running_do_not_count() -> None:
    wait = Wait(0)
    assert confirming(wait.poll(600, "480:0 540:0"))
    assert wait.missing == (
        "the newest lag point is from 2026-03-01 00:09:00Z, but must be from 2026-03-01 00:11:00Z or later, because "
        "the connector was first seen running at 2026-03-01 00:10:00Z"
    )
    assert confirming(wait.poll(660, "540:0 600:0"))
    assert wait.confirmed == 0
    assert confirming(wait.poll(720, "600:0 660:0"))
    assert wait.confirmed == 1
    assert wait.poll(780, "660:0 720:0") == Succeeded(("d1",))


def test_status_change_restarts_run() -> None:
    wait = running()
    wait.poll(1020, "960:0")
    wait.poll(1040, "960:0", "Starting")
    assert wait.confirmed == 0
    assert wait.missing == "status is Starting, not Active"
    wait.poll(1060, "960:0")
    assert confirming(wait.poll(1140, "1020:0 1080:0"))
    assert "seen running at 2026-03-01 00:17:40Z" in wait.missing
    wait.poll(1200, "1080:0 1140:0")
    assert wait.poll(1260, "1140:0 1200:0") == Succeeded(("d1",))


@pytest.mark.parametrize("gap", [91, 3600])
def test_long_gap_between_polls_restarts_run(gap: int) -> None:
    wait = running()
    now = 960 + gap
    assert confirming(wait.poll(now, f"{now - 60}:0"))
    assert "seen running at" in wait.missing


def test_one_poll_per_minute_is_enough() -> None:
    wait = Wait(900)
    for now in range(900, 3000, 60):
        assert not confirming(wait.poll(now + now / 1000, f"{now - 60}:5"))
    assert confirming(wait.poll(3000, "2940:0"))
    assert wait.poll(3060, "2940:0 3000:0") == Succeeded(("d1",))


def test_revised_point_delays_newer_points_until_final() -> None:
    wait = running()
    wait.poll(1020, "900:0 960:0")
    wait.poll(1080, "900:0 960:700 1020:0")
    wait.poll(1140, "1020:0 1080:0")
    assert wait.confirmed == 1
    assert wait.poll(1200, "1020:0 1080:0 1140:0") == Succeeded(("d1",))


def test_points_are_checked_for_revisions_for_15_minutes() -> None:
    wait = running()
    wait.poll(1800, "850:0 960:0 1740:5")
    wait.poll(1860, "850:700 960:700 1740:5 1800:5")
    assert state_of(wait.wait).history.max_revision_age == 900


def test_points_of_draining_destination_can_decrease() -> None:
    wait = running()
    wait.poll(1000, "900:700 960:700")
    wait.poll(1100, "900:0 960:0")
    assert state_of(wait.wait).history.max_revision_age == 0


def test_connector_without_partition_is_not_running() -> None:
    wait = Wait(900)
    for now in (900, 960, 1020):
        wait.poll(now, f"{now - 60}:0", partitions=0)
        assert "no partition is assigned" in wait.missing
    wait.poll(1080, "1020:0", partitions=2)
    assert "seen running at 2026-03-01 00:18:00Z" in wait.missing


def test_failed_poll_loses_no_points() -> None:
    wait = running()
    wait.poll(1020, "960:0")
    wait.fail(1040)
    assert wait.confirmed == 0
    assert confirming(wait.poll(1080, "960:0 1020:0"))
    assert wait.poll(1100, "960:0 1020:0") == Succeeded(("d1",))


def test_only_points_matter_without_status_condition() -> None:
    wait = Wait(condition={"connector_status": None, "max_reading_age": 900}, started=900)
    wait.poll(1020, "960:0", status=None)
    assert wait.poll(1080, "960:0 1020:0", status="Paused") == Succeeded(("d1",))


def test_reading_can_be_one_minute_older_than_timestamp() -> None:
    wait = Wait(condition={"max_reading_age": 120}, started=900)
    wait.poll(1021, "960:0")
    assert wait.missing == "the newest lag point may be up to 2 min 1 s old, more than max_reading_age (2 min)"
    assert confirming(wait.poll(1080, "960:0 1020:0"))


def test_limit_above_zero_allows_as_many_records() -> None:
    wait = Wait(900, condition={"max_records_lag": 100})
    wait.poll(900, "840:5000", latest=5000)
    wait.poll(960, "900:5000", latest=100)
    wait.poll(1020, "960:100", latest=100)
    assert wait.poll(1080, "960:100 1020:99", latest=100) == Succeeded(("d1",))
    wait = Wait(900, condition={"max_records_lag": 100})
    for now in range(900, 1500, 60):
        assert not isinstance(wait.poll(now, f"{now - 60}:100", latest=101), Succeeded)


def test_confirmation_polls_are_frequent_enough_to_see_connector_stop() -> None:
    assert running(confirm_interval=60).poll(1020, "960:0") == PollAgain(20, confirming=True)
    assert running(confirm_interval=5).poll(1020, "960:0") == PollAgain(5, confirming=True)


def test_run_started_in_time_may_complete_but_not_continue_forever() -> None:
    wait = running(deadline=1010, started=900)
    assert wait.wait.spec.max_confirm_seconds == 120
    assert confirming(wait.poll(1020, "960:0"))
    assert confirming(wait.poll(1129, "960:0"))
    step = wait.poll(1130, "960:0")
    assert isinstance(step, Failed)
    assert step.kind is FailureKind.DEADLINE


def test_one_point_is_not_enough_with_observed_after() -> None:
    with pytest.raises(ValueError, match="confirmations must be at least 2 with observed_after"):
        Wait(900, confirmations=1)


def test_history_survives_restart() -> None:
    wait = running()
    wait.poll(1020, "960:0", latest=700)
    wait = wait.restarted()
    assert not isinstance(wait.poll(1080, "960:0 1020:0"), Succeeded)
    assert not isinstance(wait.poll(1100, "960:0 1020:0"), Succeeded)
    wait.poll(1140, "1020:0 1080:0")
    assert wait.poll(1200, "1080:0 1140:0") == Succeeded(("d1",))


def test_points_count_as_confirmations_only_in_polls_in_which_all_conditions_are_met() -> None:
    wait = ResourceWait(WaitSpec(("d1",), DestinationGate(max_latency_ms=1000, lag_source="timeseries")))
    midnight = MIDNIGHT.timestamp()
    confirmed = []
    step = None
    for minute, latency in enumerate([2000, 2000, 2000, 2000, 2000, 100, 100]):
        points = tuple(LagPoint(midnight + 60 * number, 0) for number in range(minute + 1))
        now = midnight + 60 * minute
        step = wait.advance({"d1": Reading("Active", 0, latency, points, datetime.fromtimestamp(now, UTC))}, now)
        confirmed += re.findall(r"Confirmed \d of \d times", str(wait.progress(step, now)))
    assert confirmed == ["Confirmed 1 of 2 times"]
    assert step == Succeeded(("d1",))


# Without any points, the default falls back to the latest lag.


def test_default_falls_back_to_latest_lag_with_longer_confirmation() -> None:
    wait = Wait(started=900)
    assert wait.poll(900, latest=0) == PollAgain(75, confirming=True)
    assert not wait.warning
    step = wait.poll(975, latest=0)
    assert "Confirmed 2 of 3 times" in str(wait.wait.progress(step, 975))
    assert wait.poll(1049, latest=0) == PollAgain(75, confirming=True)
    assert "The timeseries of d1 had no lag points in 3 polls: the latest lag is used" in wait.warning
    assert wait.poll(1050, latest=0) == Succeeded(("d1",))
    assert not wait.warning
    assert wait.wait.resources["d1"].evidence.as_dict() == {"lag_source": "latest"}


@pytest.mark.parametrize("latest", [None, 5, float("nan")])
def test_fallback_restarts_after_every_unmet_poll(latest: float | None) -> None:
    wait = Wait(started=900)
    wait.poll(900, latest=0)
    wait.poll(975, latest=0)
    assert wait.poll(1050, latest=latest) == PollAgain(60)
    assert wait.missing in ("lag is unknown", "lag 5 > 0")
    wait.poll(1110, latest=0)
    wait.poll(1185, latest=0)
    assert wait.poll(1260, latest=0) == Succeeded(("d1",))


def test_timeseries_that_had_points_is_never_replaced() -> None:
    wait = Wait(started=900)
    wait.poll(900, "840:0", latest=0)
    for now in range(960, 2000, 60):
        assert wait.poll(now, latest=0) == PollAgain(60)
    assert wait.missing == NO_POINT
    wait = wait.restarted()
    assert wait.poll(2100, latest=0) == PollAgain(60)


def test_late_points_end_fallback() -> None:
    wait = Wait(started=900)
    wait.poll(900, latest=0)
    wait.poll(975, latest=0)
    wait.poll(1050, "960:700", latest=0)
    assert wait.missing == "lag 700 > 0"


@pytest.mark.parametrize(
    "condition", [{"lag_source": "timeseries"}, {"max_reading_age": 600}, {"observed_after": MIDNIGHT}]
)
def test_explicit_lag_source_is_never_replaced_by_latest_lag(condition: dict[str, Any]) -> None:
    wait = Wait(condition=condition, started=900)
    for now in range(900, 2000, 60):
        assert wait.poll(now, latest=0) == PollAgain(60)
    assert wait.missing == NO_POINT
    assert not wait.warning


def test_destination_without_metrics_does_not_cause_fallback() -> None:
    wait = Wait(started=900)
    for now in range(900, 1500, 60):
        wait.poll(now, None, status=None)
        assert not wait.warning


def test_latest_lag_alone_is_confirmed_by_next_poll() -> None:
    wait = Wait(condition={"lag_source": "latest"})
    assert wait.poll(0, None, latest=0) == PollAgain(60, confirming=True)
    assert wait.poll(60, None, latest=0) == Succeeded(("d1",))
