# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""One poll of a resource, as a flow for both clients."""

from __future__ import annotations

from typing import Any

from airflow_provider_streamkap.api.destinations import Destination
from airflow_provider_streamkap.api.errors import (
    StreamkapHTTPError,
    StreamkapNotFoundError,
    StreamkapRequestError,
    StreamkapResponseError,
    StreamkapServerError,
    strip_context,
)
from airflow_provider_streamkap.api.flows import SMALL_BODY, ApiSession, Flow, unknown_resource
from airflow_provider_streamkap.api.query import SOURCE
from airflow_provider_streamkap.api.resources import Connector
from airflow_provider_streamkap.api.sources import Source
from airflow_provider_streamkap.gate.target import AnyPollResult, PollResult, PollTarget, SourcePollResult

# Errors of the timeseries request if the API has no timeseries, or returns it in another format.
_NO_SERIES = (StreamkapNotFoundError, StreamkapRequestError, StreamkapServerError, StreamkapResponseError)


def poll(session: ApiSession, target: PollTarget) -> Flow[AnyPollResult]:
    """Poll a resource once.

    A 404 is ambiguous: the id may be unknown, or the resource has just been deployed and has no metrics yet. A
    request for the resource itself distinguishes the two.

    :param session: the session to send requests with.
    :param target: the resource and what to request about it.
    :raises StreamkapNotFoundError: the resource does not exist, or these credentials do not have access to it.
    :raises StreamkapError: any other failure.
    """
    result: type[AnyPollResult]
    request: Any
    record: type[Connector]
    if target.kind == SOURCE:
        result, request, record = SourcePollResult, session.source_metrics, Source
    else:
        result, request, record = PollResult, session.metrics, Destination
    series_query = target.series_query(session.now())
    series = series_error = None
    more: dict[str, Any] = {}
    try:
        # Request the timeseries first, so that the status is not older than the lag.
        if series_query is not None:
            try:
                series = yield from request(series_query, target.series_limit)
            except _NO_SERIES as error:
                if error.transient and isinstance(error, StreamkapHTTPError):
                    raise
                # Continue with the latest metrics; the gate decides whether they are enough.
                series_error = strip_context(error)
        if target.record:
            more["record"] = yield from session.resource(record, target.resource_id)
        latest = yield from request(target.latest_query(), SMALL_BODY)
        return result(latest, series, series_error, clock_lead=session.clock_lead, **more)
    except StreamkapNotFoundError as error:
        if not more and not (yield from session.exists(record, target.resource_id)):
            raise strip_context(unknown_resource(error, target.kind, target.resource_id)) from None
    return result.without_metrics(target, session.now(), **more)
