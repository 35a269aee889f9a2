# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Certificates, in both clients: believed from a bundle, refused with a hint, or not checked and said so."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from airflow_provider_streamkap.api.errors import StreamkapConnectionError, StreamkapError
from airflow_provider_streamkap.testing import StreamkapSimulator, scenarios
from tests.api.authority import Authority
from tests.api.conftest import MakeAsker
from tests.api.support import ID, settings_for


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that names no CA bundle."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)


@pytest.fixture
def secure(authority: Authority) -> Iterator[StreamkapSimulator]:
    with StreamkapSimulator(ssl_context=authority.context) as running:
        running.add(ID, scenarios.steady(lag=7))
        yield running


def test_a_bundle_of_the_settings(make: MakeAsker, secure: StreamkapSimulator, authority: Authority) -> None:
    asker = make(settings_for(secure, verify=authority.bundle))
    assert [asker.metrics().records_lag for _ in range(2)] == [7, 7]
    assert secure.connections == 1


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_bundle_of_the_environment(
    make: MakeAsker,
    secure: StreamkapSimulator,
    authority: Authority,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(name, authority.bundle)
    assert make(settings_for(secure)).metrics().records_lag == 7


@pytest.mark.parametrize(
    ("prefix", "sent"),
    [("/%7Eapi", "/~api"), ("/%41pi", "/Api"), ("/a%2fb", "/a%2Fb"), ("/straße", "/stra%C3%9Fe")],
)
def test_a_base_url_that_libraries_write_in_another_way_keeps_the_bundle(
    make: MakeAsker, secure: StreamkapSimulator, authority: Authority, prefix: str, sent: str
) -> None:
    settings = settings_for(secure, verify=authority.bundle)
    # The certificate verifies, and the simulator has nothing there.
    with pytest.raises(StreamkapError, match="404") as caught:
        make(replace(settings, base_url=f"{settings.base_url}{prefix}")).metrics()
    assert caught.value.url == f"{secure.url}{sent}/auth/access-token"


def test_an_unknown_authority_is_refused_with_a_hint(make: MakeAsker, secure: StreamkapSimulator) -> None:
    with pytest.raises(StreamkapConnectionError, match="certificate verification failed") as caught:
        make(settings_for(secure)).metrics()
    assert (caught.value.permanent, caught.value.transient, caught.value.attempts) == (True, False, 1)
    for setting in ("verify", "REQUESTS_CA_BUNDLE"):
        assert setting in str(caught.value)
    assert secure.requests == []


def test_a_bundle_is_believed_alone(
    make: MakeAsker, secure: StreamkapSimulator, authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", authority.bundle)
    # A folder with no certificate in it believes nobody, whatever the environment says.
    with pytest.raises(StreamkapConnectionError, match="certificate verification failed"):
        make(settings_for(secure, verify=str(tmp_path))).metrics()


def test_a_certificate_for_another_host(make: MakeAsker, authority: Authority) -> None:
    with StreamkapSimulator(ssl_context=authority.other) as elsewhere:
        with pytest.raises(StreamkapConnectionError, match="certificate verification failed") as caught:
            make(settings_for(elsewhere, verify=authority.bundle)).whoami()
        assert caught.value.permanent
        assert elsewhere.requests == []


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_without_checking(
    make: MakeAsker, secure: StreamkapSimulator, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="airflow_provider_streamkap.api"):
        for number in (1, 2):
            assert make(settings_for(secure, verify=False)).metrics().records_lag == 7
            told = [item for item in caplog.records if "verify is false" in item.getMessage()]
            assert len(told) == number
            assert told[-1].levelno == logging.WARNING
            assert "127.0.0.1" in told[-1].getMessage()
        caplog.clear()
        make(settings_for(secure, verify=authority.bundle)).metrics()
    assert caplog.records == []


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_another_hosts_certificate_without_checking(make: MakeAsker, authority: Authority) -> None:
    with StreamkapSimulator(ssl_context=authority.other) as elsewhere:
        assert make(settings_for(elsewhere, verify=False)).whoami()["token_type"]


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_bundle_that_cannot_be_read(
    make: MakeAsker, secure: StreamkapSimulator, tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "bundle.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(StreamkapConnectionError, match="verify: cannot read a CA bundle from") as caught:
        make(settings_for(secure, verify=str(path))).metrics()
    assert caught.value.permanent
    assert str(path) in str(caught.value)
    assert "None" not in str(caught.value)


def test_a_bundle_of_the_environment_that_cannot_be_read(
    make: MakeAsker, secure: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    with pytest.raises(StreamkapConnectionError, match="REQUESTS_CA_BUNDLE: cannot read a CA bundle"):
        make(settings_for(secure)).metrics()


def test_https_towards_a_server_that_speaks_http(make: MakeAsker, simulator: StreamkapSimulator) -> None:
    url = simulator.url.replace("http:", "https:")
    with pytest.raises(StreamkapConnectionError, match="connection failed: SSLError") as caught:
        make(settings_for(simulator, base_url=url, max_attempts=1)).metrics()
    assert caught.value.transient
