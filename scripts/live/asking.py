# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Ask everything that is to be judged, once, in an order that makes the answers comparable."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice

from airflow_provider_streamkap.api.client import StreamkapClient
from airflow_provider_streamkap.api.destinations import Destination
from airflow_provider_streamkap.api.errors import StreamkapError
from airflow_provider_streamkap.api.metrics import LAG
from airflow_provider_streamkap.api.query import MetricsQuery, destination_path
from airflow_provider_streamkap.api.redaction import redact_text
from airflow_provider_streamkap.api.settings import ClientSettings, Credentials
from airflow_provider_streamkap.gate.target import WINDOW_SECONDS
from scripts.live import findings, readings
from scripts.live.findings import Answer, Finding
from scripts.live.wire import Wire

#: Destinations that are listed at most, and those of one kind that are looked at.
MOST_LISTED, MOST_LOOKED_AT = 500, 5
TOTAL = "sinkRecordReadTotal"
_STOPPED = frozenset({"paused", "stopped"})


class Check:
    """One check of the service.

    :param settings: where it is, and who asks.
    :param destination_id: whose readings are judged; None: of some Active ones the one with the largest lag.
    :param pause: seconds between two looks at a destination that is stopped.
    :param clock: epoch seconds.
    :param sleep: waits some seconds.
    """

    def __init__(
        self,
        settings: ClientSettings,
        destination_id: str | None = None,
        *,
        pause: float = 60.0,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._destination_id = destination_id
        self._pause = pause
        self._clock = clock
        self._sleep = sleep
        self._listed: list[Destination] = []
        self._secrets = set(settings.credentials.secrets())

    def run(self) -> list[Finding]:
        """Ask, and give what was found.

        :raises StreamkapError: if the service cannot be reached, or refuses the credentials.
        """
        wire = Wire(self._settings)
        client = StreamkapClient(self._settings, on_token=lambda token: self._signed_in(wire, token))
        with wire, client:
            client.whoami()
            found = [findings.refused_credentials(self._refusal()), findings.token_lifetime(self._token_answer(wire))]
            nobody = destination_path(secrets.token_hex(12))
            found += [
                findings.unknown_metrics(wire.get(f"{nobody}/metrics", time_type="latest")),
                findings.unknown_destination(wire.get(nobody)),
                findings.listing(wire.get("/destinations", page="1", page_size="10")),
            ]
            self._list(client)
            seen = [self.clean(item.connector_status or "") for item in self._listed]
            found += [findings.statuses(seen), self._stopped(client)]
            found += self._readings(client, wire)
            found += [findings.support(wire.answers), findings.limits(wire.answers)]
        # Before it is wrapped into lines: a secret that is broken in two would not be found.
        return [replace(item, found=self.clean(item.found)) for item in found]

    def clean(self, text: str) -> str:
        """Take out every secret and every token so far.

        :param text: what is going to be printed.
        """
        return redact_text(text, self._secrets)

    def _signed_in(self, wire: Wire, token: str) -> None:
        self._secrets.add(token)
        wire.sign_with(token)

    def _refusal(self) -> StreamkapError | None:
        # Not our own client id with a wrong secret: services lock those out.
        nobody = Credentials(str(uuid.uuid4()), secrets.token_urlsafe(24))
        self._secrets.update(nobody.secrets())
        with StreamkapClient(replace(self._settings, credentials=nobody, max_attempts=1)) as client:
            try:
                client.whoami()
            except StreamkapError as error:
                return error
        return None

    def _token_answer(self, wire: Wire) -> Answer:
        answer = wire.token()
        body = answer.body if isinstance(answer.body, dict) else {}
        tokens = (body.get(name) for name in ("accessToken", "refreshToken"))
        self._secrets.update(token for token in tokens if isinstance(token, str) and token)
        return answer

    def _list(self, client: StreamkapClient) -> None:
        try:
            self._listed = list(islice(client.list_destinations(), MOST_LISTED))
        except StreamkapError:
            # Without the permission to list, the row about lists has said so, and one id may have been given.
            self._listed = []

    def _stopped(self, client: StreamkapClient) -> Finding:
        stopped = [item for item in self._listed if (item.connector_status or "").casefold() in _STOPPED][
            :MOST_LOOKED_AT
        ]
        first = [self._lag(client, item.id) for item in stopped]
        if not any(first):
            return readings.stopped_lag([])
        self._sleep(self._pause)
        second = [self._lag(client, item.id) for item in stopped]
        looks = [
            readings.Look(before[0], before[1], after[1])
            for before, after in zip(first, second, strict=True)
            # One that was started meanwhile says nothing.
            if before and after and before[0] == after[0]
        ]
        return readings.stopped_lag(looks)

    def _lag(self, client: StreamkapClient, destination_id: str) -> tuple[str, float | None] | None:
        try:
            seen = client.get_destination_metrics(MetricsQuery(destination_id))
        except StreamkapError:
            return None
        return seen.connector_status or "no status", seen.records_lag

    def _readings(self, client: StreamkapClient, wire: Wire) -> list[Finding]:
        chosen = self._destination_id or self._busiest(client)
        if chosen is None:
            minutes = hours = Answer(None, trouble="no destination")
            latest = None
        else:
            minutes = self._series(wire, chosen, "minute", WINDOW_SECONDS)
            latest = self._lag(client, chosen)
            hours = self._series(wire, chosen, "hour", 86400)
        now = self._clock()
        lag = readings.points_of(minutes.body, LAG)
        read = readings.points_of(hours.body, TOTAL)
        return [
            readings.layouts([stamp for stamp, _ in (*lag, *read)]),
            readings.age(lag, now),
            readings.latest_age(latest[1] if latest else None, lag, now),
            readings.totals([value for _, value in read]),
        ]

    def _busiest(self, client: StreamkapClient) -> str | None:
        active = [item.id for item in self._listed if (item.connector_status or "").casefold() == "active"]
        looks = [(self._lag(client, item), item) for item in active[:MOST_LOOKED_AT]]
        # One that moves tells more, and one whose lag is unknown nothing.
        known = [(-1.0 if seen[1] is None else float(seen[1]), item) for seen, item in looks if seen]
        return max(known, key=lambda pair: pair[0])[1] if known else None

    def _series(self, wire: Wire, destination_id: str, unit: str, seconds: float) -> Answer:
        since = datetime.fromtimestamp(self._clock(), UTC).replace(microsecond=0) - timedelta(seconds=seconds)
        query = MetricsQuery(destination_id, "timeseries", 1, unit, timestamp_from=since)
        return wire.get(query.path, **dict(query.params))
