# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Nothing that Airflow stores, sends or logs contains a secret: tracebacks with local variables, events, log lines."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

from airflow_provider_streamkap._compat import AirflowException
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.operators.streamkap import StreamkapDestinationMetricsOperator
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from tests.airflow.log_capture import Logged
from tests.airflow.sensor_modes import MODES, TaskInstance, run, sensor
from tests.airflow.test_event_trigger import Store, events, trigger
from tests.security.traceback_search import leaks

FAULTS = {
    "401": (Fault.status(401), "/metrics"),
    "503": (Fault.status(503), "/metrics"),
    "dropped": (Fault.drop(), "/metrics"),
    "not JSON": (Fault.not_json(), "/metrics"),
    "refused": (Fault.status(403), "/auth/access-token"),
    "odd token": (Fault.json({"accessToken": 3}), "/auth/access-token"),
}


def broken(given: dict[str, Any]) -> list[dict[str, Any]]:
    """Yield a connection's fields, each time with something invalid."""
    extra = {"proxies": {"https": "http://me:made-up-password@proxy:1"}}
    return [
        given | {"host": "http://api.example.com", "extra": extra},
        given | {"host": f"https://{given['password']}@api.example.com", "extra": extra},
        given | {"extra": extra | {"timeout": "soon"}},
        given | {"extra": {"proxies": {"https": "socks5://me:made-up-password@proxy:1"}}},
        given | {"login": None, "password": None, "extra": extra},
    ]


def ask() -> None:
    StreamkapHook().get_destination_metrics("d1")


def aask() -> None:
    asyncio.run(StreamkapHook().aget_destination_metrics("d1"))


def execute() -> None:
    context: Any = {"ti": TaskInstance()}
    StreamkapDestinationMetricsOperator(task_id="shot", destination_id="d1").execute(context)


WAYS: dict[str, Callable[[], Any]] = {
    "hook": ask,
    "asynchronous hook": aask,
    "operator": execute,
    **{mode: lambda mode=mode: run(sensor(mode, max_poll_failures=1)) for mode in MODES},  # type: ignore[misc]
}


@pytest.mark.parametrize("way", WAYS)
def test_tracebacks_of_failing_tasks_contain_no_secret(streamkap: StreamkapSimulator, way: str) -> None:
    streamkap.add("d1", scenarios.steady(lag=7))
    found: dict[str, list[str]] = {}
    for name, (fault, path) in FAULTS.items():
        streamkap.revoke_tokens()
        streamkap.inject(fault, path=path, times=None)
        with pytest.raises(Exception) as caught:
            WAYS[way]()
        streamkap.clear_faults()
        found |= {name: lines} if (lines := leaks(caught.value, streamkap.secrets)) else {}
    assert found == {}


@pytest.mark.parametrize("way", WAYS)
def test_tracebacks_of_invalid_connection_contain_no_secret(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    # Including the environment, which fills up a connection.
    monkeypatch.setenv("STREAMKAP_SECRET", "made-up-secret")
    for fields in broken(json.loads(streamkap.airflow_connection())):
        monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", json.dumps(fields))
        with pytest.raises((ValueError, AirflowException)) as caught:
            WAYS[way]()
        assert leaks(caught.value, ["made-up-password", "made-up-secret", *streamkap.secrets]) == []
    assert streamkap.requests == []


@pytest.fixture
def everything() -> Iterator[None]:
    """Enable all log levels, including those of the HTTP libraries."""
    names = ["", "urllib3", "requests", "aiohttp", "asyncio", "airflow", "airflow_provider_streamkap"]
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.mark.parametrize("way", WAYS)
def test_no_log_line_depends_on_masker(
    streamkap: StreamkapSimulator, everything: None, logged: Logged, way: str
) -> None:
    streamkap.add("d1", scenarios.steady())
    WAYS[way]()
    streamkap.revoke_tokens()
    streamkap.inject(Fault.status(503), path="/auth/access-token", times=None)
    with pytest.raises(Exception):  # noqa: B017
        WAYS[way]()
    assert logged.lines
    assert [line for line in logged.lines if any(secret in line for secret in streamkap.secrets)] == []


def test_asset_event_contains_no_secret(streamkap: StreamkapSimulator, logged: Logged) -> None:
    streamkap.add("d1", scenarios.sequence([9, 9, 9, 0]))
    store = Store()
    watcher = trigger(store)
    (payload,) = events(watcher, streamkap, 10)
    shown = [
        json.dumps(payload),
        repr(watcher),
        json.dumps(watcher.serialize()),
        json.dumps(store.stored),
        *logged.lines,
    ]
    assert "d1" in shown[0]
    assert store.stored
    assert [text for text in shown if any(secret in text for secret in streamkap.secrets)] == []


def attributes(value: Any, depth: int = 6) -> Iterator[str]:
    """Return everything in an object, at every depth, as a lineage backend or serializer would."""
    yield str(value)
    yield repr(value)
    if depth and isinstance(value, dict):
        for pair in value.items():
            for item in pair:
                yield from attributes(item, depth - 1)
    elif depth and isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from attributes(item, depth - 1)


def test_lineage_attributes_contain_no_secret(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady())
    context: Any = {"ti": TaskInstance()}
    operator = StreamkapDestinationMetricsOperator(task_id="shot", destination_id="d1")
    operator.execute(context)
    waiting = sensor("poke")
    waiting.execute(context)
    for task in (operator, waiting):
        # Without a method for this operator, lineage reads the task's attributes, each as it is or as a string.
        assert not [name for name in dir(task) if "openlineage" in name]
        shown = list(attributes(vars(task)))
        assert any("d1" in text for text in shown)
        assert [text for text in shown if any(secret in text for secret in streamkap.secrets)] == []


def test_simulator_listens_on_loopback_only(streamkap: StreamkapSimulator) -> None:
    port = int(streamkap.url.rpartition(":")[2])
    listening = [
        item.laddr.ip
        for item in psutil.Process(os.getpid()).net_connections("inet")
        if item.status == psutil.CONN_LISTEN and item.laddr.port == port
    ]
    assert listening == ["127.0.0.1"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.0.1", "example.com"])
def test_simulator_is_not_exposed_to_others(host: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        StreamkapSimulator(host=host)
