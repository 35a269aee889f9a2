# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""How the world around is set up: which proxy leads to the API, and whose certificates are believed."""

from __future__ import annotations

import logging
import os
import ssl
from urllib.parse import urlsplit

from airflow_provider_streamkap.api.errors import StreamkapConnectionError
from airflow_provider_streamkap.api.settings import ClientSettings, proxy_url

log = logging.getLogger("airflow_provider_streamkap.api")


def choose_proxy(settings: ClientSettings) -> str | None:
    """The proxy on the way to the API: the settings' own, else the environment's; None for none.

    :param settings: where the API is, and the proxies set.
    :raises StreamkapConnectionError: if the environment names a proxy that is not http or https.
    """
    from requests.utils import get_environ_proxies, select_proxy, should_bypass_proxies

    url, proxies = settings.base_url, settings.proxy_map
    if proxies:
        no_proxy = proxies.pop("no_proxy", None)
        if no_proxy and should_bypass_proxies(url, no_proxy):
            return None
        return select_proxy(url, {scheme: proxy or "" for scheme, proxy in proxies.items()}) or None
    try:
        return proxy_url(select_proxy(url, get_environ_proxies(url, None)), "the environment's proxy")
    except ValueError as error:
        raise StreamkapConnectionError(str(error), url=url, transient=False, permanent=True) from None


def tls_context(settings: ClientSettings, proxy: str | None) -> ssl.SSLContext:
    """How certificates are checked: against the settings' CA bundle, else the environment's, else requests'.

    :param settings: the settings.
    :param proxy: the proxy on the way.
    :raises StreamkapConnectionError: if the bundle cannot be read; names the setting or variable.
    """
    if not any(url.startswith("https:") for url in (settings.base_url, proxy or "")):
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
