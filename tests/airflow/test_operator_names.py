# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The snapshot operator with destinations by name, against a real server."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_streamkap._compat import AirflowException, AirflowFailException
from airflow_provider_streamkap.api import DESTINATION
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.operators.streamkap import StreamkapDestinationMetricsOperator
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from tests.airflow.log_capture import Logged
from tests.airflow.sensor_modes import TaskInstance
from tests.airflow_imports import DAG

LIST = "/destinations?"


def task(native: bool = False, **arguments: Any) -> StreamkapDestinationMetricsOperator:
    """Create the operator in a DAG."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    with DAG("dag", schedule=None, start_date=start, render_template_as_native_obj=native):
        return StreamkapDestinationMetricsOperator(task_id="snapshot", **arguments)


def run(task: StreamkapDestinationMetricsOperator, ti: TaskInstance | None = None, **params: Any) -> Any:
    """Render and execute the operator as a worker does, and return its result as read back from XCom."""
    context: Any = {"ti": ti or TaskInstance(), "params": params}
    task.render_template_fields(context)
    return json.loads(json.dumps(task.execute(context), allow_nan=False))


def recreate(simulator: StreamkapSimulator, old: str, new: str) -> None:
    """Replace a destination by another one with the same name, as re-creating it does."""
    name = simulator.destinations[old]
    simulator.remove(old)
    simulator.add(new, scenarios.steady(lag=99), name=name)


@pytest.fixture
def shop(named: StreamkapSimulator) -> StreamkapSimulator:
    """Add two destinations to the simulator."""
    named.add("d1", scenarios.steady(lag=7), name="orders")
    named.add("d2", scenarios.steady(lag=9), name="ユーザー")
    return named


def test_one_name_returns_one_snapshot(shop: StreamkapSimulator, logged: Logged) -> None:
    shot = run(task(destination_name="orders"))
    assert list(shot)[:3] == ["destination_id", "destination_name", "time_type"]
    assert (shot["destination_id"], shot["destination_name"], shot["data"]["recordsLag"]) == ("d1", "orders", 7)
    assert "metadata" in shot
    assert logged.starting("orders (d1): connector_status Active")


def test_list_is_keyed_by_name(shop: StreamkapSimulator) -> None:
    shots = run(task(destination_name=["ユーザー", "orders", "orders"]))
    assert list(shots) == ["ユーザー", "orders"]
    assert [(shot["destination_id"], shot["destination_name"]) for shot in shots.values()] == [
        ("d2", "ユーザー"),
        ("d1", "orders"),
    ]
    assert "metadata" not in shots["orders"]
    assert shop.count(LIST) == 1


def test_ids_have_no_name(shop: StreamkapSimulator) -> None:
    assert "destination_name" not in run(task(destination_id="d1"))
    assert shop.count(LIST) == 0


@pytest.mark.parametrize("native", [False, True])
def test_names_are_templated(shop: StreamkapSimulator, native: bool) -> None:
    assert run(task(native, destination_name="{{ params.table }}"), table="orders")["destination_id"] == "d1"
    shots = run(task(native, destination_name=["{{ params.table }}", "ユーザー"]), table="orders")
    assert list(shots) == ["orders", "ユーザー"]


def test_id_or_name_by_parameter(shop: StreamkapSimulator) -> None:
    both: dict[str, Any] = {"destination_id": "{{ params.id }}", "destination_name": "{{ params.name }}"}
    assert "destination_name" not in run(task(**both), id="d1", name="")
    assert run(task(**both), id=None, name="orders")["destination_name"] == "orders"
    for id_, name, message in (("d1", "orders", "but both have"), ("", "", "has no value in this run: got '' and ''")):
        with pytest.raises(AirflowFailException, match=message):
            run(task(**both), id=id_, name=name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "pass destination_id or destination_name"),
        ({"destination_id": "d1", "destination_name": "orders"}, "either destination_id or destination_name, not both"),
        ({"destination_id": ["d1"], "destination_name": ["orders"]}, "not both"),
        ({"destination_name": " "}, "destination_name must be a non-empty string"),
        ({"destination_name": ["{{ params.a }}", ""]}, "destination_name must be a non-empty string"),
        ({"destination_name": []}, "destination_name is an empty list"),
    ],
)
def test_wrong_arguments_are_rejected_when_the_dag_is_parsed(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        task(**arguments)


def test_name_rendered_to_a_number_is_explained(shop: StreamkapSimulator) -> None:
    with pytest.raises(AirflowFailException, match=r"destination_name must be a string; got 7.*quote the template"):
        run(task(True, destination_name="{{ params.table }}"), table=7)


def test_name_rendered_to_nothing(shop: StreamkapSimulator) -> None:
    with pytest.raises(AirflowFailException, match="destination_id or destination_name is set in the DAG, but has no"):
        run(task(destination_name="{{ params.table }}"), table="")


def test_mapped_task(shop: StreamkapSimulator) -> None:
    with DAG("dag", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
        StreamkapDestinationMetricsOperator.partial(task_id="mapped").expand(destination_name=["orders", "ユーザー"])
    mapped: Any = dag.get_task("mapped")
    unmapped = mapped.unmap({"destination_name": "ユーザー"})
    assert run(unmapped)["data"]["recordsLag"] == 9


def test_unknown_name_fails_without_a_retry(shop: StreamkapSimulator) -> None:
    with pytest.raises(AirflowFailException, match="no destination is named 'order'; the nearest names are 'orders'"):
        run(task(destination_name="order"))
    with pytest.raises(AirflowFailException, match="no destination is named 'order'"):
        run(task(destination_name=["orders", "order"]))
    with pytest.raises(AirflowFailException, match="'d1', which is the id of 'orders': pass it as destination_id"):
        run(task(destination_name="d1"))
    assert shop.count("/metrics") == 0


def test_ambiguous_name_fails_without_a_retry(shop: StreamkapSimulator) -> None:
    shop.add("d3", scenarios.steady(), name="orders")
    with pytest.raises(AirflowFailException, match="2 destinations are named 'orders': d1, d3"):
        run(task(destination_name="orders"))


def test_unavailable_list_is_retried_by_airflow(shop: StreamkapSimulator) -> None:
    shop.inject(Fault.status(503), path=LIST, times=None)
    with pytest.raises(AirflowException, match="503") as failure:
        run(task(destination_name="orders"))
    assert not isinstance(failure.value, AirflowFailException)


def test_unknown_name_is_skipped(shop: StreamkapSimulator, logged: Logged) -> None:
    shop.inject(Fault.status(500), path="/destinations/d2/metrics", times=None)
    ti = TaskInstance()
    shots = run(task(destination_name=["nothing", "ユーザー", "orders"], on_error="skip"), ti)
    assert list(shots) == ["orders"]
    assert list(ti.pushed["skipped"]) == ["nothing", "ユーザー"]
    assert ti.pushed["skipped"]["nothing"].startswith("no destination is named 'nothing'")
    (line,) = logged.starting("Skipped 2 of 3 destinations that could not be read: nothing: no destination is named")
    assert "; ユーザー (d2): GET " in line
    with pytest.raises(AirflowFailException, match="no destination is named 'nothing'"):
        run(task(destination_name=["nothing"], on_error="skip"))


def test_error_starts_with_the_name(shop: StreamkapSimulator) -> None:
    shop.inject(Fault.status(500), path="/metrics", times=None)
    with pytest.raises(AirflowException, match=r"^orders \(d1\): GET http"):
        run(task(destination_name=["orders"]))


@pytest.mark.parametrize("names", ["orders", ["ユーザー", "orders"]])
def test_recreated_destination_is_resolved_again(shop: StreamkapSimulator, names: Any) -> None:
    run(task(destination_name=names))
    recreate(shop, "d1", "d9")
    shots = run(task(destination_name=names))
    shot = shots if names == "orders" else shots["orders"]
    assert (shot["destination_id"], shot["destination_name"], shot["data"]["recordsLag"]) == ("d9", "orders", 99)
    assert shop.count(LIST) == 2


def test_deleted_destination_is_reported_by_name(shop: StreamkapSimulator) -> None:
    run(task(destination_name="orders"))
    shop.remove("d1")
    with pytest.raises(AirflowFailException, match="no destination is named 'orders'"):
        run(task(destination_name="orders"))
    run(task(destination_name=["ユーザー"]))
    shop.remove("d2")
    shop.add("d3", scenarios.steady(), name="users")
    shots = run(task(destination_name=["users", "ユーザー"], on_error="skip"))
    assert list(shots) == ["users"]


def test_destination_without_metrics_is_read_once(shop: StreamkapSimulator) -> None:
    shop.inject(Fault.status(404), path="/destinations/d1/metrics", times=None)
    with pytest.raises(AirflowFailException, match=r"^orders \(d1\): .*404"):
        run(task(destination_name="orders"))
    assert shop.count("/metrics") == 1
    assert StreamkapHook().resolve_names(DESTINATION, ["orders"]) == {"orders": "d1"}
    assert shop.count(LIST) == 2


def test_thousand_names_take_ten_requests_to_resolve(named: StreamkapSimulator) -> None:
    names = [f"table {number}" for number in range(1000)]
    for number, name in enumerate(names):
        named.add(f"d{number}", scenarios.steady(lag=number), name=name)
    assert [shot["data"]["recordsLag"] for shot in run(task(destination_name=names)).values()] == list(range(1000))
    run(task(destination_name=names[-1]))
    assert (named.count(LIST), named.count("/metrics")) == (10, 1001)
