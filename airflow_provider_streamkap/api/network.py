# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What the environment adds to the settings: the proxy on the way to the API, and the trusted certificates."""

from __future__ import annotations

import base64
import logging
import os
import ssl
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from airflow_provider_streamkap.api.errors import StreamkapConnectionError
from airflow_provider_streamkap.api.settings import ClientSettings, is_loopback, proxy_url

log = logging.getLogger("airflow_provider_streamkap.api")


@dataclass(frozen=True)
class Proxy:
    """The proxy on the way to the API.

    :param url: URL of the proxy, without user and password.
    :param origin: where it was configured: ``proxies``, or the name of an environment variable.
    :param headers: the ``Proxy-Authorization`` header, if the proxy has a login.
    """

    url: str
    origin: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, url: str, origin: str) -> Proxy:
        """Split a checked URL into the proxy's address and its login.

        The login is sent as UTF-8: both HTTP libraries fail on characters outside Latin-1.

        :param url: URL as :func:`~airflow_provider_streamkap.api.settings.proxy_url` returns it.
        :param origin: where it was configured.
        """
        parts = urlsplit(url)
        userinfo, at, address = parts.netloc.rpartition("@")
        if not at:
            return cls(url, origin)
        login = base64.b64encode(unquote(f"{userinfo}{'' if ':' in userinfo else ':'}").encode()).decode()
        return cls(parts._replace(netloc=address).geturl(), origin, {"Proxy-Authorization": f"Basic {login}"})

    def __str__(self) -> str:
        return f"the proxy {self.url} (set in {self.origin})"


def choose_proxy(settings: ClientSettings) -> Proxy | None:
    """Return the proxy on the way to the API, or None.

    A proxy of the settings wins over one of the environment, which is never used for loopback addresses.

    :param settings: address of the API, and the configured proxies.
    :raises StreamkapConnectionError: if the environment names a proxy that is neither http nor https.
    """
    from requests.utils import get_environ_proxies, select_proxy, should_bypass_proxies

    base_url, proxies = settings.base_url, settings.proxy_map
    if proxies:
        no_proxy = proxies.pop("no_proxy", None)
        if no_proxy and should_bypass_proxies(base_url, no_proxy):
            return None
        chosen = select_proxy(base_url, {scheme: proxy or "" for scheme, proxy in proxies.items()})
        if not chosen:
            return None
        found = Proxy.parse(chosen, "proxies")
        if (
            base_url.startswith("http:")
            and not settings.allow_http
            and not is_loopback(urlsplit(chosen).hostname or "")
        ):
            raise StreamkapConnectionError(
                f"base_url is plain http: credentials would cross the network to {found} unprotected; use https, leave "
                "out the proxy, or set allow_http",
                url=base_url,
                transient=False,
                permanent=True,
            )
        return found
    if is_loopback(urlsplit(base_url).hostname or ""):
        return None
    origin = _variable(urlsplit(base_url).scheme)
    try:
        url = proxy_url(select_proxy(base_url, get_environ_proxies(base_url, None)), "the environment's proxy")
    except ValueError as error:
        raise StreamkapConnectionError(str(error), url=base_url, transient=False, permanent=True) from None
    return Proxy.parse(url, origin) if url else None


def _variable(scheme: str) -> str:
    """Return the environment variable from which the proxy for a scheme is taken."""
    names = [form for name in (scheme, "all") for form in (f"{name}_proxy", f"{name}_proxy".upper())]
    return next((name for name in names if os.environ.get(name)), "the system's settings")


def tls_context(settings: ClientSettings, proxy: Proxy | None) -> ssl.SSLContext:
    """How certificates are checked: against the settings' CA bundle, else the environment's, else requests'.

    :param settings: the settings.
    :param proxy: the proxy on the way.
    :raises StreamkapConnectionError: if the bundle cannot be read; names the setting or variable.
    """
    if not any(url.startswith("https:") for url in (settings.base_url, proxy.url if proxy else "")):
        # Believes nobody, which is quick to set up: reading the authorities takes tens of milliseconds.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if settings.verify is False:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    from requests.utils import DEFAULT_CA_BUNDLE_PATH

    given = settings.verify if isinstance(settings.verify, str) else None
    variables = ((name, os.environ.get(name)) for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"))
    bundles = (("verify", given), *variables, ("requests", DEFAULT_CA_BUNDLE_PATH))
    name, path = next((name, path) for name, path in bundles if path)
    folder = os.path.isdir(path)
    try:
        return ssl.create_default_context(cafile=None if folder else path, capath=path if folder else None)
    except OSError as error:
        message = f"{name}: no CA bundle can be read from {path} ({error.strerror})"
        raise StreamkapConnectionError(message, url=settings.base_url, transient=False, permanent=True) from None


def warn_if_unverified(settings: ClientSettings) -> None:
    """Say so if certificates are not checked.

    :param settings: the client's settings.
    """
    if settings.verify is False:
        host = urlsplit(settings.base_url).hostname
        log.warning("verify is false: the certificate of %s is not checked, anybody could pose as it", host)
