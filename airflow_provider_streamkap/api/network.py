# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Choose the proxy and build the TLS context from the settings and the environment."""

from __future__ import annotations

import base64
import logging
import os
import ssl
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from airflow_provider_streamkap.api.checks import proxy_url
from airflow_provider_streamkap.api.errors import StreamkapConnectionError
from airflow_provider_streamkap.api.settings import ClientSettings, is_loopback

log = logging.getLogger("airflow_provider_streamkap.api")


@dataclass(frozen=True)
class Proxy:
    """The proxy between the client and the API.

    :param url: URL of the proxy, without user and password.
    :param origin: where it is configured: ``proxies`` or the name of an environment variable.
    :param headers: the ``Proxy-Authorization`` header, if the proxy has credentials.
    """

    url: str
    origin: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, url: str, origin: str) -> Proxy:
        """Split a validated URL into the proxy's address and its credentials.

        The credentials are encoded as UTF-8, because both HTTP libraries fail on characters outside Latin-1.

        :param url: URL as returned by :func:`~airflow_provider_streamkap.api.checks.proxy_url`.
        :param origin: where it is configured.
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
    """Return the proxy to use for the API, or None.

    Proxies in the settings take precedence over the environment, which is ignored for loopback addresses.

    :param settings: base URL and configured proxies.
    :raises StreamkapConnectionError: the environment's proxy is neither http nor https, or credentials would be sent
        unencrypted to a proxy that is not on loopback.
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
                f"base_url uses plain http: credentials would be sent unencrypted to {found}; use https, remove the "
                "proxy, or set allow_http",
                url=base_url,
                transient=False,
                permanent=True,
            )
        return found
    if is_loopback(urlsplit(base_url).hostname or ""):
        return None
    origin = _variable(urlsplit(base_url).scheme)
    try:
        url = proxy_url(select_proxy(base_url, get_environ_proxies(base_url, None)), origin)
    except ValueError as error:
        raise StreamkapConnectionError(str(error), url=base_url, transient=False, permanent=True) from None
    return Proxy.parse(url, origin) if url else None


def _variable(scheme: str) -> str:
    """Return the name of the environment variable that sets the proxy for a scheme."""
    names = [form for name in (scheme, "all") for form in (f"{name}_proxy", f"{name}_proxy".upper())]
    return next((name for name in names if os.environ.get(name)), "the system settings")


def tls_context(settings: ClientSettings, proxy: Proxy | None) -> ssl.SSLContext:
    """Return the TLS context, with the CA bundle of the settings, else of the environment, else of requests.

    :param settings: base URL and ``verify``.
    :param proxy: the proxy, or None.
    :raises StreamkapConnectionError: the bundle cannot be read; the message names the setting or variable.
    """
    if not any(url.startswith("https:") for url in (settings.base_url, proxy.url if proxy else "")):
        # No TLS is used, so skip loading CA certificates, which takes tens of milliseconds.
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
        message = (
            f"{name}: cannot read a CA bundle from {path} ({error.strerror}); set it to a readable PEM file or "
            "directory"
        )
        raise StreamkapConnectionError(message, url=settings.base_url, transient=False, permanent=True) from None


def warn_if_unverified(settings: ClientSettings) -> None:
    """Log a warning if certificate verification is off.

    :param settings: the client's settings.
    """
    if settings.verify is False:
        host = urlsplit(settings.base_url).hostname
        log.warning(
            "verify is false: the certificate of %s is not verified; set verify to true or to a CA bundle path", host
        )
