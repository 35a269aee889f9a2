# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The connection test: host, credentials and permission."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from airflow_provider_streamkap import api
from airflow_provider_streamkap.api.destinations import DestinationsQuery
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


def check_connection(connection: StreamkapConnection) -> tuple[bool, str]:
    """Test a connection, without retries because a user is waiting.

    :param connection: the connection.
    :returns: whether the connection works, and a message for the user.
    """
    ok, message = _test(connection.settings)
    return ok, " ".join((message, *(f"Note: {note}" for note in connection.unknown)))


def _test(settings: ClientSettings) -> tuple[bool, str]:
    no_retries = dataclasses.replace(settings, max_attempts=1)
    try:
        with api.StreamkapClient(no_retries) as client:
            return _test_access(client, settings.base_url)
    except StreamkapConnectionError as error:
        return False, f"{settings.base_url} cannot be reached: {error}"
    except StreamkapAuthError as error:
        return False, f"{settings.base_url} was reached, but it rejected the credentials: {error}"
    except StreamkapError as error:
        return False, f"{settings.base_url} was reached, but returned an unexpected response: {error}"


def _test_access(client: StreamkapClient, base_url: str) -> tuple[bool, str]:
    identity = client.whoami()
    project = identity.get("service_id") or identity.get("tenant_id") or "unknown"
    signed_in = f"Connected to {base_url} for project {project}"
    try:
        destination = next(client.list_destinations(DestinationsQuery(page_size=1)), None)
        if destination is None:
            return True, f"{signed_in}. It has no destinations, so metrics access was not tested."
        client.get_destination_metrics(MetricsQuery(destination.id))
    except StreamkapPermissionError as error:
        return False, f"{signed_in}, but a permission is missing: {error}"
    except StreamkapNotFoundError:
        # A 404 means that the permission is granted, but there are no metrics yet.
        return True, f"{signed_in}. Metrics can be read; the first destination has none yet."
    return True, f"{signed_in}. Metrics can be read."
