# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Synchronous and asynchronous clients for the Streamkap API, usable without Airflow.

Names are imported on first use, so importing this package is cheap and loads neither requests nor aiohttp.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_streamkap.api.async_client import AsyncStreamkapClient
    from airflow_provider_streamkap.api.client import StreamkapClient
    from airflow_provider_streamkap.api.destinations import Destination, DestinationsQuery
    from airflow_provider_streamkap.api.errors import (
        StreamkapAuthError,
        StreamkapConnectionError,
        StreamkapError,
        StreamkapHTTPError,
        StreamkapNotFoundError,
        StreamkapPermissionError,
        StreamkapRateLimitError,
        StreamkapRedirectError,
        StreamkapRequestError,
        StreamkapResponseError,
        StreamkapServerError,
        StreamkapTimeoutError,
    )
    from airflow_provider_streamkap.api.flows import ApiSession
    from airflow_provider_streamkap.api.metrics import DestinationMetrics, Point
    from airflow_provider_streamkap.api.query import (
        LATEST,
        TIME_TYPES,
        TIME_UNITS,
        TIMESERIES,
        TIMESUMMARY,
        MetricsQuery,
        parse_timestamp,
    )
    from airflow_provider_streamkap.api.settings import ClientSettings, Credentials

_EXPORTS = {
    "async_client": ("AsyncStreamkapClient",),
    "client": ("StreamkapClient",),
    "destinations": ("Destination", "DestinationsQuery"),
    "errors": (
        "StreamkapAuthError",
        "StreamkapConnectionError",
        "StreamkapError",
        "StreamkapHTTPError",
        "StreamkapNotFoundError",
        "StreamkapPermissionError",
        "StreamkapRateLimitError",
        "StreamkapRedirectError",
        "StreamkapRequestError",
        "StreamkapResponseError",
        "StreamkapServerError",
        "StreamkapTimeoutError",
    ),
    "flows": ("ApiSession",),
    "metrics": ("DestinationMetrics", "Point"),
    "query": (
        "LATEST",
        "TIMESERIES",
        "TIMESUMMARY",
        "TIME_TYPES",
        "TIME_UNITS",
        "MetricsQuery",
        "parse_timestamp",
    ),
    "settings": ("ClientSettings", "Credentials"),
}
_MODULE_OF = {name: module for module, names in _EXPORTS.items() for name in names}

__all__ = [
    "LATEST",
    "TIMESERIES",
    "TIMESUMMARY",
    "TIME_TYPES",
    "TIME_UNITS",
    "ApiSession",
    "AsyncStreamkapClient",
    "ClientSettings",
    "Credentials",
    "Destination",
    "DestinationMetrics",
    "DestinationsQuery",
    "MetricsQuery",
    "Point",
    "StreamkapAuthError",
    "StreamkapClient",
    "StreamkapConnectionError",
    "StreamkapError",
    "StreamkapHTTPError",
    "StreamkapNotFoundError",
    "StreamkapPermissionError",
    "StreamkapRateLimitError",
    "StreamkapRedirectError",
    "StreamkapRequestError",
    "StreamkapResponseError",
    "StreamkapServerError",
    "StreamkapTimeoutError",
    "parse_timestamp",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
