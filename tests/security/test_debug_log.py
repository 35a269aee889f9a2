# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The log at the lowest level contains no secret in any encoding, for every kind of credentials and proxy."""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from airflow_provider_streamkap.hooks._clients import ClientClock, shared_clients
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.operators.streamkap import StreamkapDestinationMetricsOperator
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from airflow_provider_streamkap.testing.readings import JsonValue
from tests.airflow.log_capture import Logged, capture
from tests.airflow.sensor_modes import TaskInstance, run, sensor
from tests.api.certificate_authority import Authority
from tests.api.raw_servers import Proxy, Wire
from tests.api.support import SimulatedClock
from tests.client_clock import use_client_clock
from tests.security.secret_encodings import spellings

# Lengths chosen so that base64 of the pair does not contain base64 of the secret.
CLIENT_ID = "made-up-client"
SECRET = 's3cr3t/with+odd&"chars é'
LOGIN, PASSWORD = "user", "pr0xy/p+ss&w0rd"
ENCODED_LOGIN = "user:pr0xy%2Fp%2Bss%26w0rd@"
ELSEWHERE = "http://api.elsewhere.example"
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@dataclass
class Setup:
    """A simulator, with the connection and environment that lead to it."""

    simulator: StreamkapSimulator
    host: str
    extra: dict[str, Any] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    proxied: bool = True

    def spelled(self, secrets: Iterable[str]) -> set[str]:
        """Return the encodings of all secrets of the simulator and the setup."""
        found = {form for secret in secrets for form in spellings(secret)}
        password = spellings(PASSWORD, LOGIN) if self.proxied else set()
        return found | spellings(SECRET, self.simulator.client_id) | password


@contextmanager
def direct(authority: Authority) -> Iterator[Setup]:
    with StreamkapSimulator(client_id=CLIENT_ID, secret=SECRET) as simulator:
        yield Setup(simulator, simulator.url, proxied=False)


@contextmanager
def proxy_of_the_connection(authority: Authority) -> Iterator[Setup]:
    with StreamkapSimulator(client_id=CLIENT_ID, secret=SECRET) as simulator, Wire(upstream(simulator)) as proxy:
        url = proxy.url.replace("://", f"://{ENCODED_LOGIN}")
        yield Setup(simulator, ELSEWHERE, {"proxies": {"http": url}, "allow_http": True})


@contextmanager
def proxy_of_the_environment(authority: Authority) -> Iterator[Setup]:
    with StreamkapSimulator(client_id=CLIENT_ID, secret=SECRET) as simulator, Wire(upstream(simulator)) as proxy:
        url = proxy.url.replace("://", f"://{ENCODED_LOGIN}")
        yield Setup(simulator, ELSEWHERE, {"allow_http": True}, {"HTTP_PROXY": url, "http_proxy": url})


@contextmanager
def tunnel(authority: Authority) -> Iterator[Setup]:
    with (
        StreamkapSimulator(client_id=CLIENT_ID, secret=SECRET, ssl_context=authority.context) as simulator,
        Wire(Proxy(login=f"{LOGIN}:{PASSWORD}")) as proxy,
    ):
        url = proxy.url.replace("://", f"://{ENCODED_LOGIN}")
        yield Setup(simulator, simulator.url, {"proxies": {"https": url}, "verify": authority.bundle})


def upstream(simulator: StreamkapSimulator) -> Proxy:
    return Proxy(login=f"{LOGIN}:{PASSWORD}", upstream=simulator.url.removeprefix("http://"))


WAYS = (direct, proxy_of_the_connection, proxy_of_the_environment, tunnel)


def pair(setup: Setup) -> dict[str, Any]:
    return {"host": setup.host, "login": setup.simulator.client_id, "password": SECRET}


def project_key(setup: Setup) -> dict[str, Any]:
    return {"host": setup.host, "password": setup.simulator.project_key}


def project_key_base64(setup: Setup) -> dict[str, Any]:
    return {"host": setup.host, "password": setup.simulator.project_key_base64}


def environment(setup: Setup) -> dict[str, Any]:
    client = {"STREAMKAP_CLIENT_ID": setup.simulator.client_id, "STREAMKAP_SECRET": SECRET}
    setup.environ |= {"STREAMKAP_HOST": setup.host, **client}
    return {}


KINDS = (pair, project_key, project_key_base64, environment)


@contextmanager
def lowest_level() -> Iterator[Logged]:
    """Collect everything that any logger of the process logs at level 1 and above."""
    known = [item for item in logging.Logger.manager.loggerDict.values() if isinstance(item, logging.Logger)]
    loggers = [logging.getLogger(), *known]
    before = [(logger, logger.level, logger.disabled, logger.propagate) for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(1)
            logger.disabled, logger.propagate = False, True
        with capture(1) as logged:
            yield logged
    finally:
        for logger, level, disabled, propagate in before:
            logger.setLevel(level)
            logger.disabled, logger.propagate = disabled, propagate


def use(logged: Logged, *, shared_token: bool = False) -> int:
    """Use everything that sends requests, log the errors, and return the number of failures.

    :param shared_token: leave out uses that sign in separately and so do not know the others' token.
    """

    def both() -> None:
        hook = StreamkapHook()
        hook.get_destination_metrics("d1")
        list(hook.list_destinations())
        asyncio.run(hook.aget_destination_metrics("d1"))

    def snapshot() -> None:
        context: Any = {"ti": TaskInstance()}
        StreamkapDestinationMetricsOperator(task_id="shot", destination_id="d1").execute(context)

    calls: list[Callable[[], Any]] = [
        both,
        snapshot,
        lambda: run(sensor("poke", max_poll_failures=2, timeout=1)),
        lambda: run(sensor("deferred", max_poll_failures=2, timeout=1)),
    ]
    if not shared_token:
        calls.append(lambda: logged.lines.append(str(StreamkapHook().test_connection())))
    failures = 0
    for call in calls:
        try:
            call()
        except Exception as error:
            failures += 1
            logged.lines += ["".join(traceback.format_exception(error)), repr(error)]
    return failures


def echoes(said: list[str]) -> list[Fault]:
    """Return responses that echo every secret in every encoding."""
    text = " and ".join(said)
    locations: list[JsonValue] = [*said]
    values: dict[str, JsonValue] = {**{form: form for form in said}, "recordsLag": text}
    return [
        Fault.status(429, retry_after=0, body={"detail": f"busy for {text}"}),
        Fault.status(400, body={"detail": [{"loc": locations, "msg": text, "type": text}]}),
        Fault.status(502, body=f"<html><body>{text}</body></html>".encode()),
        Fault.json({"data": values}),
        Fault.status(200, body=text.encode()),
    ]


def fail(setup: Setup, keys: list[str], logged: Logged) -> int:
    """Let responses echo what was sent, and return the number of failed uses."""
    simulator = setup.simulator
    failures = 0
    for path in ("/metrics", "/auth"):
        for number in range(len(echoes([]))):
            simulator.clear_faults()
            shared_clients.reset()
            StreamkapHook().get_destination_metrics("d1")
            # A token call sends no token.
            (session,) = shared_clients.sessions.values()
            assert session._token
            token = [] if path == "/auth" else [session._token.access]
            # A different secret comes first each time, because messages show the beginning of a response.
            said = sorted(setup.spelled([*keys, *token]), key=lambda form: form[number:])
            simulator.inject(echoes(said)[number], path=path, times=None)
            if path == "/auth":
                shared_clients.reset()
            failures += use(logged, shared_token=path == "/metrics")
    return failures


@pytest.mark.parametrize(
    ("way", "kind"),
    [*((direct, kind) for kind in KINDS), *((way, pair) for way in WAYS[1:]), (tunnel, project_key_base64)],
)
def test_no_secret_is_logged(
    way: Callable[[Authority], Any],
    kind: Callable[[Setup], dict[str, Any]],
    authority: Authority,
    airflow_database: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    time = SimulatedClock()
    with ExitStack() as stack:
        stack.enter_context(use_client_clock(ClientClock(sleep=time.sleep, asleep=time.asleep)))
        setup = stack.enter_context(way(authority))
        simulator = setup.simulator
        simulator.add("d1", scenarios.steady())
        key, encoded = simulator.project_key, simulator.project_key_base64
        keys = [key, encoded] if kind is project_key_base64 else [key] if kind is project_key else []
        extra = {"max_attempts": 2, "timeout": 5, **setup.extra}
        connection = {"conn_type": "streamkap", **kind(setup), "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", json.dumps(connection))
        for name, value in setup.environ.items():
            monkeypatch.setenv(name, value)
        logged = stack.enter_context(lowest_level())
        assert use(logged) == 0, logged.text
        assert fail(setup, keys, logged) > 20
        secrets = setup.spelled({*keys, *simulator.secrets} - ({key, encoded} - {*keys}))
    assert any("Starting new HTTP" in line for line in logged.lines)
    assert any("***" in line for line in logged.lines)
    found = {(form, line[:300]) for line in logged.lines for form in secrets if form in line}
    assert found == set()
