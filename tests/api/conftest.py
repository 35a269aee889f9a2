# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a simulator with one destination, and both clients."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trustme

from airflow_provider_streamkap.api.flows import ApiSession
from airflow_provider_streamkap.api.settings import ClientSettings
from airflow_provider_streamkap.testing import StreamkapSimulator, scenarios
from tests.api.certificate_authority import Authority
from tests.api.scripted_session import BASE, NOW
from tests.api.support import CREDENTIALS, ID, AnyClient, Kind, SimulatedClock, settings_for

MakeClient = Callable[..., AnyClient]


@pytest.fixture
def simulator() -> Iterator[StreamkapSimulator]:
    with StreamkapSimulator() as running:
        running.add(ID, scenarios.steady(lag=7))
        yield running


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> Kind:
    chosen: Kind = request.param
    return chosen


@pytest.fixture
def make(kind: Kind) -> Iterator[MakeClient]:
    """Creates clients of either kind from settings and closes them at teardown."""
    created: list[AnyClient] = []

    def any_client(settings: ClientSettings, **options: Any) -> AnyClient:
        created.append(AnyClient(kind, settings, **options))
        return created[-1]

    yield any_client
    for item in created:
        item.end()


@pytest.fixture
def any_client(make: MakeClient, simulator: StreamkapSimulator) -> AnyClient:
    return make(settings_for(simulator))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority that is not trusted by default."""
    root = trustme.CA()
    bundle = tmp_path_factory.mktemp("authority") / "ca.pem"
    root.cert_pem.write_to_path(str(bundle))
    contexts = []
    for name in ("127.0.0.1", "elsewhere.example"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        root.issue_cert(name).configure_cert(context)
        contexts.append(context)
    return Authority(str(bundle), *contexts)


@pytest.fixture
def time() -> SimulatedClock:
    return SimulatedClock()


@pytest.fixture
def session(time: SimulatedClock) -> ApiSession:
    return ApiSession(ClientSettings(CREDENTIALS, base_url=BASE), time.clock, lambda: NOW)
