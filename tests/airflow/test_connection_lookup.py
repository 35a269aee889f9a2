# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A failing connection lookup is not treated as a missing connection."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airflow_provider_streamkap._compat import AirflowException, AirflowFailException, AirflowNotFoundException
from airflow_provider_streamkap.api import StreamkapError
from airflow_provider_streamkap.hooks._clients import ClientClock
from airflow_provider_streamkap.hooks._lookup import ATTEMPTS
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.operators.streamkap import StreamkapDestinationMetricsOperator
from airflow_provider_streamkap.testing import StreamkapSimulator, scenarios
from tests.airflow.log_capture import Logged
from tests.airflow.secrets_backends import Flaky
from tests.airflow.sensor_modes import MODES, TaskInstance, run, sensor
from tests.airflow.triggers import event_payload, trigger
from tests.api.support import SimulatedClock
from tests.client_clock import use_client_clock

# Every failed lookup makes two requests: Airflow skips the failing backend, and the provider asks it for the reason.
ONE_FAILED = 2


@pytest.fixture(autouse=True)
def d1(streamkap: StreamkapSimulator) -> None:
    """Add one destination to the simulator."""
    streamkap.add("d1", scenarios.steady())


@pytest.fixture(autouse=True)
def time() -> Iterator[SimulatedClock]:
    """Let lookup retries use a simulated clock."""
    time = SimulatedClock()
    with use_client_clock(ClientClock(time.clock, time.sleep, time.asleep)):
        yield time


def lag() -> float | None:
    return StreamkapHook().get_destination_metrics("d1").records_lag


def alag() -> float | None:
    return asyncio.run(StreamkapHook().aget_destination_metrics("d1")).records_lag


def operate() -> Any:
    operator = StreamkapDestinationMetricsOperator(task_id="snapshot", destination_id="d1")
    context: Any = {"ti": TaskInstance()}
    return operator.execute(context)["data"]["recordsLag"]


SURFACES = pytest.mark.parametrize("ask", [lag, alag, operate])


@SURFACES
def test_transient_lookup_failure_is_retried(backend: type[Flaky], time: SimulatedClock, ask: Any) -> None:
    backend.failures = 2 * ONE_FAILED
    assert ask() == 0
    assert time.waits == [0.5, 1.0]


@SURFACES
def test_backend_that_recovers_on_second_lookup_is_used(backend: type[Flaky], time: SimulatedClock, ask: Any) -> None:
    backend.failures = 1
    assert ask() == 0
    assert time.waits == [0.5]


@SURFACES
def test_persistent_lookup_failure_is_retryable(backend: type[Flaky], time: SimulatedClock, ask: Any) -> None:
    backend.failures = float("inf")
    with pytest.raises(
        AirflowException, match=f"could not be looked up in {ATTEMPTS} attempts: Flaky failed"
    ) as caught:
        ask()
    assert type(caught.value) is AirflowException
    assert "vault is sealed" in str(caught.value)
    assert "hvs.made-up" not in str(caught.value)
    assert time.waits == [0.5, 1.0, 2.0]


def test_connection_missing_from_all_backends_does_not_exist(backend: type[Flaky], time: SimulatedClock) -> None:
    backend.reset(None)
    for ask in (lag, alag):
        with pytest.raises(AirflowNotFoundException, match="isn't defined"):
            ask()
    with pytest.raises(AirflowFailException, match="isn't defined"):
        operate()
    assert time.waits == []


@pytest.mark.parametrize("mode", ["poke", "reschedule"])
def test_sensor_is_retried_when_connection_lookup_fails(backend: type[Flaky], mode: str) -> None:
    backend.failures = float("inf")
    with pytest.raises(AirflowException, match="could not be looked up") as caught:
        run(sensor(mode))
    assert type(caught.value) is AirflowException


@pytest.mark.parametrize("mode", MODES)
def test_wait_survives_transient_lookup_failure(backend: type[Flaky], mode: str) -> None:
    backend.failures = ONE_FAILED
    assert run(sensor(mode))["data"]["recordsLag"] == 0


def test_deferred_wait_survives_secrets_backend_outage(backend: type[Flaky], logged: Logged) -> None:
    # Four rounds of attempts: far more than one lookup may make.
    backend.failures = 4 * ATTEMPTS * ONE_FAILED
    event = asyncio.run(event_payload(trigger()))
    assert event["outcome"] == "opened"
    assert logged.text.count("could not be looked up") == 4
    assert "Retrying in" in logged.text


def test_deferred_wait_without_connection_ends_at_deadline(backend: type[Flaky]) -> None:
    backend.failures = float("inf")
    event = asyncio.run(event_payload(trigger(seconds=0.1)))
    assert event["outcome"] == "deadline"
    assert "Timed out" in event["message"]
    assert "could not be looked up" in event["message"]


def test_concurrent_waits_share_failing_lookup(backend: type[Flaky]) -> None:
    backend.failures = ATTEMPTS * ONE_FAILED

    async def many() -> list[Any]:
        hooks = [StreamkapHook() for _ in range(50)]
        found = await asyncio.gather(*(hook.aconnection() for hook in hooks), return_exceptions=True)
        assert backend.lookups == ATTEMPTS * ONE_FAILED
        assert (await StreamkapHook().aconnection()).max_concurrency == 16
        return found

    assert {type(error) for error in asyncio.run(many())} == {AirflowException}


def metrics_call(hook: StreamkapHook, asynchronously: bool) -> Callable[[], object]:
    if asynchronously:
        return lambda: asyncio.run(hook.aget_destination_metrics("d1"))
    return lambda: hook.get_destination_metrics("d1")


@pytest.mark.parametrize("asynchronously", [False, True])
def test_rejection_is_not_final_while_connection_lookup_fails(
    streamkap: StreamkapSimulator, backend: type[Flaky], asynchronously: bool
) -> None:
    streamkap.refuse_credentials()
    hook = StreamkapHook()
    hook.connection()
    backend.failures = float("inf")
    ask = metrics_call(hook, asynchronously)
    with pytest.raises(
        StreamkapError, match=r"rejected the credentials.*\(not final: Connection .* could not be"
    ) as caught:
        ask()
    assert not caught.value.permanent


@pytest.fixture
def supervisor(streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Replace the supervisor of a task by one that returns these items in turn; the last one repeats."""
    comms = pytest.importorskip("airflow.sdk.execution_time.comms")
    pytest.importorskip("airflow.sdk.execution_time.secrets.execution_api")
    runner = importlib.import_module("airflow.sdk.execution_time.task_runner")
    monkeypatch.delenv("AIRFLOW_CONN_STREAMKAP_DEFAULT")
    answers: list[Any] = []

    class Supervisor:
        def send(self, message: Any) -> Any:
            if not isinstance(message, comms.GetConnection):
                return None
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            if isinstance(answer, Exception):
                raise answer
            if isinstance(answer, str):
                return comms.ErrorResponse(error=answer)
            return comms.ConnectionResult(conn_id=message.conn_id, **answer)

        async def asend(self, message: Any) -> Any:
            return self.send(message)

    # Airflow passes the supervisor connection to a task this way.
    vars(runner)["SUPERVISOR_COMMS"] = Supervisor()
    yield answers
    del vars(runner)["SUPERVISOR_COMMS"]


def stored(simulator: StreamkapSimulator) -> dict[str, Any]:
    """Return the connection as the API server does."""
    known = json.loads(simulator.airflow_connection(max_attempts=1))
    return {**known, "extra": json.dumps(known["extra"]), "schema": None, "port": None}


@pytest.mark.parametrize("ask", [lag, alag])
@pytest.mark.parametrize("failure", ["API_SERVER_ERROR", "GENERIC_ERROR", ConnectionError("the supervisor is gone")])
def test_failing_api_server_is_retried(
    streamkap: StreamkapSimulator, supervisor: list[Any], time: SimulatedClock, ask: Any, failure: Any
) -> None:
    supervisor += [failure] * 2 * ONE_FAILED + [stored(streamkap)]
    assert ask() == 0
    assert time.waits == [0.5, 1.0]
    supervisor[:] = [failure]
    with pytest.raises(AirflowException, match="in 4 attempts: ExecutionAPISecretsBackend failed") as caught:
        ask()
    assert type(caught.value) is AirflowException


@pytest.mark.parametrize("ask", [lag, alag])
def test_api_server_not_found_is_final(supervisor: list[Any], time: SimulatedClock, ask: Any) -> None:
    supervisor += ["CONNECTION_NOT_FOUND"]
    with pytest.raises(AirflowNotFoundException, match="isn't defined"):
        ask()
    assert time.waits == []


@pytest.mark.parametrize("ask", [lag, alag])
def test_api_server_denying_connection_is_retryable(supervisor: list[Any], ask: Any) -> None:
    supervisor += ["PERMISSION_DENIED"]
    with pytest.raises(AirflowException, match="could not be looked up in 4 attempts: ") as caught:
        ask()
    assert type(caught.value) is AirflowException
    assert "denied" in str(caught.value).casefold()
