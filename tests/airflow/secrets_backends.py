# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A secrets backend with configurable failures, loaded by Airflow through ``[secrets] backend``."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.secrets import BaseSecretsBackend


class Flaky(BaseSecretsBackend):
    """Hold one connection and fail a configured number of times."""

    connection: ClassVar[str | None] = None
    failures: ClassVar[float] = 0
    lookups: ClassVar[int] = 0

    @classmethod
    def reset(cls, connection: str | None, failures: float = 0) -> None:
        """Reset the backend.

        :param connection: the connection as JSON; ``None`` if it does not exist.
        :param failures: number of requests that fail.
        """
        cls.connection, cls.failures, cls.lookups = connection, failures, 0

    def get_conn_value(self, conn_id: str, *_: Any, **__: Any) -> str | None:
        """Return the connection, or fail like an unavailable backend."""
        if conn_id != "streamkap_default":
            return None
        cls = type(self)
        cls.lookups += 1
        if cls.failures > 0:
            cls.failures -= 1
            raise ConnectionError("vault is sealed, token=hvs.made-up-vault-token")
        return cls.connection
