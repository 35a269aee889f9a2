# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Proxies, of the settings and of the environment, through a real forward proxy and in both clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_streamkap.api.errors import StreamkapConnectionError, StreamkapRequestError
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator
from tests.api.authority import Authority
from tests.api.conftest import MakeAsker
from tests.api.support import settings_for
from tests.api.wire import Proxy, Wire

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that says nothing about proxies, not even that loopback needs none."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def proxy() -> Iterator[Wire]:
    with Wire(Proxy()) as running:
        yield running


@pytest.fixture
def secure(authority: Authority) -> Iterator[StreamkapSimulator]:
    with StreamkapSimulator(ssl_context=authority.context) as running:
        yield running


def test_plain_http_goes_through_in_absolute_form(make: MakeAsker, simulator: StreamkapSimulator, proxy: Wire) -> None:
    asker = make(settings_for(simulator, proxies={"http": proxy.url}))
    assert asker.metrics().records_lag == 7
    assert proxy.lines[0].startswith(f"POST {simulator.url}/auth/access-token ")


def test_https_goes_through_a_tunnel(
    make: MakeAsker, secure: StreamkapSimulator, authority: Authority, proxy: Wire
) -> None:
    settings = settings_for(secure, proxies={"https": proxy.url}, verify=authority.bundle)
    assert make(settings).whoami()["token_type"]
    (line,) = proxy.lines
    assert line.startswith(f"CONNECT {secure.url.removeprefix('https://')} ")
    assert secure.connections == 1


def test_a_proxy_may_speak_tls_itself(make: MakeAsker, secure: StreamkapSimulator, authority: Authority) -> None:
    with Wire(Proxy(), authority.context) as proxy:
        settings = settings_for(secure, proxies={"https": proxy.url}, verify=authority.bundle)
        assert make(settings).whoami()["token_type"]
        assert len(proxy.lines) == 1


@pytest.mark.parametrize("tls", [False, True])
def test_a_proxy_with_a_password(
    make: MakeAsker, simulator: StreamkapSimulator, secure: StreamkapSimulator, authority: Authority, tls: bool
) -> None:
    server = secure if tls else simulator
    with Wire(Proxy(login="me:proxy-pass")) as proxy:
        with_login = f"http://me:proxy-pass@{proxy.address}"
        settings = settings_for(server, proxies={"all": with_login}, verify=authority.bundle)
        assert make(settings).whoami()["token_type"]
        assert proxy.lines


def test_a_proxy_without_its_password(make: MakeAsker, secure: StreamkapSimulator, authority: Authority) -> None:
    with Wire(Proxy(login="me:proxy-pass")) as proxy:
        wrong = f"http://me:wrong-pass@{proxy.address}"
        with pytest.raises(StreamkapConnectionError, match=r"the proxy refused the connection with 407") as caught:
            make(settings_for(secure, proxies={"https": wrong}, verify=authority.bundle)).whoami()
    assert caught.value.permanent
    assert "check proxies" in str(caught.value)
    assert "wrong-pass" not in str(caught.value) + repr(vars(caught.value))
    assert secure.connections == 0


def test_a_proxy_without_its_password_and_plain_http(make: MakeAsker, simulator: StreamkapSimulator) -> None:
    with Wire(Proxy(login="me:proxy-pass")) as proxy, pytest.raises(Exception, match="407") as caught:
        make(settings_for(simulator, proxies={"http": proxy.url})).whoami()
    assert getattr(caught.value, "permanent", None)


@pytest.mark.parametrize(("status", "permanent"), [(403, True), (502, False), (503, False)])
def test_a_proxy_that_refuses_a_tunnel(
    make: MakeAsker, secure: StreamkapSimulator, authority: Authority, status: int, permanent: bool
) -> None:
    refused = pytest.raises(StreamkapConnectionError, match=f"the proxy refused the connection with {status}")
    with Wire(Proxy(refuse=status)) as proxy, refused as caught:
        settings = settings_for(secure, proxies={"https": proxy.url}, verify=authority.bundle, max_attempts=2)
        make(settings).whoami()
    assert caught.value.permanent is permanent
    assert caught.value.transient is not permanent
    assert caught.value.attempts == (1 if permanent else 2)


def test_nobody_listens_where_the_proxy_should_be(make: MakeAsker, simulator: StreamkapSimulator, proxy: Wire) -> None:
    settings = settings_for(simulator, proxies={"http": "http://127.0.0.1:1"}, max_attempts=1)
    with pytest.raises(StreamkapConnectionError, match="ConnectionRefusedError") as caught:
        make(settings).whoami()
    assert caught.value.transient


def test_the_proxy_for_one_host(make: MakeAsker, simulator: StreamkapSimulator, proxy: Wire) -> None:
    proxies = {"http://127.0.0.1": proxy.url, "http": "http://127.0.0.1:1"}
    assert make(settings_for(simulator, proxies=proxies)).metrics().records_lag == 7
    assert proxy.lines


@pytest.mark.parametrize("proxies", [{"https": "http://127.0.0.1:1"}, {"all": None}, {"http": ""}])
def test_settings_may_say_no_proxy(
    make: MakeAsker,
    simulator: StreamkapSimulator,
    proxy: Wire,
    proxies: dict[str, str | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    assert make(settings_for(simulator, proxies=proxies)).metrics().records_lag == 7
    assert proxy.lines == []


@pytest.mark.parametrize(("no_proxy", "used"), [("example.com", True), ("127.0.0.1", False), ("127.0.0.0/8", False)])
def test_settings_may_except_hosts(
    make: MakeAsker, simulator: StreamkapSimulator, proxy: Wire, no_proxy: str, used: bool
) -> None:
    asker = make(settings_for(simulator, proxies={"http": proxy.url, "no_proxy": no_proxy}))
    assert asker.metrics().records_lag == 7
    assert bool(proxy.lines) is used


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_the_environments_proxy(
    make: MakeAsker, simulator: StreamkapSimulator, proxy: Wire, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, proxy.url)
    assert make(settings_for(simulator)).metrics().records_lag == 7
    assert proxy.lines


def test_the_environments_proxy_for_https(
    make: MakeAsker,
    secure: StreamkapSimulator,
    authority: Authority,
    proxy: Wire,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.address)
    assert make(settings_for(secure, verify=authority.bundle)).whoami()["token_type"]
    assert len(proxy.lines) == 1


def test_the_environment_may_except_hosts(
    make: MakeAsker, simulator: StreamkapSimulator, proxy: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "other.example,127.0.0.1")
    assert make(settings_for(simulator)).metrics().records_lag == 7
    assert proxy.lines == []


def test_a_proxy_of_the_environment_that_is_of_no_use(
    make: MakeAsker, simulator: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "socks5://me:proxy-pass@127.0.0.1:1080")
    with pytest.raises(StreamkapConnectionError, match="the environment's proxy: a proxy must be an http://") as caught:
        make(settings_for(simulator)).whoami()
    assert caught.value.permanent
    assert "proxy-pass" not in str(caught.value)
    assert simulator.connections == 0


def test_an_error_of_the_target_is_not_the_proxys(make: MakeAsker, simulator: StreamkapSimulator, proxy: Wire) -> None:
    simulator.inject(Fault.status(400), path="/metrics")
    with pytest.raises(StreamkapRequestError, match="400"):
        make(settings_for(simulator, proxies={"http": proxy.url})).metrics()
