# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Cache of the ids that names were resolved to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from airflow_provider_streamkap.api.errors import StreamkapNameError
from airflow_provider_streamkap.api.names import RecordsByName
from airflow_provider_streamkap.api.query import ResourceKind
from airflow_provider_streamkap.api.settings import ClientSettings

#: Seconds for which a resolved name is cached.
NAMES_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class _Entry:
    """The known ids of one kind of resource.

    :param ids: ids by name.
    :param expires: time of the monotonic clock, in seconds.
    """

    ids: Mapping[str, str]
    expires: float


class NameCache:
    """Ids by name, for each connection and kind of resource.

    :param clock: returns the time of a monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._entries: dict[tuple[ClientSettings, ResourceKind], _Entry] = {}

    def known(self, settings: ClientSettings, kind: ResourceKind) -> Mapping[str, str]:
        """Return the cached ids by name.

        :param settings: settings of the connection.
        :param kind: the kind of the resources.
        """
        entry = self._entries.get((settings, kind))
        return entry.ids if entry is not None and entry.expires > self._clock() else {}

    def add(self, settings: ClientSettings, kind: ResourceKind, records: RecordsByName) -> None:
        """Cache the ids of listed resources whose name is unique. An entry expires with its oldest id.

        :param settings: settings of the connection.
        :param kind: the kind of the resources.
        :param records: the listed resources.
        """
        now = self._clock()
        # Connections that are no longer used must not remain here.
        self._entries = {key: entry for key, entry in self._entries.items() if entry.expires > now}
        entry = self._entries.get((settings, kind), _Entry({}, now + NAMES_SECONDS))
        ids = {name: found[0].id for name, found in records.items() if len(found) == 1}
        self._entries[settings, kind] = _Entry({**entry.ids, **ids}, entry.expires)

    def forget(self, settings: ClientSettings, kind: ResourceKind) -> None:
        """Drop the cached ids.

        :param settings: settings of the connection.
        :param kind: the kind of the resources.
        """
        self._entries.pop((settings, kind), None)


def require_ids(resolved: Mapping[str, str | StreamkapNameError]) -> dict[str, str]:
    """Return the ids by name if every name was resolved.

    :param resolved: the id or the error of each name.
    :raises StreamkapNameError: the first error; the message has the number of the others.
    """
    ids = {name: id_ for name, id_ in resolved.items() if isinstance(id_, str)}
    errors = [error for error in resolved.values() if isinstance(error, StreamkapNameError)]
    if errors:
        more = f" ({len(errors) - 1} more of {len(resolved)} names cannot be resolved)" if len(errors) > 1 else ""
        raise StreamkapNameError(f"{errors[0].message}{more}", ids=errors[0].ids)
    return ids
