# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Send all requests of the check, in an order that makes the responses comparable."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from airflow_provider_streamkap.api.client import StreamkapClient
from airflow_provider_streamkap.api.destinations import Destination
from airflow_provider_streamkap.api.errors import StreamkapError
from airflow_provider_streamkap.api.metrics import LAG
from airflow_provider_streamkap.api.query import DESTINATION, MetricsQuery
from airflow_provider_streamkap.api.redaction import redact_text, redact_value
from airflow_provider_streamkap.api.settings import ClientSettings, Credentials
from airflow_provider_streamkap.gate.target import WINDOW_SECONDS
from scripts.live import findings, readings
from scripts.live.findings import Finding, Response
from scripts.live.pipeline_check import PipelineCheck
from scripts.live.raw_client import RawClient

#: Maximum number of destinations to list, and to sample per kind.
MAX_LISTED, MAX_SAMPLED = 500, 5
TOTAL = "sinkRecordReadTotal"
_STOPPED = frozenset({"paused", "stopped"})


class Check:
    """Check a live service against the provider's assumptions.

    :param settings: URL and credentials.
    :param destination_id: destination to check; None for the Active one with the largest lag, from a sample.
    :param source_id: source to check; None for that of the pipeline, or the first.
    :param pipeline_id: pipeline to check; None for the first.
    :param pause: seconds between the two readings of a stopped destination.
    :param clock: epoch seconds.
    :param sleep: replaces ``time.sleep``.
    """

    def __init__(
        self,
        settings: ClientSettings,
        destination_id: str | None = None,
        *,
        source_id: str | None = None,
        pipeline_id: str | None = None,
        pause: float = 60.0,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._destination_id = destination_id
        self._source_id = source_id
        self._pipeline_id = pipeline_id
        self._pause = pause
        self._clock = clock
        self._sleep = sleep
        self._listed: list[Destination] = []
        # Raw lag points of the checked destination.
        self._lag_points: list[tuple[Any, Any]] = []
        self._secrets = set(settings.credentials.secrets())

    def run(self) -> list[Finding]:
        """Run all checks and return the findings.

        :raises StreamkapError: if the service cannot be reached or rejects the credentials.
        """
        raw = RawClient(self._settings)
        client = StreamkapClient(self._settings, on_token=lambda token: self._on_token(raw, token))
        with raw, client:
            client.whoami()
            found = [
                findings.refused_credentials(self._rejection()),
                findings.token_lifetime(self._token_response(raw)),
            ]
            unknown = DESTINATION.path(secrets.token_hex(12))
            found += [
                findings.unknown_metrics(raw.get(f"{unknown}/metrics", time_type="latest")),
                findings.unknown_resource(DESTINATION, raw.get(unknown)),
                findings.listing(raw.get("/destinations", page="1", page_size="10")),
            ]
            self._list(client)
            pipelines = PipelineCheck(
                raw,
                self._source_id,
                self._pipeline_id,
                clock=self._clock,
                redact=lambda body: redact_value(body, self._secrets),
            )
            statuses = [*(item.connector_status for item in self._listed), *pipelines.list_statuses()]
            seen = [self.clean(status or "") for status in statuses]
            found += [findings.statuses(seen), self._stopped(client)]
            found += self._readings(client, raw)
            found += pipelines.run(self._lag_points)
            found += [findings.support(raw.responses), findings.limits(raw.responses)]
        # Redact before wrapping lines, which could split a secret.
        return [replace(item, found=self.clean(item.found)) for item in found]

    def clean(self, text: str) -> str:
        """Redact all secrets and tokens used so far.

        :param text: text to print.
        """
        return redact_text(text, self._secrets)

    def _on_token(self, raw: RawClient, token: str) -> None:
        self._secrets.add(token)
        raw.use_token(token)

    def _rejection(self) -> StreamkapError | None:
        # A wrong secret for the real client id could lock it out.
        made_up = Credentials(str(uuid.uuid4()), secrets.token_urlsafe(24))
        self._secrets.update(made_up.secrets())
        with StreamkapClient(replace(self._settings, credentials=made_up, max_attempts=1)) as client:
            try:
                client.whoami()
            except StreamkapError as error:
                return error
        return None

    def _token_response(self, raw: RawClient) -> Response:
        response = raw.token()
        body = response.body if isinstance(response.body, dict) else {}
        tokens = (body.get(name) for name in ("accessToken", "refreshToken"))
        self._secrets.update(token for token in tokens if isinstance(token, str) and token)
        return response

    def _list(self, client: StreamkapClient) -> None:
        try:
            self._listed = list(islice(client.list_destinations(), MAX_LISTED))
        except StreamkapError:
            # A missing permission already shows in the row about lists, and a destination id may be configured.
            self._listed = []

    def _stopped(self, client: StreamkapClient) -> Finding:
        stopped = [item for item in self._listed if (item.connector_status or "").casefold() in _STOPPED][:MAX_SAMPLED]
        first = [self._lag(client, item.id) for item in stopped]
        if not any(first):
            return readings.stopped_lag([])
        self._sleep(self._pause)
        second = [self._lag(client, item.id) for item in stopped]
        pairs = [
            readings.LagPair(before[0], before[1], after[1])
            for before, after in zip(first, second, strict=True)
            # Skip destinations that were started in between.
            if before and after and before[0] == after[0]
        ]
        return readings.stopped_lag(pairs)

    def _lag(self, client: StreamkapClient, destination_id: str) -> tuple[str, float | None] | None:
        try:
            seen = client.get_destination_metrics(MetricsQuery(destination_id))
        except StreamkapError:
            return None
        return seen.connector_status or "no status", seen.records_lag

    def _readings(self, client: StreamkapClient, raw: RawClient) -> list[Finding]:
        chosen = self._destination_id or self._busiest(client)
        if chosen is None:
            minutes = hours = Response(None, error="no destination")
            latest = None
        else:
            minutes = self._series(raw, chosen, "minute", WINDOW_SECONDS)
            latest = self._lag(client, chosen)
            hours = self._series(raw, chosen, "hour", 86400)
        now = self._clock()
        lag = self._lag_points = readings.points_of(minutes.body, LAG)
        read = readings.points_of(hours.body, TOTAL)
        return [
            readings.layouts([stamp for stamp, _ in (*lag, *read)]),
            readings.age(lag, now),
            readings.latest_age(latest[1] if latest else None, lag, now),
            readings.totals([value for _, value in read]),
        ]

    def _busiest(self, client: StreamkapClient) -> str | None:
        active = [item.id for item in self._listed if (item.connector_status or "").casefold() == "active"]
        pairs = [(self._lag(client, item), item) for item in active[:MAX_SAMPLED]]
        # Prefer a changing lag over a constant one, and skip unknown lags.
        known = [(-1.0 if seen[1] is None else float(seen[1]), item) for seen, item in pairs if seen]
        return max(known, key=lambda pair: pair[0])[1] if known else None

    def _series(self, raw: RawClient, destination_id: str, unit: str, seconds: float) -> Response:
        since = datetime.fromtimestamp(self._clock(), UTC).replace(microsecond=0) - timedelta(seconds=seconds)
        query = MetricsQuery(destination_id, "timeseries", 1, unit, timestamp_from=since)
        return raw.get(query.path, **dict(query.params))
