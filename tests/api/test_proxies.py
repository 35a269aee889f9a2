# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Proxies from settings and environment, through a real forward proxy and in both clients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from airflow_provider_streamkap.api.errors import (
    StreamkapConnectionError,
    StreamkapRequestError,
    StreamkapTimeoutError,
)
from airflow_provider_streamkap.api.network import choose_proxy
from airflow_provider_streamkap.api.settings import ClientSettings
from airflow_provider_streamkap.testing import Fault, StreamkapSimulator
from tests.api.certificate_authority import Authority
from tests.api.conftest import MakeClient
from tests.api.raw_servers import Proxy, Wire
from tests.api.support import CREDENTIALS, settings_for

ELSEWHERE = "http://api.elsewhere.example"
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove all proxy variables from the environment, including exemptions for loopback."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def proxy() -> Iterator[Wire]:
    with Wire(Proxy()) as running:
        yield running


@pytest.fixture
def outbound(simulator: StreamkapSimulator) -> Iterator[Wire]:
    """A proxy behind which every host is the simulator."""
    with Wire(Proxy(upstream=simulator.url.removeprefix("http://"))) as running:
        yield running


@pytest.fixture
def secure(authority: Authority) -> Iterator[StreamkapSimulator]:
    with StreamkapSimulator(ssl_context=authority.context) as running:
        yield running


def test_plain_http_goes_through_in_absolute_form(make: MakeClient, simulator: StreamkapSimulator, proxy: Wire) -> None:
    any_client = make(settings_for(simulator, proxies={"http": proxy.url}))
    assert any_client.metrics().records_lag == 7
    assert proxy.lines[0].startswith(f"POST {simulator.url}/auth/access-token ")


def test_https_goes_through_tunnel(
    make: MakeClient, secure: StreamkapSimulator, authority: Authority, proxy: Wire
) -> None:
    settings = settings_for(secure, proxies={"https": proxy.url}, verify=authority.bundle)
    assert make(settings).whoami()["token_type"]
    (line,) = proxy.lines
    assert line.startswith(f"CONNECT {secure.url.removeprefix('https://')} ")
    assert secure.connections == 1


def test_proxy_can_use_tls(make: MakeClient, secure: StreamkapSimulator, authority: Authority) -> None:
    with Wire(Proxy(), authority.context) as proxy:
        settings = settings_for(secure, proxies={"https": proxy.url}, verify=authority.bundle)
        assert make(settings).whoami()["token_type"]
        assert len(proxy.lines) == 1


@pytest.mark.parametrize("tls", [False, True])
def test_proxy_with_password(
    make: MakeClient, simulator: StreamkapSimulator, secure: StreamkapSimulator, authority: Authority, tls: bool
) -> None:
    server = secure if tls else simulator
    with Wire(Proxy(login="me:proxy-pass")) as proxy:
        with_login = f"http://me:proxy-pass@{proxy.address}"
        settings = settings_for(server, proxies={"all": with_login}, verify=authority.bundle)
        assert make(settings).whoami()["token_type"]
        assert proxy.lines


def test_proxy_without_its_password(make: MakeClient, secure: StreamkapSimulator, authority: Authority) -> None:
    with Wire(Proxy(login="me:proxy-pass")) as proxy:
        wrong = f"http://me:wrong-pass@{proxy.address}"
        with pytest.raises(StreamkapConnectionError, match=r"the proxy .* refused the connection: 407") as caught:
            make(settings_for(secure, proxies={"https": wrong}, verify=authority.bundle)).whoami()
    assert caught.value.permanent
    assert "check proxies" in str(caught.value)
    assert "wrong-pass" not in str(caught.value) + repr(vars(caught.value))
    assert secure.connections == 0


def test_proxy_without_its_password_and_plain_http(make: MakeClient, simulator: StreamkapSimulator) -> None:
    with Wire(Proxy(login="me:proxy-pass")) as proxy, pytest.raises(Exception, match="407") as caught:
        make(settings_for(simulator, proxies={"http": proxy.url})).whoami()
    assert getattr(caught.value, "permanent", None)


@pytest.mark.parametrize(("status", "permanent"), [(403, True), (502, False), (503, False)])
def test_proxy_that_rejects_tunnel(
    make: MakeClient, secure: StreamkapSimulator, authority: Authority, status: int, permanent: bool
) -> None:
    refused = pytest.raises(StreamkapConnectionError, match=f"the proxy .* refused the connection: {status}")
    with Wire(Proxy(refuse=status)) as proxy, refused as caught:
        settings = settings_for(secure, proxies={"https": proxy.url}, verify=authority.bundle, max_attempts=2)
        make(settings).whoami()
    assert caught.value.permanent is permanent
    assert caught.value.transient is not permanent
    assert caught.value.attempts == (1 if permanent else 2)


def test_proxy_refuses_connection(make: MakeClient, simulator: StreamkapSimulator, proxy: Wire) -> None:
    settings = settings_for(simulator, proxies={"http": "http://127.0.0.1:1"}, max_attempts=1)
    with pytest.raises(StreamkapConnectionError, match="ConnectionRefusedError") as caught:
        make(settings).whoami()
    assert caught.value.transient


def test_proxy_for_one_host(make: MakeClient, simulator: StreamkapSimulator, proxy: Wire) -> None:
    proxies = {"http://127.0.0.1": proxy.url, "http": "http://127.0.0.1:1"}
    assert make(settings_for(simulator, proxies=proxies)).metrics().records_lag == 7
    assert proxy.lines


@pytest.mark.parametrize("proxies", [{"https": "http://127.0.0.1:1"}, {"all": None}, {"http": ""}])
def test_settings_can_disable_proxy(
    make: MakeClient,
    simulator: StreamkapSimulator,
    proxy: Wire,
    proxies: dict[str, str | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    assert make(settings_for(simulator, proxies=proxies)).metrics().records_lag == 7
    assert proxy.lines == []


@pytest.mark.parametrize(("no_proxy", "used"), [("example.com", True), ("127.0.0.1", False), ("127.0.0.0/8", False)])
def test_settings_can_exempt_hosts(
    make: MakeClient, simulator: StreamkapSimulator, proxy: Wire, no_proxy: str, used: bool
) -> None:
    any_client = make(settings_for(simulator, proxies={"http": proxy.url, "no_proxy": no_proxy}))
    assert any_client.metrics().records_lag == 7
    assert bool(proxy.lines) is used


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_environment_proxy(
    make: MakeClient, simulator: StreamkapSimulator, outbound: Wire, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, outbound.url)
    assert make(settings_for(simulator, base_url=ELSEWHERE, allow_http=True)).metrics().records_lag == 7
    assert outbound.lines[0].startswith(f"POST {ELSEWHERE}/auth/access-token ")


def test_environment_proxy_for_https(
    make: MakeClient, secure: StreamkapSimulator, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Wire(Proxy(upstream=secure.url.removeprefix("https://"))) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", url := proxy.url)
        settings = settings_for(secure, base_url="https://api.elsewhere.example", verify=authority.bundle)
        # The certificate is for loopback: getting this far shows that the tunnel was used.
        with pytest.raises(StreamkapConnectionError, match="certificate verification failed") as caught:
            make(settings).whoami()
    (line,) = proxy.lines
    assert line.startswith("CONNECT api.elsewhere.example:443 ")
    assert f"through the proxy {url} (set in HTTPS_PROXY)" in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_loopback_ignores_environment_proxy(
    make: MakeClient, simulator: StreamkapSimulator, host: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:1")
    url = simulator.url.replace("127.0.0.1", host)
    assert make(settings_for(simulator, base_url=url)).metrics().records_lag == 7


def test_environment_can_exempt_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    settings = ClientSettings(CREDENTIALS, ELSEWHERE, allow_http=True)
    assert choose_proxy(settings) is not None
    monkeypatch.setenv("NO_PROXY", "other.example,elsewhere.example")
    assert choose_proxy(settings) is None


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("login", ["me:pässwörd", "me:пароль-密碼", "jürgen:", "me:a:b/c@d%"])
def test_proxy_login_is_sent_as_utf_8(
    make: MakeClient,
    simulator: StreamkapSimulator,
    secure: StreamkapSimulator,
    authority: Authority,
    tls: bool,
    login: str,
) -> None:
    server = secure if tls else simulator
    user, _, password = login.partition(":")
    with Wire(Proxy(login=login)) as proxy:
        with_login = f"http://{quote(user, safe='')}:{quote(password, safe='')}@{proxy.address}"
        settings = settings_for(server, proxies={"all": with_login}, verify=authority.bundle)
        assert make(settings).whoami()["token_type"]
        assert proxy.lines


@pytest.mark.parametrize("host", ["127.0.0.1:1", "no-such-proxy.invalid:3128"])
@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("origin", ["proxies", "HTTP_PROXY", "all_proxy"])
def test_unreachable_proxy_is_named_with_its_configuration_source(
    make: MakeClient, simulator: StreamkapSimulator, host: str, tls: bool, origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if tls and origin == "HTTP_PROXY":
        origin = "HTTPS_PROXY"
    proxy = f"http://me:proxy-pass@{host}"
    url = f"http{'s' * tls}://api.elsewhere.example"
    options: dict[str, Any] = {"base_url": url, "allow_http": True, "max_attempts": 1}
    if origin == "proxies":
        options["proxies"] = {"all": proxy}
    else:
        monkeypatch.setenv(origin, proxy)
    with pytest.raises(StreamkapConnectionError) as caught:
        make(settings_for(simulator, **options)).whoami()
    said = str(caught.value)
    assert f"connection failed through the proxy http://{host} (set in {origin}): " in said
    assert "proxy-pass" not in said + repr(vars(caught.value))
    assert caught.value.transient


def test_unresponsive_proxy_is_named(make: MakeClient, simulator: StreamkapSimulator) -> None:
    with Wire(lambda connection, head: silent.pause(5)) as silent:
        settings = settings_for(simulator, proxies={"http": silent.url}, timeout=0.3, max_attempts=1)
        with pytest.raises(StreamkapTimeoutError, match=r"within 0\.3 s through the proxy http://127\.0\.0\.1:\d+ "):
            make(settings).whoami()


def test_proxy_authentication_error_is_not_rejected_credentials(
    make: MakeClient, simulator: StreamkapSimulator
) -> None:
    refused = pytest.raises(
        StreamkapRequestError, match=r"407 .*: the proxy http://.* \(set in proxies\) requires a user"
    )
    with Wire(Proxy(login="me:proxy-pass")) as proxy, refused as caught:
        make(settings_for(simulator, proxies={"http": proxy.url})).whoami()
    assert caught.value.permanent


def test_unusable_environment_proxy(
    make: MakeClient, simulator: StreamkapSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "socks5://me:proxy-pass@127.0.0.1:1080")
    settings = settings_for(simulator, base_url=ELSEWHERE, allow_http=True)
    with pytest.raises(StreamkapConnectionError, match="HTTP_PROXY: a proxy must be an http://") as caught:
        make(settings).whoami()
    assert caught.value.permanent
    assert "proxy-pass" not in str(caught.value)
    assert simulator.connections == 0


def test_target_error_is_not_attributed_to_proxy(make: MakeClient, simulator: StreamkapSimulator, proxy: Wire) -> None:
    simulator.inject(Fault.status(400), path="/metrics")
    with pytest.raises(StreamkapRequestError, match="400"):
        make(settings_for(simulator, proxies={"http": proxy.url})).metrics()
