# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The test button of the connection: is the host there, are the credentials good, is the permission granted?"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from airflow_provider_streamkap.api.errors import (
    StreamkapAuthError,
    StreamkapConnectionError,
    StreamkapError,
    StreamkapNotFoundError,
    StreamkapPermissionError,
)
from airflow_provider_streamkap.api.query import MetricsQuery

if TYPE_CHECKING:
    from airflow_provider_streamkap.api.client import StreamkapClient
    from airflow_provider_streamkap.api.settings import ClientSettings
    from airflow_provider_streamkap.hooks._connection import StreamkapConnection


def check(connection: StreamkapConnection) -> tuple[bool, str]:
    """Test a connection without retries, since a person is waiting.

    :param connection: the connection.
    :returns: whether it works; a sentence for a person.
    """
    well, said = _try(connection.settings)
    return well, " ".join((said, *(f"Note: {note}" for note in connection.unknown)))


def _try(settings: ClientSettings) -> tuple[bool, str]:
    from airflow_provider_streamkap.api.client import StreamkapClient

    once = dataclasses.replace(settings, max_attempts=1)
    try:
        with StreamkapClient(once) as client:
            return _check(client, settings.base_url)
    except StreamkapConnectionError as error:
        return False, f"{settings.base_url} cannot be reached: {error}"
    except StreamkapAuthError as error:
        return False, f"{settings.base_url} was reached, but the credentials were refused: {error}"
    except StreamkapError as error:
        return False, f"{settings.base_url} was reached, but did not answer as expected: {error}"


def _check(client: StreamkapClient, base_url: str) -> tuple[bool, str]:
    identity = client.whoami()
    project = identity.get("service_id") or identity.get("tenant_id") or "unknown"
    signed_in = f"Connected to {base_url} for project {project}"
    try:
        destination = next(client.list_destinations(page_size=1), None)
        if destination is None:
            return True, f"{signed_in}. It has no destination, so reading metrics could not be tried."
        client.get_destination_metrics(MetricsQuery(destination.id))
    except StreamkapPermissionError as error:
        return False, f"{signed_in}, but a permission is missing: {error}"
    except StreamkapNotFoundError:
        # Allowed to ask, nothing to see yet: the permission is there.
        return True, f"{signed_in}. Metrics may be read; the first destination has none yet."
    return True, f"{signed_in}. Metrics may be read."
