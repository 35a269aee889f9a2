# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""TLS certificates in both clients: trusted through a bundle, rejected with a hint, or not verified with a warning."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from airflow_provider_streamkap.api.errors import StreamkapConnectionError, StreamkapError
from airflow_provider_streamkap.testing import StreamkapSimulator, scenarios
from tests.api.certificate_authority import Authority
from tests.api.conftest import MakeClient
from tests.api.support import ID, settings_for


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove CA bundles from the environment."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)


@pytest.fixture
def secure(authority: Authority) -> Iterator[StreamkapSimulator]:
    with StreamkapSimulator(ssl_context=authority.context) as running:
        running.add(ID, scenarios.steady(lag=7))
        yield running


def test_ca_bundle_from_settings(make: MakeClient, secure: StreamkapSimulator, authority: Authority) -> None:
    any_client = make(settings_for(secure, verify=authority.bundle))
    assert [any_client.metrics().records_lag for _ in range(2)] == [7, 7]
    assert secure.connections == 1


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_ca_bundle_from_environment(
    make: MakeClient,
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
def test_unnormalized_base_url_keeps_ca_bundle(
    make: MakeClient, secure: StreamkapSimulator, authority: Authority, prefix: str, sent: str
) -> None:
    settings = settings_for(secure, verify=authority.bundle)
    # The certificate is verified, and the simulator has nothing at this path.
    with pytest.raises(StreamkapError, match="404") as caught:
        make(replace(settings, base_url=f"{settings.base_url}{prefix}")).metrics()
    assert caught.value.url == f"{secure.url}{sent}/auth/access-token"


def test_unknown_authority_is_rejected_with_hint(make: MakeClient, secure: StreamkapSimulator) -> None:
    with pytest.raises(StreamkapConnectionError, match="certificate verification failed") as caught:
        make(settings_for(secure)).metrics()
    assert (caught.value.permanent, caught.value.transient, caught.value.attempts) == (True, False, 1)
    for setting in ("verify", "REQUESTS_CA_BUNDLE"):
        assert setting in str(caught.value)
    assert secure.requests == []


def test_ca_bundle_replaces_default_authorities(
    make: MakeClient, secure: StreamkapSimulator, authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", authority.bundle)
    # A folder without certificates trusts nothing, whatever the environment says.
    with pytest.raises(StreamkapConnectionError, match="certificate verification failed"):
        make(settings_for(secure, verify=str(tmp_path))).metrics()


def test_certificate_for_another_host(make: MakeClient, authority: Authority) -> None:
    with StreamkapSimulator(ssl_context=authority.other) as elsewhere:
        with pytest.raises(StreamkapConnectionError, match="certificate verification failed") as caught:
            make(settings_for(elsewhere, verify=authority.bundle)).whoami()
        assert caught.value.permanent
        assert elsewhere.requests == []


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_verification_disabled(
    make: MakeClient, secure: StreamkapSimulator, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="airflow_provider_streamkap.api"):
        for number in (1, 2):
            assert make(settings_for(secure, verify=False)).metrics().records_lag == 7
            verify_warnings = [item for item in caplog.records if "verify is false" in item.getMessage()]
            assert len(verify_warnings) == number
            assert verify_warnings[-1].levelno == logging.WARNING
            assert "127.0.0.1" in verify_warnings[-1].getMessage()
        caplog.clear()
        make(settings_for(secure, verify=authority.bundle)).metrics()
    assert caplog.records == []


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_certificate_for_another_host_with_verification_disabled(make: MakeClient, authority: Authority) -> None:
    with StreamkapSimulator(ssl_context=authority.other) as elsewhere:
        assert make(settings_for(elsewhere, verify=False)).whoami()["token_type"]


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_unreadable_ca_bundle(
    make: MakeClient, secure: StreamkapSimulator, tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "bundle.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(StreamkapConnectionError, match="verify: cannot read a CA bundle from") as caught:
        make(settings_for(secure, verify=str(path))).metrics()
    assert caught.value.permanent
    assert str(path) in str(caught.value)
    assert "None" not in str(caught.value)


def test_unreadable_ca_bundle_from_environment(
    make: MakeClient, secure: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    with pytest.raises(StreamkapConnectionError, match="REQUESTS_CA_BUNDLE: cannot read a CA bundle"):
        make(settings_for(secure)).metrics()


def test_https_to_http_server(make: MakeClient, simulator: StreamkapSimulator) -> None:
    url = simulator.url.replace("http:", "https:")
    with pytest.raises(StreamkapConnectionError, match="connection failed: SSLError") as caught:
        make(settings_for(simulator, base_url=url, max_attempts=1)).metrics()
    assert caught.value.transient
