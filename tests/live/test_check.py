# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The live service check detects every possible response, and is read-only."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_streamkap.testing import Fault, Reading, Reporting, Scenario, StreamkapSimulator, scenarios
from tests.live.conftest import ROWS, Found
from tests.testing.support import Clock


def uneven(elapsed: float) -> Reading:
    """A destination that receives 200 records in one hour and 100 in the next."""
    hours, rest = divmod(elapsed + 90 * 86400, 3600)
    read = 300 * (hours // 2) + 200 * (hours % 2) + rest * (100 if hours % 2 else 200) / 3600
    return Reading(records_lag=float(int(elapsed) % 50), read_total=float(int(read)))


def restarted(elapsed: float) -> Reading:
    """A destination whose totals were reset half a day ago."""
    return Reading(read_total=elapsed + (43_200 if elapsed > -43_200 else 86_400_000))


@pytest.mark.parametrize(
    ("status", "holds", "said"),
    [
        (401, True, "fails at once"),
        (400, True, "fails at once"),
        (403, True, "fails at once"),
        (404, True, "fails at once"),
        (429, False, "is retried"),
        (500, False, "counts as a failed poll"),
        (503, False, "is retried"),
    ],
)
def test_rejected_credentials(simulator: StreamkapSimulator, found: Found, status: int, holds: bool, said: str) -> None:
    simulator.wrong_credentials = status
    row = found()["refused"]
    assert (row.holds, said in row.consequence) == (holds, True)
    assert row.found.startswith(f"{status} (Streamkap")
    assert row.found.endswith("): Credentials refused")
    # The wrong secret is not tried with our own client id, which might be locked out.
    assert simulator.token_calls == 3


def test_fake_credentials_are_accepted(simulator: StreamkapSimulator, found: Found) -> None:
    simulator.inject(Fault.json({"accessToken": "anything"}), path="/auth/access-token", after=1)
    simulator.inject(Fault.json({}), path="/auth/whoami", after=1)
    row = found()["refused"]
    assert (row.holds, row.found) == (False, "made-up credentials were accepted")


def test_no_response_to_fake_credentials(simulator: StreamkapSimulator, found: Found) -> None:
    simulator.inject(Fault.drop(), path="/auth/access-token", after=1)
    row = found()["refused"]
    assert (row.holds, row.found) == (None, "no response (StreamkapConnectionError)")


@pytest.mark.parametrize(
    ("seconds", "renewed"),
    [
        (86400, "refreshed 60 s before expiry"),
        (300, "refreshed 30 s before expiry; long waits request a token about every"),
    ],
)
def test_lifetime_of_tokens(simulator: StreamkapSimulator, found: Found, seconds: int, renewed: str) -> None:
    simulator.token_lifetime = seconds
    row = found()["lifetime"]
    assert (row.holds, row.found) == (True, f"{seconds} s")
    assert row.consequence.startswith(renewed)


@pytest.mark.parametrize(
    ("body", "said"),
    [({}, "no expiresIn"), ({"expiresIn": "3600"}, "expiresIn is str"), ({"expiresIn": 0}, "expiresIn is int")],
)
def test_unstated_token_lifetime(simulator: StreamkapSimulator, found: Found, body: dict[str, Any], said: str) -> None:
    simulator.inject(Fault.json(body), path="/auth/access-token", after=2)
    row = found()["lifetime"]
    assert row.holds is False
    assert row.found.startswith(said)


@pytest.mark.parametrize(("how", "found_out", "holds"), [("404", "404", True), ("empty", "200 without values", False)])
def test_metrics_of_unknown_id(
    simulator: StreamkapSimulator, found: Found, how: Any, found_out: str, holds: bool
) -> None:
    simulator.unknown_metrics = how
    row = found()["metrics"]
    assert (row.found, row.holds) == (found_out, holds)


@pytest.mark.parametrize(
    ("fault", "found_out", "holds", "said"),
    [
        (Fault.json({"data": {"recordsLag": 0}}), "200 with values", False, "until its timeout"),
        (Fault.status(400), "400", False, "fails at once"),
        (Fault.status(500), "500", False, "after max_poll_failures"),
        (Fault.drop(), "no response (ConnectionError)", None, "inconclusive"),
    ],
)
def test_other_responses_to_unknown_id(
    simulator: StreamkapSimulator, found: Found, fault: Fault, found_out: str, holds: bool | None, said: str
) -> None:
    simulator.inject(fault, path="/metrics")
    row = found()["metrics"]
    assert (row.found, row.holds, said in row.consequence) == (found_out, holds, True)


@pytest.mark.parametrize(("how", "found_out"), [("404", "404"), ("empty", "200 with an empty result")])
def test_unknown_destination(simulator: StreamkapSimulator, found: Found, how: Any, found_out: str) -> None:
    simulator.unknown_destination = how
    row = found()["destination"]
    assert (row.found, row.holds) == (found_out, True)


def test_another_response_to_unknown_destination(simulator: StreamkapSimulator, found: Found) -> None:
    # The first two requests below /destinations are for the same id: its metrics, then the destination.
    simulator.inject(Fault.status(422), path="/destinations/", after=1)
    row = found()["destination"]
    assert (row.found, row.holds) == ("422", False)


@pytest.mark.parametrize(("reported", "found_out"), [(True, "returns total and has_next"), (False, "null for both")])
def test_lists(simulator: StreamkapSimulator, found: Found, reported: bool, found_out: str) -> None:
    simulator.paging_totals = reported
    row = found()["listing"]
    assert (row.found, row.holds) == (found_out, True)


def test_statuses(simulator: StreamkapSimulator, found: Found) -> None:
    assert found()["statuses"].holds is None
    simulator.add("d1", scenarios.steady())
    assert found()["statuses"].holds is True
    simulator.add("d2", scenarios.steady(status="Rebalancing"))
    row = found()["statuses"]
    assert (row.holds, row.found) == (False, "new: Rebalancing")


@pytest.mark.parametrize(
    ("scenario", "found_out", "holds", "said"),
    [
        (scenarios.paused(lag=None), "Paused: null", True, "unknown never opens"),
        (scenarios.paused(lag=0), "Paused: 0", True, "the lag alone would open the gate"),
        (scenarios.paused(lag=430), "Paused: stays at 430", True, "below the limit"),
        (scenarios.draining(lag=1000, rate=5, status="Paused"), "Paused: 1000, then 700", False, "still updated"),
        (scenarios.stalled(lag=3, status="Stopped"), "Stopped: stays at 3", True, "below the limit"),
    ],
)
def test_lag_while_paused(
    simulator: StreamkapSimulator, found: Found, scenario: Scenario, found_out: str, holds: bool, said: str
) -> None:
    simulator.add("d1", scenario)
    row = found()["stopped"]
    assert (row.found, row.holds, said in row.consequence) == (found_out, holds, True)


def test_destination_that_starts_between_readings(simulator: StreamkapSimulator, clock: Clock, found: Found) -> None:
    simulator.add("d1", scenarios.phases((30, scenarios.paused()), (1, scenarios.steady())))
    assert found()["stopped"].holds is None


@pytest.mark.parametrize(
    ("layout", "found_out"),
    [
        ("iso", "ISO 8601 with Z"),
        ("offset", "ISO 8601 with an offset"),
        ("naive", "ISO 8601 without a zone"),
        ("plain", "date, space, time, without a zone"),
    ],
)
def test_layouts(simulator: StreamkapSimulator, found: Found, layout: Any, found_out: str) -> None:
    simulator.add("d1", scenarios.steady(), reporting=Reporting(layout=layout))
    row = found()["layouts"]
    assert (row.found, row.holds) == (found_out, True)


@pytest.mark.parametrize(
    ("stamp", "found_out", "said"),
    [
        (1_767_225_600, "a int", "cannot be parsed"),
        ("yesterday", "another format", "cannot be parsed"),
        ("20260101T000000Z", "another format", "unexpected"),
    ],
)
def test_other_layouts(simulator: StreamkapSimulator, found: Found, stamp: Any, found_out: str, said: str) -> None:
    body: Any = {"data": {"recordsLag": [{"timestamp": stamp, "value": 1}]}}
    simulator.add("d1", scenarios.steady())
    simulator.inject(Fault.json(body), path="time_type=timeseries", times=None)
    row = found()["layouts"]
    assert (row.found, row.holds, said in row.consequence) == (found_out, False, True)


@pytest.mark.parametrize(
    ("delay", "found_out", "holds", "said"),
    [
        (0, "60 s old", True, "above 60 s"),
        (180, "240 s old", True, "above 240 s"),
        (1200, "1260 s old", False, "above 1260 s"),
    ],
)
def test_age_of_readings(
    simulator: StreamkapSimulator, found: Found, delay: float, found_out: str, holds: bool, said: str
) -> None:
    simulator.add("d1", scenarios.steady(), reporting=Reporting(delay=delay))
    row = found()["age"]
    assert (row.found, row.holds, said in row.consequence) == (found_out, holds, True)


@pytest.mark.parametrize(
    ("stamp", "found_out", "holds"),
    [
        ("2026-01-01T02:00:00", "7200 s ahead of this machine's clock", False),
        ("2025-12-31T22:00:00", "7200 s old", False),
        ("2026-01-01T00:00:30", "30 s ahead of this machine's clock", True),
    ],
)
def test_timestamps_in_other_time_zone(
    simulator: StreamkapSimulator, found: Found, stamp: str, found_out: str, holds: bool
) -> None:
    body: Any = {"data": {"recordsLag": [{"timestamp": stamp, "value": 1}]}}
    simulator.add("d1", scenarios.steady())
    simulator.inject(Fault.json(body), path="time_unit=minute", times=None)
    row = found()["age"]
    assert (row.found, row.holds) == (found_out, holds)


@pytest.mark.parametrize(
    ("reporting", "found_out", "holds"),
    [
        (Reporting(), "same value", True),
        (Reporting(latest_delay=180), "matches the point from 240 s ago", False),
        (Reporting(delay=120), "newer than the points", True),
    ],
)
def test_age_of_latest(
    simulator: StreamkapSimulator, clock: Clock, found: Found, reporting: Reporting, found_out: str, holds: bool
) -> None:
    simulator.add("d1", scenarios.draining(lag=9000, rate=1), reporting=reporting)
    clock.pass_by(600)
    row = found()["latest"]
    assert (row.found, row.holds) == (found_out, holds)


@pytest.mark.parametrize(
    ("scenario", "kind", "found_out", "holds", "said"),
    [
        (scenarios.steady(), "running", "never decreases in 24 points", True, "the difference"),
        (Scenario("restarted", restarted), "running", "decreases in 1 of 23 steps", True, "a restart"),
        (Scenario("uneven", uneven), "interval", "decreases in 12 of 23 steps", False, "add them up"),
        (scenarios.stalled(), "running", "24 points, all the same", None, "inconclusive"),
    ],
)
def test_totals(
    simulator: StreamkapSimulator,
    found: Found,
    scenario: Scenario,
    kind: Any,
    found_out: str,
    holds: bool | None,
    said: str,
) -> None:
    simulator.add("d1", scenario, reporting=Reporting(totals=kind))
    row = found()["totals"]
    assert (row.found, row.holds, said in row.consequence) == (found_out, holds, True)


def test_most_informative_destination_is_chosen(simulator: StreamkapSimulator, found: Found) -> None:
    for number, scenario in enumerate((scenarios.null_lag(), scenarios.steady(), scenarios.stalled(lag=9))):
        simulator.add(f"d{number}", scenario)
    found()
    assert {item.path for item in simulator.requests if "timeseries" in item.query.values()} == {
        "/destinations/d2/metrics"
    }


def test_one_id_suffices_if_listing_is_forbidden(simulator: StreamkapSimulator, found: Found) -> None:
    simulator.add("d1", scenarios.steady())
    simulator.permissions = {"read:destination_metrics"}
    assert found()["age"].holds is None
    rows = found("d1")
    assert rows["age"].holds is True
    assert {rows[key].holds for key in ("destination", "listing", "statuses", "stopped")} == {None}


def test_without_permission_for_metrics(simulator: StreamkapSimulator, found: Found) -> None:
    simulator.add("d1", scenarios.steady())
    simulator.add("d2", scenarios.paused())
    simulator.permissions = {"read:destinations"}
    rows = found()
    assert {rows[key].holds for key in ("metrics", "stopped", "layouts", "age", "latest", "totals")} == {None}
    assert rows["statuses"].holds is True


def test_request_ids_and_rate_limits(simulator: StreamkapSimulator, found: Found) -> None:
    rows = found()
    assert (rows["support"].holds, rows["limits"].holds) == (True, True)
    body: dict[str, Any] = {"detail": "slowly"}
    simulator.inject(Fault.status(404, headers={"X-RateLimit-Limit": "10"}, body=body), path="/metrics")
    assert (found()["limits"].found, found()["limits"].holds) == ("x-ratelimit-limit", True)
    simulator.inject(Fault.status(429, retry_after=0), path="/metrics")
    row = found()["limits"]
    assert (row.found, row.holds) == ("429 after a few requests", False)


def test_check_is_read_only(simulator: StreamkapSimulator, found: Found) -> None:
    for number, scenario in enumerate((scenarios.paused(), scenarios.steady(), scenarios.broken())):
        simulator.add(f"d{number}", scenario)
    assert found().keys() == ROWS.keys()
    assert {(item.method, item.path) for item in simulator.requests if item.method != "GET"} == {
        ("POST", "/auth/access-token")
    }
    assert all("secret_returned" not in item.raw_path for item in simulator.requests)
