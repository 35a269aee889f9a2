# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Airflow's masker knows the secrets of a connection but no tokens, which it would never forget."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.testing import StreamkapSimulator, scenarios

REDACTING = ("airflow.sdk.log", "airflow.sdk.execution_time.secrets_masker", "airflow.utils.log.secrets_masker")


def masked(secret: str) -> bool:
    """Return whether Airflow masks a secret in a log line."""
    for place in REDACTING:
        with suppress(ImportError, AttributeError):
            redacted = importlib.import_module(place).redact(f"it is {secret}, is it not")
            return secret not in str(redacted)
    raise AssertionError("Airflow has moved its masker")


def ask() -> None:
    StreamkapHook().get_destination_metrics("d1")


def aask() -> None:
    asyncio.run(StreamkapHook().aget_destination_metrics("d1"))


BOTH_SIDES = pytest.mark.parametrize("side", [ask, aask])


@BOTH_SIDES
@pytest.mark.parametrize("use_project_key", [False, True])
def test_every_connection_secret_is_masked_and_no_token(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch, side: Callable[[], None], use_project_key: bool
) -> None:
    streamkap.add("d1", scenarios.steady())
    connection = streamkap.airflow_connection(use_project_key=use_project_key)
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", connection)
    assert not masked(streamkap.secret)
    side()
    streamkap.revoke_tokens()
    side()
    # Including the secret inside a project key.
    assert masked(streamkap.secret)
    if use_project_key:
        assert masked(streamkap.project_key)
    # Each refreshed token would stay in the masker for the lifetime of the process.
    others = set(streamkap.secrets) - {streamkap.secret, streamkap.project_key, streamkap.project_key_base64}
    assert sum(map(masked, others)) == 0
    assert streamkap.token_calls == 2


@BOTH_SIDES
def test_environment_secret_is_masked(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch, side: Callable[[], None]
) -> None:
    streamkap.add("d1", scenarios.steady())
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", json.dumps({"conn_type": "streamkap"}))
    monkeypatch.setenv("STREAMKAP_HOST", streamkap.url)
    monkeypatch.setenv("STREAMKAP_CLIENT_ID", streamkap.client_id)
    monkeypatch.setenv("STREAMKAP_SECRET", streamkap.secret)
    assert not masked(streamkap.secret)
    side()
    assert masked(streamkap.secret)


@BOTH_SIDES
def test_password_of_proxy(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch, side: Callable[[], None]
) -> None:
    streamkap.add("d1", scenarios.steady())
    # The simulator handles proxied requests itself.
    password = f"of-the-proxy-{side.__name__}"
    proxies: Any = {"http": streamkap.url.replace("//", f"//user:{password}%21@")}
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", streamkap.airflow_connection(proxies=proxies))
    side()
    assert masked(f"{password}!")
    assert masked(f"{password}%21")


RENEWALS = """
import asyncio, resource, time
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
import os

def token(number):
    return {"accessToken": f"{number:06}" + "t0k3n" * 180, "expiresIn": 3600}

async def main(simulator):
    hook, longest = StreamkapHook(), 0.0
    for number in range(300):
        simulator.clear_faults()
        simulator.inject(Fault.json(token(number)), path="/auth/access-token")
        simulator.inject(Fault.status(401), path="/metrics")
        simulator.inject(Fault.json({"data": {"recordsLag": 1}, "metadata": {}}), path="/metrics")
        if number == 10:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        await hook.aget_destination_metrics("d1")
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024

with StreamkapSimulator() as simulator:
    simulator.add("d1", scenarios.steady())
    os.environ["AIRFLOW_CONN_STREAMKAP_DEFAULT"] = simulator.airflow_connection()
    print("MiB", asyncio.run(main(simulator)), simulator.token_calls)
"""


def test_many_token_refreshes_do_not_grow_masker() -> None:
    done = subprocess.run(
        [sys.executable, "-c", RENEWALS], capture_output=True, text=True, timeout=300, check=True, env=os.environ
    )
    _, grown, renewals = done.stdout.strip().splitlines()[-1].split()
    assert int(renewals) >= 300
    assert float(grown) < 60
