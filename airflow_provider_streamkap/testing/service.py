# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The simulated service: maps requests to responses, without a network.

Paths, parameters, permissions and response shapes follow the Streamkap API reference. For behavior that it does
not specify, see :class:`StreamkapSimulator`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from typing import Final, Literal

from airflow_provider_streamkap.testing.auth import Token, TokenDesk
from airflow_provider_streamkap.testing.connectors import Destination, Item, Pipeline, Source, listed
from airflow_provider_streamkap.testing.history import Reporting
from airflow_provider_streamkap.testing.messages import Answer, Incoming, Refusal
from airflow_provider_streamkap.testing.params import TIME_TYPES, list_params, metrics_params

Unknown = Literal["404", "empty"]

# The filter of each list that compares a number.
_COMPARISONS: Final = {"destinations": "lag", "sources": "latency", "pipelines": None}


class Service:
    """State of the simulated project. Thread-safe.

    :param desk: issues and verifies tokens.
    :param clock: returns the current time in epoch seconds.
    :param permissions: permissions of the credential; None grants all.
    """

    def __init__(self, desk: TokenDesk, clock: Callable[[], float], permissions: Collection[str] | None) -> None:
        self.lock: Final = threading.RLock()
        self.desk: Final = desk
        self.clock: Final = clock
        self.permissions = permissions
        self.destinations: Final[dict[str, Destination]] = {}
        self.sources: Final[dict[str, Source]] = {}
        self.pipelines: Final[dict[str, Pipeline]] = {}
        self.reporting = Reporting()
        self.unknown_destination: Unknown = "404"
        self.unknown_metrics: Unknown = "404"
        self.paging_totals = True

    def answer(self, request: Incoming, *, counts: bool = True) -> Answer:
        """Return the response to a request.

        :param counts: False if the client will not receive the whole response, so that a sequence does not advance.
        """
        try:
            return self._route(request, counts)
        except Refusal as refusal:
            return refusal.answer

    def _route(self, request: Incoming, counts: bool) -> Answer:
        match request.segments:
            case ("auth", "access-token"):
                allow(request, "POST")
                with self.lock:
                    return self.desk.exchange(request)
            case ("auth", "access-token", "refresh"):
                allow(request, "POST")
                with self.lock:
                    return self.desk.refresh(request)
            case ("auth", "whoami"):
                allow(request, "GET")
                return self._whoami(self._enter(request, None))
            # The API reference does not name the permissions for lists; these names are our own.
            case (kind,) if kind in _COMPARISONS:
                allow(request, "GET")
                self._enter(request, f"read:{kind}")
                return self._list(request, kind)
            case (kind, id_) if kind in _COMPARISONS and id_:
                allow(request, "GET")
                self._enter(request, f"read:{kind}")
                return self._one(kind, id_)
            case (kind, id_, "metrics") if kind in _COMPARISONS and id_:
                allow(request, "GET")
                self._enter(request, f"read:{kind.removesuffix('s')}_metrics")
                return self._metrics(request, kind, id_, counts)
        raise Refusal(Answer.error(404))

    def _enter(self, request: Incoming, permission: str | None) -> Token:
        with self.lock:
            token = self.desk.authenticate(request)
            allowed = self.permissions
            if permission is not None and allowed is not None and permission not in allowed:
                # Do not name the missing permission: the API reference does not promise that.
                raise Refusal(Answer.error(403))
            return token

    def _whoami(self, token: Token) -> Answer:
        return Answer.json(
            {
                "tenant_id": "simulated-tenant",
                "service_id": "simulated-service",
                "sub": self.desk.client_id,
                "token_type": "project_key" if token.by_project_key else "client_credentials",
                "project_key_id": self.desk.project_key_id if token.by_project_key else None,
            }
        )

    def _items(self, kind: str) -> Mapping[str, Item]:
        kinds: dict[str, Mapping[str, Item]] = {
            "destinations": self.destinations,
            "sources": self.sources,
            "pipelines": self.pipelines,
        }
        return kinds[kind]

    def _list(self, request: Incoming, kind: str) -> Answer:
        params = list_params(request, _COMPARISONS[kind])
        with self.lock:
            return Answer.json(listed(list(self._items(kind).values()), params, self.clock(), self.paging_totals))

    def _one(self, kind: str, id_: str) -> Answer:
        with self.lock:
            item = self._items(kind).get(id_)
            if item is None and self.unknown_destination == "404":
                raise Refusal(Answer.error(404, f"No such {kind.removesuffix('s')}"))
            found = [] if item is None else [item.as_json(self.clock())]
            total = len(found) if self.paging_totals else None
            more = False if self.paging_totals else None
            return Answer.json({"result": [*found], "page": 1, "page_size": 10, "total": total, "has_next": more})

    def _metrics(self, request: Incoming, kind: str, id_: str, counts: bool) -> Answer:
        now = self.clock()
        params = metrics_params(request, now, ("latest",) if kind == "pipelines" else TIME_TYPES)
        with self.lock:
            item = self._items(kind).get(id_)
            if item is None and self.unknown_metrics == "empty":
                return Answer.json({"data": {}, "metadata": {}})
            compute = item.prepare_metrics(params, now, self.reporting, counts) if item else None
        # Outside the lock, so that a long history does not block other requests.
        found = compute() if compute else None
        if found is None:
            raise Refusal(Answer.error(404, f"No metrics for this {kind.removesuffix('s')}"))
        return Answer.json(found)


def allow(request: Incoming, method: str) -> None:
    """Reject requests with any other method.

    :raises Refusal: 405.
    """
    if request.method != method:
        raise Refusal(Answer.error(405, headers={"Allow": method}))
