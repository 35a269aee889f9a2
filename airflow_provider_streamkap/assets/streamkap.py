# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Destinations as assets: ``streamkap://<host>/destinations/<id>``.

An asset is updated when a destination starts (or, with ``edge="out_of"``, stops) meeting a condition. A destination by
name is ``streamkap://<host>/destinations/by-name/<name>``, so that parsing a DAG needs no request.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, quote, unquote, urlsplit

from airflow_provider_streamkap._compat import Asset
from airflow_provider_streamkap._lazy import LazyModule
from airflow_provider_streamkap.api.options import DEFAULT_BASE_URL
from airflow_provider_streamkap.api.query import check_resource_id, check_resource_name

if TYPE_CHECKING:
    from airflow_provider_streamkap.triggers import event
else:
    event = LazyModule("airflow_provider_streamkap.triggers.event")

DEFAULT_HOST = urlsplit(DEFAULT_BASE_URL).netloc

_PATH = re.compile(r"/destinations/(by-name/)?([^/]+)/?")


def _path(destination_id: str | None = None, destination_name: str | None = None) -> str:
    if (destination_id is None) == (destination_name is None):
        raise ValueError("pass either destination_id or destination_name")
    if destination_name is not None:
        return f"/destinations/by-name/{quote(check_resource_name(destination_name), safe='')}"
    return f"/destinations/{quote(check_resource_id(destination_id), safe='')}"


def asset_uri(
    destination_id: str | None = None, host: str = DEFAULT_HOST, *, destination_name: str | None = None
) -> str:
    """Return the URI of a destination's asset, for the default condition.

    :param destination_id: the id of the destination.
    :param host: the API's host, default ``api.streamkap.com``.
    :param destination_name: the name of the destination, instead of its id.
    :raises ValueError: the id or the name is invalid, or not exactly one of them is passed.
    """
    return f"streamkap://{host.lower()}{_path(destination_id, destination_name)}"


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """Return the canonical form of an asset URI. Registered with Airflow as the handler of the scheme.

    :param uri: the URI, split.
    :raises ValueError: it is not ``streamkap://<host>/destinations/<id>`` or
        ``streamkap://<host>/destinations/by-name/<name>``, with or without a condition as its query.
    """
    found = _PATH.fullmatch(uri.path)
    if not uri.hostname or found is None or uri.fragment or "@" in uri.netloc:
        raise ValueError(
            "the URI of a Streamkap asset must look like streamkap://<host>/destinations/<id>, "
            "streamkap://<host>/destinations/by-name/<name> or "
            "streamkap://<host>/destinations/<id>?edge=out_of&max_records_lag=100"
        )
    resource: dict[str, Any] = {"destination_name" if found[1] else "destination_id": unquote(found[2])}
    query = ""
    if uri.query:
        query = event.StreamkapDestinationEventTrigger.from_condition(query=uri.query, **resource).condition()
    return uri._replace(scheme="streamkap", netloc=uri.netloc.lower(), path=_path(**resource), query=query)


def destination_asset(
    destination_id: str | None = None,
    trigger: event.StreamkapDestinationEventTrigger | None = None,
    *,
    host: str = DEFAULT_HOST,
    name: str | None = None,
    destination_name: str | None = None,
    **arguments: Any,
) -> Asset:
    """Return an asset that is updated when a destination starts meeting a condition.

    With ``edge="out_of"``, it is updated when the destination stops meeting the condition. The URI of the default
    condition is ``streamkap://<host>/destinations/<id>``. Any other condition follows as a query, such as
    ``?edge=out_of``, so that each condition has its own asset.

    With ``destination_name`` the URI is ``streamkap://<host>/destinations/by-name/<name>``, so it is another asset than
    that of the destination's id. The trigger resolves the name when it starts, and again if the destination no longer
    exists.

    :param destination_id: the id of the destination.
    :param trigger: the trigger that watches the destination; default: a
        :class:`~airflow_provider_streamkap.triggers.event.StreamkapDestinationEventTrigger` with these ``arguments``.
    :param host: the API's host, as part of the asset's URI; case does not matter.
    :param name: the asset's name; default: its URI.
    :param destination_name: the exact name of the destination, instead of ``destination_id``.
    :param arguments: arguments of the default trigger, such as ``edge`` and ``max_records_lag``.
    :raises RuntimeError: on Airflow 2, which has no watchers.
    :raises ValueError: an argument is invalid, or is set together with ``trigger``.
    """
    try:
        from airflow.sdk import AssetWatcher
    except ImportError:
        raise RuntimeError("an asset that watches a destination requires Airflow 3.0 or later") from None
    if trigger is None:
        trigger = event.StreamkapDestinationEventTrigger(destination_id, destination_name=destination_name, **arguments)
    elif arguments:
        raise ValueError(
            f"{', '.join(arguments)} has no effect together with trigger={trigger!r}: pass the arguments to the trigger"
        )
    elif _path(trigger.destination_id, trigger.destination_name) != _path(destination_id, destination_name):
        given, watched = destination_id or destination_name, trigger.destination_id or trigger.destination_name
        raise ValueError(f"destination {given!r} differs from the trigger's, {watched!r}: pass the same one")
    query = f"?{condition}" if (condition := trigger.condition()) else ""
    path = _path(destination_id, destination_name)
    uri = f"streamkap://{host.lower()}{path}{query}"
    watcher = AssetWatcher(name=f"streamkap_{path.removeprefix('/destinations/')}{query}", trigger=trigger)
    return Asset(name=name or uri, uri=uri, watchers=[watcher])
