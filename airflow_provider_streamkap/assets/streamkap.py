# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Destinations as assets: ``streamkap://<host>/destinations/<id>``, and one that is told when it changes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, quote, unquote, urlsplit

from airflow.providers.common.compat.sdk import Asset

from airflow_provider_streamkap.api.query import check_destination_id
from airflow_provider_streamkap.api.settings import DEFAULT_BASE_URL

if TYPE_CHECKING:
    from airflow_provider_streamkap.triggers.event import StreamkapDestinationEventTrigger

DEFAULT_HOST = urlsplit(DEFAULT_BASE_URL).netloc

_PATH = re.compile(r"/destinations/([^/]+)/?")


def asset_uri(destination_id: str, host: str = DEFAULT_HOST) -> str:
    """Give the URI of a destination's asset.

    :param destination_id: the destination.
    :param host: the API's host, default ``api.streamkap.com``.
    :raises ValueError: the id is no id.
    """
    return f"streamkap://{host}/destinations/{quote(check_destination_id(destination_id), safe='')}"


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """Bring an asset's URI into its one form; registered with Airflow as the handler of the scheme.

    :param uri: the URI, split.
    :raises ValueError: it is not ``streamkap://<host>/destinations/<id>``.
    """
    found = _PATH.fullmatch(uri.path)
    if not uri.hostname or found is None or uri.query or uri.fragment or "@" in uri.netloc:
        raise ValueError("the URI of a Streamkap asset must look like streamkap://<host>/destinations/<id>")
    id_ = quote(check_destination_id(unquote(found[1])), safe="")
    return uri._replace(scheme="streamkap", netloc=uri.netloc.lower(), path=f"/destinations/{id_}")


def destination_asset(
    destination_id: str,
    trigger: StreamkapDestinationEventTrigger | None = None,
    *,
    host: str = DEFAULT_HOST,
    name: str | None = None,
    **arguments: Any,
) -> Asset:
    """Make the asset of a destination that is updated whenever the destination changes into or out of a condition.

    :param destination_id: the destination.
    :param trigger: what watches it; default: a
        :class:`~airflow_provider_streamkap.triggers.event.StreamkapDestinationEventTrigger` with these ``arguments``.
    :param host: the API's host, as it stands in the asset's URI.
    :param name: the asset's name; default: its URI.
    :param arguments: of the default trigger: ``edge``, ``max_records_lag``, ``poke_interval``, ...
    :raises RuntimeError: on Airflow 2, which has no watchers.
    :raises ValueError: an argument out of its range.
    """
    from airflow_provider_streamkap.triggers.event import StreamkapDestinationEventTrigger

    try:
        from airflow.sdk import AssetWatcher
    except ImportError:
        raise RuntimeError("an asset that watches a destination needs Airflow 3.0 or later") from None
    uri = asset_uri(destination_id, host)
    watcher = AssetWatcher(
        name=f"streamkap_{destination_id}",
        trigger=trigger or StreamkapDestinationEventTrigger(destination_id, **arguments),
    )
    return Asset(name=name or uri, uri=uri, watchers=[watcher])
