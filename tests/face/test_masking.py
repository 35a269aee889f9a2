# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What is secret is known to Airflow's own masker before anybody could log it."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from airflow_provider_streamkap.hooks.streamkap import StreamkapHook
from airflow_provider_streamkap.testing import StreamkapSimulator, scenarios

REDACTING = ("airflow.sdk.log", "airflow.sdk.execution_time.secrets_masker", "airflow.utils.log.secrets_masker")


def masked(secret: str) -> bool:
    """Say whether Airflow would mask a secret in a line of a log."""
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
def test_every_secret_of_a_connection_and_every_token(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch, side: Callable[[], None], use_project_key: bool
) -> None:
    streamkap.add("d1", scenarios.steady())
    connection = streamkap.airflow_connection(use_project_key=use_project_key)
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", connection)
    assert not masked(streamkap.secret)
    side()
    streamkap.revoke_tokens()
    side()
    # The secret inside of a project key, too.
    assert masked(streamkap.secret)
    if use_project_key:
        assert masked(streamkap.project_key)
    # Two access tokens. The refresh tokens that came with them are dropped unread, and no configuration is asked for.
    others = set(streamkap.secrets) - {streamkap.secret, streamkap.project_key, streamkap.project_key_base64}
    assert sum(map(masked, others)) == 2


@BOTH_SIDES
def test_a_secret_of_the_environment(
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
def test_the_password_of_a_proxy(
    streamkap: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch, side: Callable[[], None]
) -> None:
    streamkap.add("d1", scenarios.steady())
    # The simulator answers for itself what it is asked as a proxy.
    password = f"of-the-proxy-{side.__name__}"
    proxies: Any = {"http": streamkap.url.replace("//", f"//user:{password}%21@")}
    monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", streamkap.airflow_connection(proxies=proxies))
    side()
    assert masked(f"{password}!")
    assert masked(f"{password}%21")


def test_the_token_of_a_connection_test(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady())
    before = set(streamkap.secrets)
    assert StreamkapHook().test_connection()[0]
    assert sum(map(masked, set(streamkap.secrets) - before)) == 1
