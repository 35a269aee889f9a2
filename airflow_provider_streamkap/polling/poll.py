# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""One poll of a destination, as a flow for both clients."""

from __future__ import annotations

from airflow_provider_streamkap.api.errors import (
    StreamkapHTTPError,
    StreamkapNotFoundError,
    StreamkapRequestError,
    StreamkapResponseError,
    StreamkapServerError,
    strip_context,
)
from airflow_provider_streamkap.api.flows import SMALL_BODY, ApiSession, Flow, unknown_resource
from airflow_provider_streamkap.api.query import DESTINATION
from airflow_provider_streamkap.gate.target import PollResult, PollTarget

# Errors of the timeseries request if the API has no timeseries, or returns it in another format.
_NO_SERIES = (StreamkapNotFoundError, StreamkapRequestError, StreamkapServerError, StreamkapResponseError)


def poll(session: ApiSession, target: PollTarget) -> Flow[PollResult]:
    """Poll a destination once.

    A 404 is ambiguous: the id may be unknown, or the destination has just been deployed and has no metrics yet. A
    request for the destination itself distinguishes the two.

    :param session: the session to send requests with.
    :param target: the destination and the metrics to request.
    :raises StreamkapNotFoundError: the destination does not exist, or these credentials do not have access to it.
    :raises StreamkapError: any other failure.
    """
    series_query = target.series_query(session.now())
    series = series_error = None
    try:
        # Request the timeseries first, so that the status is not older than the lag.
        if series_query is not None:
            try:
                series = yield from session.metrics(series_query, target.series_limit)
            except _NO_SERIES as error:
                if error.transient and isinstance(error, StreamkapHTTPError):
                    raise
                # Continue with the latest metrics; the gate decides whether they are enough.
                series_error = strip_context(error)
        latest = yield from session.metrics(target.latest_query(), SMALL_BODY)
        return PollResult(latest, series, series_error, clock_lead=session.clock_lead)
    except StreamkapNotFoundError as error:
        if not (yield from session.exists(target.resource_id)):
            raise strip_context(unknown_resource(error, DESTINATION, target.resource_id)) from None
    return PollResult.without_metrics(target, session.now())
