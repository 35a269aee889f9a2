# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Destinations as assets: ``streamkap://<host>/destinations/<id>``.

An asset is updated when a destination starts (or, with ``edge="out_of"``, stops) meeting a condition.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, quote, unquote, urlsplit

from airflow_provider_streamkap._compat import Asset
from airflow_provider_streamkap._lazy import LazyModule
from airflow_provider_streamkap.api.options import DEFAULT_BASE_URL
from airflow_provider_streamkap.api.query import check_resource_id

if TYPE_CHECKING:
    from airflow_provider_streamkap.triggers import event
else:
    event = LazyModule("airflow_provider_streamkap.triggers.event")

DEFAULT_HOST = urlsplit(DEFAULT_BASE_URL).netloc

_PATH = re.compile(r"/destinations/([^/]+)/?")


def asset_uri(destination_id: str, host: str = DEFAULT_HOST) -> str:
    """Return the URI of a destination's asset, for the default condition.

    :param destination_id: the destination.
    :param host: the API's host, default ``api.streamkap.com``.
    :raises ValueError: ``destination_id`` is not an id.
    """
    return f"streamkap://{host.lower()}/destinations/{quote(check_resource_id(destination_id), safe='')}"


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """Return the canonical form of an asset URI. Registered with Airflow as the handler of the scheme.

    :param uri: the URI, split.
    :raises ValueError: it is not ``streamkap://<host>/destinations/<id>``, with or without a condition as its query.
    """
    found = _PATH.fullmatch(uri.path)
    if not uri.hostname or found is None or uri.fragment or "@" in uri.netloc:
        raise ValueError(
            "the URI of a Streamkap asset must look like streamkap://<host>/destinations/<id> or "
            "streamkap://<host>/destinations/<id>?edge=out_of&max_records_lag=100"
        )
    id_ = check_resource_id(unquote(found[1]))
    query = ""
    if uri.query:
        query = event.StreamkapDestinationEventTrigger.from_condition(id_, uri.query).condition()
    return uri._replace(
        scheme="streamkap", netloc=uri.netloc.lower(), path=f"/destinations/{quote(id_, safe='')}", query=query
    )


def destination_asset(
    destination_id: str,
    trigger: event.StreamkapDestinationEventTrigger | None = None,
    *,
    host: str = DEFAULT_HOST,
    name: str | None = None,
    **arguments: Any,
) -> Asset:
    """Return an asset that is updated when a destination starts meeting a condition.

    With ``edge="out_of"``, it is updated when the destination stops meeting the condition. The URI of the default
    condition is ``streamkap://<host>/destinations/<id>``. Any other condition follows as a query, such as
    ``?edge=out_of``, so that each condition has its own asset.

    :param destination_id: the destination.
    :param trigger: the trigger that watches the destination; default: a
        :class:`~airflow_provider_streamkap.triggers.event.StreamkapDestinationEventTrigger` with these ``arguments``.
    :param host: the API's host, as part of the asset's URI; case does not matter.
    :param name: the asset's name; default: its URI.
    :param arguments: arguments of the default trigger, such as ``edge`` and ``max_records_lag``.
    :raises RuntimeError: on Airflow 2, which has no watchers.
    :raises ValueError: an argument is invalid, or is set together with ``trigger``.
    """
    try:
        from airflow.sdk import AssetWatcher
    except ImportError:
        raise RuntimeError("an asset that watches a destination requires Airflow 3.0 or later") from None
    if trigger is None:
        trigger = event.StreamkapDestinationEventTrigger(destination_id, **arguments)
    elif arguments:
        raise ValueError(
            f"{', '.join(arguments)} has no effect together with trigger={trigger!r}: pass the arguments to the trigger"
        )
    elif trigger.destination_id != check_resource_id(destination_id):
        raise ValueError(
            f"destination_id {destination_id!r} differs from the trigger's, {trigger.destination_id!r}: pass the same "
            "id"
        )
    query = f"?{condition}" if (condition := trigger.condition()) else ""
    uri = asset_uri(destination_id, host) + query
    watcher = AssetWatcher(name=f"streamkap_{trigger.destination_id}{query}", trigger=trigger)
    return Asset(name=name or uri, uri=uri, watchers=[watcher])
