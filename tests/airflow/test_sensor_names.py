# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The sensor with destinations by name, in every mode, against a real server."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from airflow_provider_streamkap._compat import AirflowException, AirflowFailException, AirflowSensorTimeout
from airflow_provider_streamkap.api import DESTINATION
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.sensors._state_store import AIRFLOW_HAS_STATE_STORE
from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from tests.airflow.log_capture import Logged
from tests.airflow.sensor_modes import MODES, TaskInstance, fast_sensor_arguments, run
from tests.airflow_imports import TaskDeferred

LIST = "/destinations?"
DRAINED, LAGGING = scenarios.Reading(records_lag=0), scenarios.Reading(records_lag=120)


def sensor(mode: str, **arguments: Any) -> StreamkapDestinationSensor:
    """Return a sensor on destinations by name that polls fast."""
    return StreamkapDestinationSensor(**fast_sensor_arguments(mode, **{"destination_id": None} | arguments))


@pytest.fixture
def shop(named: StreamkapSimulator) -> StreamkapSimulator:
    """Add two drained destinations to the simulator."""
    named.add("d1", scenarios.steady(), name="orders")
    named.add("d2", scenarios.steady(), name="Köln 注文")
    return named


@pytest.mark.parametrize("mode", MODES)
def test_one_name_returns_one_snapshot(shop: StreamkapSimulator, mode: str) -> None:
    shot = run(sensor(mode, destination_name="orders"))
    assert list(shot)[:2] == ["destination_id", "destination_name"]
    assert (shot["destination_id"], shot["destination_name"]) == ("d1", "orders")
    assert "metadata" in shot


@pytest.mark.parametrize("mode", MODES)
def test_list_is_keyed_by_name(shop: StreamkapSimulator, mode: str) -> None:
    # Confirming takes longer than a deferrable sensor keeps its worker, so the trigger returns the result.
    slow = {"confirmations": 2, "confirm_interval": 0.01}
    shots = run(sensor(mode, destination_name=["Köln 注文", "orders"], **slow))
    assert list(shots) == ["Köln 注文", "orders"]
    assert [shot["destination_id"] for shot in shots.values()] == ["d2", "d1"]
    assert shots["orders"]["destination_name"] == "orders"
    assert "metadata" not in shots["orders"]


@pytest.mark.parametrize("mode", MODES)
def test_later_polls_need_no_listing(named: StreamkapSimulator, mode: str) -> None:
    named.add("d1", scenarios.sequence([LAGGING] * 6 + [DRAINED]), name="orders")
    shots = run(sensor(mode, destination_name=["orders"]))
    assert (list(shots), shots["orders"]["destination_id"]) == (["orders"], "d1")
    assert named.count(LIST) == 1


@pytest.mark.parametrize("mode", MODES)
def test_any_of_several_names(shop: StreamkapSimulator, mode: str) -> None:
    shop.add("d3", scenarios.steady(lag=120), name="users")
    assert list(run(sensor(mode, destination_name=["users", "orders"], require="any"))) == ["orders"]


@pytest.mark.parametrize("mode", MODES)
def test_log_and_messages_show_name_and_id(named: StreamkapSimulator, mode: str, logged: Logged) -> None:
    named.add("d1", scenarios.sequence([LAGGING] * 4 + [scenarios.Reading(connector_status="Broken")]), name="orders")
    with pytest.raises(AirflowFailException, match=r"destination orders \(d1\): .*Broken"):
        run(sensor(mode, destination_name="orders"))
    assert "Poll 1: orders (d1) not ready: lag 120 > 0" in logged.text
    named.add("d2", scenarios.steady(lag=120), name="two\nlines")
    with pytest.raises(AirflowSensorTimeout, match=r"Timed out waiting for two lines \(d2\)\."):
        run(sensor(mode, destination_name="two\nlines", timeout=0.1))


@pytest.mark.parametrize("mode", MODES)
def test_unknown_and_ambiguous_names_fail_without_a_retry(shop: StreamkapSimulator, mode: str) -> None:
    shop.add("d3", scenarios.steady(), name="orders eu")
    shop.add("d4", scenarios.steady(), name="orders eu")
    with pytest.raises(AirflowFailException, match="no destination is named 'order'; the nearest names are 'orders'"):
        run(sensor(mode, destination_name="order"))
    with pytest.raises(AirflowFailException, match="2 destinations are named 'orders eu': d3, d4"):
        run(sensor(mode, destination_name=["orders", "orders eu"]))
    assert shop.count("/metrics") == 0


@pytest.mark.parametrize("mode", MODES)
def test_unavailable_list_is_retried_by_airflow(shop: StreamkapSimulator, mode: str) -> None:
    shop.inject(Fault.status(503), path=LIST, times=None)
    with pytest.raises(AirflowException, match="503") as failure:
        run(sensor(mode, destination_name="orders"))
    assert not isinstance(failure.value, AirflowFailException | AirflowSensorTimeout)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("names", ["orders", ["Köln 注文", "orders"]])
def test_recreated_destination_is_resolved_again(shop: StreamkapSimulator, mode: str, names: Any) -> None:
    StreamkapHook().resolve_names(DESTINATION, ["Köln 注文", "orders"])
    shop.remove("d1")
    shop.add("d9", scenarios.steady(), name="orders")
    shots = run(sensor(mode, destination_name=names))
    assert (shots if names == "orders" else shots["orders"])["destination_id"] == "d9"
    assert shop.count(LIST) == 2


@pytest.mark.parametrize("mode", MODES)
def test_deleted_destination_fails_without_a_retry(shop: StreamkapSimulator, mode: str, logged: Logged) -> None:
    StreamkapHook().resolve_names(DESTINATION, ["orders"])
    shop.remove("d1")
    with pytest.raises(AirflowFailException, match=r"destination orders \(d1\) could not be read: .*404"):
        run(sensor(mode, destination_name="orders"))
    assert "Cannot resolve the names again: no destination is named 'orders'" in logged.text


def test_missing_destination_is_not_polled_twice(shop: StreamkapSimulator) -> None:
    shop.inject(Fault.status(404), path="/destinations/d1", times=None)
    with pytest.raises(AirflowFailException, match=r"destination orders \(d1\) could not be read: .*404"):
        run(sensor("poke", destination_name="orders"))
    assert shop.count(LIST) == 2
    assert shop.count("/metrics") == 1


def test_names_reach_the_triggerer(shop: StreamkapSimulator) -> None:
    shop.add("d3", scenarios.steady(lag=120), name="users")
    context: Any = {"ti": TaskInstance()}
    with pytest.raises(TaskDeferred) as deferred:
        sensor("deferred", destination_name="users").execute(context)
    arguments = json.loads(json.dumps(deferred.value.trigger.serialize()[1]))
    assert (arguments["spec"]["resource_ids"], arguments["spec"]["names"]) == (["d3"], {"d3": "users"})


class Store:
    """The state store of a task, as Airflow 3.3 passes it."""

    def __init__(self) -> None:
        self.stored: dict[str, Any] = {}

    def get(self, key: str) -> Any:
        """Return the stored value, if any."""
        return self.stored.get(key)

    def set(self, key: str, value: Any, **_: Any) -> None:
        """Store a value after a JSON round trip."""
        self.stored[key] = json.loads(json.dumps(value))


@pytest.mark.skipif(not AIRFLOW_HAS_STATE_STORE, reason="Airflow before 3.3 stores no state between pokes")
def test_ids_are_stored_between_pokes(named: StreamkapSimulator) -> None:
    named.add("d1", scenarios.sequence([LAGGING] * 4 + [DRAINED]), name="orders")
    task, store = sensor("reschedule", destination_name=["orders"], poke_interval=60), Store()
    context: Any = {"ti": TaskInstance(), "task_reschedule_count": 0, "task_state_store": store}
    task._started = time.time()
    assert task.poke(context) is False
    StreamkapHook().forget_names(DESTINATION)
    later = sensor("reschedule", destination_name=["orders"], poke_interval=60)
    later._started = time.time()
    assert later.poke(context) is False
    assert named.count(LIST) == 1


def test_wrong_arguments_are_rejected_when_the_dag_is_parsed() -> None:
    with pytest.raises(ValueError, match="pass destination_id or destination_name"):
        sensor("poke")
    with pytest.raises(ValueError, match="pass either destination_id or destination_name, not both"):
        sensor("poke", destination_id="d1", destination_name="orders")
    with pytest.raises(ValueError, match="destination_name must be a non-empty string"):
        sensor("poke", destination_name="")


def test_names_are_templated(shop: StreamkapSimulator) -> None:
    task = sensor("poke", destination_id="{{ params.id }}", destination_name=["{{ params.name }}"])
    context: Any = {"ti": TaskInstance(), "params": {"id": "", "name": "orders"}}
    task.render_template_fields(context)
    assert list(task.execute(context)) == ["orders"]
    both = sensor("poke", destination_id="{{ params.id }}", destination_name="{{ params.name }}")
    context["params"]["id"] = "d1"
    both.render_template_fields(context)
    with pytest.raises(AirflowFailException, match="exactly one of destination_id and destination_name must have a"):
        both.execute(context)
