# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Raw requests, for what the library's clients hide: statuses, headers and JSON as they came. Never anything but a GET
besides the token call."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import requests

from airflow_provider_streamkap.api.adapter import Adapter
from airflow_provider_streamkap.api.errors import StreamkapResponseError
from airflow_provider_streamkap.api.flows import SIGN_IN_PATH
from airflow_provider_streamkap.api.network import choose_proxy, tls_context
from airflow_provider_streamkap.api.payload import clean, decode
from airflow_provider_streamkap.api.settings import ClientSettings
from scripts.live.findings import Answer


class Wire:
    """Speaks with the service by the same way as the clients: their proxy, their certificates, no redirects.

    :param settings: where the service is, and who asks.
    """

    def __init__(self, settings: ClientSettings) -> None:
        self.settings = settings
        #: Every answer so far but those of the token call.
        self.answers: list[Answer] = []
        self._token = ""
        proxy = choose_proxy(settings)
        self._http = requests.Session()
        # Else .netrc would replace the Authorization header.
        self._http.trust_env = False
        self._http.proxies = {"http": proxy.url, "https": proxy.url} if proxy else {}
        self._http.mount(settings.base_url, Adapter(tls_context(settings, proxy), proxy=proxy))

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def sign_with(self, token: str) -> None:
        """Use a token from now on.

        :param token: an access token.
        """
        self._token = token

    def token(self) -> Answer:
        """Exchange the credentials for a token, and give the answer."""
        return self._ask("POST", SIGN_IN_PATH, json=self.settings.credentials.token_request())

    def get(self, path: str, **params: str) -> Answer:
        """Ask with the token.

        :param path: path below the base URL, quoted.
        :param params: query.
        """
        answer = self._ask("GET", path, params=params, headers={"Authorization": f"Bearer {self._token}"})
        self.answers.append(answer)
        return answer

    def _ask(self, method: str, path: str, headers: dict[str, str] | None = None, **what: Any) -> Answer:
        try:
            came = self._http.request(
                method,
                self.settings.base_url + path,
                headers={"Accept": "application/json", **(headers or {})},
                timeout=(self.settings.connect_timeout, self.settings.timeout),
                allow_redirects=False,
                **what,
            )
        except requests.RequestException as error:
            # Its text can hold what was sent.
            return Answer(None, trouble=f"no answer ({type(error).__name__})")
        return Answer(
            came.status_code, _json(came.content), {name.lower(): text for name, text in came.headers.items()}
        )


def _json(body: bytes) -> Any:
    try:
        return clean(decode(body))
    except StreamkapResponseError:
        return None
