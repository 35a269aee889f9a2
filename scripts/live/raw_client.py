# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Send raw requests, for details that the API clients hide: status codes, headers and unparsed JSON.

Besides the token call, it sends only GET requests.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any

import requests

from airflow_provider_streamkap.api.adapter import Adapter
from airflow_provider_streamkap.api.errors import StreamkapResponseError
from airflow_provider_streamkap.api.flows import TOKEN_PATH
from airflow_provider_streamkap.api.network import choose_proxy, tls_context
from airflow_provider_streamkap.api.payload import clean, decode
from airflow_provider_streamkap.api.settings import ClientSettings
from scripts.live.findings import Response


class RawClient:
    """HTTP client with the same proxy, TLS and redirect settings as the API clients.

    :param settings: URL and credentials.
    """

    def __init__(self, settings: ClientSettings) -> None:
        self.settings = settings
        #: All responses so far, except to the token call.
        self.responses: list[Response] = []
        self._token = ""
        proxy = choose_proxy(settings)
        self._http = requests.Session()
        # Otherwise .netrc would replace the Authorization header.
        self._http.trust_env = False
        self._http.proxies = {"http": proxy.url, "https": proxy.url} if proxy else {}
        self._http.mount(settings.base_url, Adapter(tls_context(settings, proxy), proxy=proxy))

    def __enter__(self) -> RawClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def use_token(self, token: str) -> None:
        """Set the access token for later requests.

        :param token: an access token.
        """
        self._token = token

    def token(self) -> Response:
        """Exchange the credentials for a token and return the response."""
        return self._send("POST", TOKEN_PATH, json=self.settings.credentials.token_request())

    def get(self, path: str, **params: str) -> Response:
        """Send a GET request with the token.

        :param path: quoted path below the base URL.
        :param params: query parameters.
        """
        response = self._send("GET", path, params=params, headers={"Authorization": f"Bearer {self._token}"})
        self.responses.append(response)
        return response

    def _send(self, method: str, path: str, headers: dict[str, str] | None = None, **options: Any) -> Response:
        try:
            received = self._http.request(
                method,
                self.settings.base_url + path,
                headers={"Accept": "application/json", **(headers or {})},
                timeout=(self.settings.connect_timeout, self.settings.timeout),
                allow_redirects=False,
                **options,
            )
        except requests.RequestException as error:
            # The error message can contain request data.
            return Response(None, error=f"no response ({type(error).__name__})")
        return Response(
            received.status_code,
            _json(received.content),
            {name.lower(): text for name, text in received.headers.items()},
        )


def _json(body: bytes) -> Any:
    try:
        return clean(decode(body))
    except StreamkapResponseError:
        return None
