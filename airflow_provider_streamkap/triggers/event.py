# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""StreamkapDestinationEventTrigger: update an asset when a destination catches up or falls behind.

For an ``AssetWatcher`` of Airflow 3. The trigger never ends, since Airflow would restart it. Triggers on the same
destination share their polls through the poller of the event loop, which works on every Airflow 3 and isolates
the failure of one trigger from the others.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from datetime import timedelta
from inspect import signature
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from airflow.triggers.base import TriggerEvent

from airflow_provider_streamkap._arguments import plain, seconds
from airflow_provider_streamkap._results import with_name
from airflow_provider_streamkap.api.errors import (
    StreamkapError,
    StreamkapNotFoundError,
    resource_label,
    short_name,
    strip_context,
)
from airflow_provider_streamkap.api.query import DESTINATION, check_resource_id, check_resource_name
from airflow_provider_streamkap.gate.conditions import DestinationGate, LagSource
from airflow_provider_streamkap.gate.edges import Edge, EdgeDetector
from airflow_provider_streamkap.gate.spec import check_poke_interval
from airflow_provider_streamkap.gate.target import PollResult, PollTarget
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook

if TYPE_CHECKING:
    from airflow.triggers.base import BaseEventTrigger

    from airflow_provider_streamkap.polling.poller import Poller
else:
    try:
        from airflow.triggers.base import BaseEventTrigger
    except ImportError:  # Airflow 2: the provider metadata lists this module, so importing it must work
        from airflow.triggers.base import BaseTrigger as BaseEventTrigger

# Log every tenth of consecutive failures.
_LOG_FAILURE_EVERY = 10
# Attempts to read the last known state before the trigger continues without it.
_LOAD_ATTEMPTS = 10


class StreamkapDestinationEventTrigger(BaseEventTrigger):
    """Fire when a destination starts (or, with ``edge="out_of"``, stops) meeting a condition.

    The payload of the event is the snapshot. It fires only on changes, so never on the first reading. Airflow 3.3
    stores the last known state in the asset state store, so that a change during a restart of the triggerer still
    fires; earlier versions miss it.

    :param destination_id: the id of the destination.
    :param edge: fire on changes ``"into"`` (default) or ``"out_of"`` the condition.
    :param max_records_lag: highest lag in records that meets the condition, default 0; ``None``: any.
    :param connector_status: status or statuses that meet the condition, default ``"Active"``; ``None``: any.
    :param max_latency_ms: highest latency in milliseconds that meets the condition; ``None`` (default): any.
    :param confirmations: consecutive readings that confirm a change, default 2; for ``"into"`` with a timeseries,
        consecutive points.
    :param poke_interval: seconds between two polls, or a timedelta, default 60.
    :param streamkap_conn_id: the Airflow connection, default ``streamkap_default``.
    :param lag_source: as for the sensor, default ``"auto"``: only lag measured after the start of the trigger counts.
    :param destination_name: the exact name of the destination, instead of ``destination_id``. Resolved when the trigger
        starts, and again if the destination no longer exists. The snapshot then has a ``destination_name``.
    :raises ValueError: an argument is invalid; the message names it.
    """

    # Without this, Airflow ignores the triggerer queue of an event trigger.
    supports_triggerer_queue = True

    def __init__(
        self,
        destination_id: str | None = None,
        edge: Edge = "into",
        max_records_lag: float | None = 0,
        connector_status: str | Iterable[str] | None = "Active",
        max_latency_ms: float | None = None,
        confirmations: int = 2,
        poke_interval: float | timedelta = 60.0,
        streamkap_conn_id: str = StreamkapHook.default_conn_name,
        lag_source: LagSource = "auto",
        destination_name: str | None = None,
    ) -> None:
        super().__init__()
        self.poke_interval: float = seconds(poke_interval)
        check_poke_interval(self.poke_interval)
        if (destination_id is None) == (destination_name is None):
            raise ValueError("pass either destination_id or destination_name")
        self.destination_id = None if destination_id is None else check_resource_id(destination_id)
        self.destination_name = None if destination_name is None else check_resource_name(destination_name)
        self.edge: Edge = edge
        self.max_records_lag = max_records_lag
        self.connector_status = plain(connector_status)
        self.max_latency_ms = max_latency_ms
        self.confirmations = confirmations
        self.streamkap_conn_id = streamkap_conn_id
        self.lag_source: LagSource = lag_source
        gate = self._gate()
        EdgeDetector(gate, edge, confirmations)
        statuses = gate.to_dict()["connector_status"]
        # Sorted, because Airflow starts another trigger if the arguments differ.
        self.connector_status = None if statuses is None else sorted(statuses, key=str.casefold)
        # Whether the last state could not be stored yet.
        self._unsaved = False

    #: Arguments that make up the condition. Triggers that differ in any of them need separate assets, watchers and
    #: stored states.
    CONDITION = ("edge", "max_records_lag", "connector_status", "max_latency_ms", "confirmations", "lag_source")

    def condition(self) -> str:
        """Return the non-default part of the condition as a canonical URL query.

        The default condition is ``""``. The order and case of statuses and the format of numbers do not matter.
        """
        default = signature(StreamkapDestinationEventTrigger.__init__).parameters
        pairs = {
            (name, text)
            for name in self.CONDITION
            if (texts := _canonical_texts(getattr(self, name))) != _canonical_texts(default[name].default)
            for text in texts
        }
        # Airflow sorts and encodes the query of an asset URI in the same way.
        return urlencode(sorted(pairs))

    @classmethod
    def from_condition(
        cls, destination_id: str | None = None, query: str = "", *, destination_name: str | None = None
    ) -> StreamkapDestinationEventTrigger:
        """Create a trigger from a condition in the form of a URL query.

        :param destination_id: the id of the destination.
        :param query: for instance ``edge=out_of&max_records_lag=100``; ``ANY`` stands for None. Default: the default
            condition.
        :param destination_name: the name of the destination, instead of its id.
        :raises ValueError: an argument is unknown, repeated or invalid; the message names it.
        """
        arguments: dict[str, Any] = {}
        for name, text in parse_qsl(query, keep_blank_values=True):
            if name not in cls.CONDITION:
                raise ValueError(f"{name!r} is not part of a condition; allowed: {', '.join(cls.CONDITION)}")
            arguments.setdefault(name, []).append(_parse_argument(name, text))
        if twice := [name for name, values in arguments.items() if name != "connector_status" and len(values) > 1]:
            raise ValueError(f"{', '.join(twice)} is set more than once in the asset URI; set it once")
        return cls(
            destination_id,
            destination_name=destination_name,
            **{name: values if len(values) > 1 else values[0] for name, values in arguments.items()},
        )

    def _gate(self) -> DestinationGate:
        return DestinationGate(
            self.max_records_lag,
            self.connector_status,
            self.max_latency_ms,
            fail_on_status=(),
            lag_source=self.lag_source,
        )

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the arguments."""
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        resource = "destination_id" if self.destination_name is None else "destination_name"
        names = (resource, *self.CONDITION, "poke_interval", "streamkap_conn_id")
        return path, {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Fire on each change, until cancelled."""
        detector = EdgeDetector(self._gate(), self.edge, self.confirmations, await self._load_state())
        failed = 0
        # Never return: Airflow would restart the trigger from the last stored state and could repeat an event.
        while True:
            try:
                hook = StreamkapHook(self.streamkap_conn_id)
                async with hook.poller() as poller:
                    async for snapshot, changed in self._changes(hook, poller, detector):
                        if changed:
                            # Fire before storing the state: after a crash in between, an event is repeated, not lost.
                            yield TriggerEvent(snapshot)
                        await self._save_state(detector.state)
            except Exception as error:
                # The connection is missing or invalid, its lookup failed, or the name cannot be resolved.
                failed += 1
                if failed % _LOG_FAILURE_EVERY == 1:
                    kind = type(error).__name__
                    self.log.error("Cannot watch %s: %s: %s", self._label, kind, error)  # noqa: TRY400
                await asyncio.sleep(self.poke_interval)

    @property
    def _label(self) -> str:
        """The destination in log lines, before its id is known."""
        return self.destination_id or short_name(self.destination_name or "")

    async def _resolve(self, hook: StreamkapHook) -> str:
        """Return the id of the destination."""
        if self.destination_name is None:
            return str(self.destination_id)
        return (await hook.aresolve_names(DESTINATION, [self.destination_name]))[self.destination_name]

    async def _changes(
        self, hook: StreamkapHook, poller: Poller, detector: EdgeDetector
    ) -> AsyncIterator[tuple[dict[str, Any], bool]]:
        """Yield the snapshot of each reading that changes the state, and whether the change fires an event."""
        loop = asyncio.get_running_loop()
        id_ = await self._resolve(hook)
        label = resource_label(id_, self.destination_name)
        not_before = loop.time()
        due, spread = not_before + self.poke_interval, self.poke_interval
        failed = 0
        target = PollTarget.with_timeseries(id_) if detector.gate.needs_timestamps else PollTarget(id_)
        with poller.subscribe([target]) as subscription:
            while True:
                (sample,) = await subscription.next(not_before=not_before, due=due, spread=spread)
                if self._unsaved:
                    await self._save_state(detector.state)
                not_before, due, spread = sample.began + self.poke_interval / 2, sample.began + self.poke_interval, 0.0
                if isinstance(sample.result, StreamkapError):
                    detector.add_reading(None)
                    if self.destination_name is not None and isinstance(sample.result, StreamkapNotFoundError):
                        # The destination may have been re-created: run() starts over and resolves the name again.
                        hook.forget_names(DESTINATION)
                        raise strip_context(sample.result)
                    failed += 1
                    if failed % _LOG_FAILURE_EVERY == 1:
                        self.log.warning("Failed to poll %s (%d in a row): %s", label, failed, sample.result)
                    continue
                failed = 0
                assert isinstance(sample.result, PollResult)
                before, reading = detector.state, sample.result.reading
                changed = detector.add_reading(reading)
                if detector.history.just_fell_back:
                    self.log.warning(
                        "The timeseries of %s has no lag points: using the latest lag, which has no timestamp",
                        label,
                    )
                if detector.state is not before:
                    self.log.info("%s %s: %s", label, _state_text(before, detector.state, changed), reading)
                    snapshot = with_name(DESTINATION, self.destination_name, sample.result.as_dict())
                    yield {**snapshot, "evidence": detector.evidence.as_dict()}, changed

    async def _load_state(self) -> bool | None:
        store = getattr(self, "asset_state_store", None)
        if store is None:
            return None
        for attempt in range(1, _LOAD_ATTEMPTS + 1):
            try:
                known = await store.aget(self._store_key())
            except Exception as error:
                if _watches_several(error):
                    self.log.warning(
                        "The trigger watches several assets, so its state is not kept across restarts: use one trigger "
                        "per asset"
                    )
                    return None
                self.log.warning(
                    "Cannot read the last known state of %s (attempt %d of %d): %s: %s",
                    self._label,
                    attempt,
                    _LOAD_ATTEMPTS,
                    type(error).__name__,
                    error,
                )
                await asyncio.sleep(self.poke_interval)
            else:
                return known.get("holds") if isinstance(known, dict) else None
        self.log.error("Watching %s without its last known state: changes before now do not fire an event", self._label)
        return None

    async def _save_state(self, state: bool | None) -> None:
        store = getattr(self, "asset_state_store", None)
        if store is None or state is None:
            return
        try:
            await store.aset(self._store_key(), {"holds": state, "since": str(round(time.time()))})
        except Exception as error:
            if _watches_several(error):
                return
            if not self._unsaved:
                self.log.warning(
                    "Cannot store the state of %s; retrying after each poll: %s: %s",
                    self._label,
                    type(error).__name__,
                    error,
                )
            self._unsaved = True
        else:
            self._unsaved = False

    def _store_key(self) -> str:
        # Each condition has its own state.
        resource = self.destination_id if self.destination_name is None else f"by-name/{self.destination_name}"
        identity = f"{resource}?{self.condition()}"
        return f"streamkap_{hashlib.sha256(identity.encode()).hexdigest()[:16]}"


# Stands for None. Statuses are written in lower case, so none of them can equal it.
_ANY = "ANY"


def _canonical_texts(value: Any) -> set[str]:
    """Return the canonical texts for the value of an argument."""
    if value is None:
        return {_ANY}
    if isinstance(value, str):
        return {value.strip().casefold()}
    if isinstance(value, Iterable):
        return {text for item in value for text in _canonical_texts(item)}
    return {str(int(value) if value == int(value) else float(value))}


def _parse_argument(name: str, text: str) -> Any:
    """Parse an argument's text from an asset URI."""
    if text == _ANY:
        return None
    for kind in () if name == "connector_status" else (int, float):
        with suppress(ValueError, OverflowError):
            number_ = kind(text)
            # Reject an integer that is too large for a float, which the format of a condition needs.
            float(number_)
            return number_
    return text


def _watches_several(error: Exception) -> bool:
    # Exactly what the store raises in this case, and not a subclass such as JSONDecodeError.
    return type(error) is ValueError


def _state_text(before: bool | None, state: bool | None, changed: bool) -> str:
    verb = "meets" if state else "does not meet" if before is None else "no longer meets"
    return f"{verb} the condition, {'firing an event' if changed else 'no event'}"
