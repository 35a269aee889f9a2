# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The levers and dials of the simulator: faults, tokens, switches, and what it was asked."""

from __future__ import annotations

from collections.abc import Collection

from airflow_provider_streamkap.testing.faults import Fault, FaultBook
from airflow_provider_streamkap.testing.history import Reporting
from airflow_provider_streamkap.testing.listener import Listener
from airflow_provider_streamkap.testing.recording import RecordedRequest, Recorder
from airflow_provider_streamkap.testing.service import Service, Unknown


class Controls:
    """What can be turned and read while a :class:`StreamkapSimulator` runs. Everything is safe between
    threads."""

    _service: Service
    _faults: FaultBook
    _recorder: Recorder
    _listener: Listener

    # Faults

    def inject(
        self,
        fault: Fault,
        path: str | None = None,
        method: str | None = None,
        times: int | None = 1,
        *,
        after: int = 0,
    ) -> None:
        """Let requests meet a fault. Of several that match a request the one injected first is taken.

        :param fault: what goes wrong, made by the methods of :class:`Fault`.
        :param path: text that the path, or path and query as sent, must contain (``/auth/access-token``,
            ``time_type=timeseries``). Default: every request.
        :param method: HTTP method. Default: any.
        :param times: how many requests meet it; None for ever. Default 1.
        :param after: how many matching requests pass unharmed before. Default 0.
        :raises ValueError: if `times` is below 1 or `after` below 0.
        """
        with self._service.lock:
            self._faults.add(fault, path, method, times, after)

    def clear_faults(self) -> None:
        """Take back every fault that was not met yet. Requests that hang go on hanging."""
        with self._service.lock:
            self._faults.clear()

    # Tokens and permissions

    def revoke_tokens(self) -> None:
        """Make every token issued so far worthless: the next request with one gets 401."""
        with self._service.lock:
            self._service.desk.revoke()

    def refuse_credentials(self, status: int = 401) -> None:
        """Refuse the credentials from now on, and refresh tokens; access tokens that are out stay good.

        :param status: status of the answer; which one Streamkap sends is not documented. Default 401.
        """
        with self._service.lock:
            self._service.desk.refusal = status

    def accept_credentials(self) -> None:
        """Accept the credentials again."""
        with self._service.lock:
            self._service.desk.refusal = None

    @property
    def wrong_credentials(self) -> int:
        """Status for a client id, secret or project key that is not the simulator's. Default 401."""
        return self._service.desk.wrong_status

    @wrong_credentials.setter
    def wrong_credentials(self, status: int) -> None:
        self._service.desk.wrong_status = status

    @property
    def token_lifetime(self) -> float:
        """Seconds for which a token issued from now on is good."""
        return self._service.desk.lifetime

    @token_lifetime.setter
    def token_lifetime(self, seconds: float) -> None:
        self._service.desk.lifetime = seconds

    @property
    def permissions(self) -> Collection[str] | None:
        """What the credential may do; None: everything."""
        return self._service.permissions

    @permissions.setter
    def permissions(self, permissions: Collection[str] | None) -> None:
        self._service.permissions = permissions

    # Switches for what the API reference leaves open

    @property
    def reporting(self) -> Reporting:
        """How readings are reported, for destinations that were added without a :class:`Reporting` of their
        own."""
        return self._service.reporting

    @reporting.setter
    def reporting(self, reporting: Reporting) -> None:
        self._service.reporting = reporting

    @property
    def unknown_destination(self) -> Unknown:
        """What ``GET /destinations/{id}`` answers for an unknown id: ``404`` (default), or 200 with an
        ``empty`` result."""
        return self._service.unknown_destination

    @unknown_destination.setter
    def unknown_destination(self, answer: Unknown) -> None:
        self._service.unknown_destination = _known("unknown_destination", answer)

    @property
    def unknown_metrics(self) -> Unknown:
        """What ``GET /destinations/{id}/metrics`` answers for an unknown id: ``404`` (default), or 200 with
        ``empty`` data."""
        return self._service.unknown_metrics

    @unknown_metrics.setter
    def unknown_metrics(self, answer: Unknown) -> None:
        self._service.unknown_metrics = _known("unknown_metrics", answer)

    @property
    def paging_totals(self) -> bool:
        """Whether lists tell ``total`` and ``has_next`` (default), or send null for both."""
        return self._service.paging_totals

    @paging_totals.setter
    def paging_totals(self, told: bool) -> None:
        self._service.paging_totals = told

    # What it was asked

    @property
    def requests(self) -> list[RecordedRequest]:
        """The requests that arrived, in their order; the latest 100,000. A copy."""
        return self._recorder.all()

    def count(self, path: str | None = None, method: str | None = None) -> int:
        """How many requests arrived.

        :param path: text that path, or path and query as sent, must contain. Default: every request.
        :param method: HTTP method. Default: any.
        """
        return self._recorder.count(path, method)

    def wait_for_requests(
        self, number: int, path: str | None = None, method: str | None = None, *, timeout: float = 10.0
    ) -> bool:
        """Block until so many matching requests have arrived since the start or the last
        :meth:`reset_requests`.

        :param number: how many.
        :param path: as with :meth:`count`.
        :param method: as with :meth:`count`.
        :param timeout: seconds of real time to wait at most. Default 10.
        :returns: False if the time ran out.
        """
        return self._recorder.wait(number, path, method, timeout)

    def reset_requests(self) -> None:
        """Forget the requests so far; :attr:`connections` and :attr:`token_calls` begin at 0 again."""
        with self._service.lock:
            self._recorder.clear()
            self._listener.connections = 0

    @property
    def connections(self) -> int:
        """TCP connections accepted."""
        return self._listener.connections

    @property
    def token_calls(self) -> int:
        """Requests for a token, answered or not, refreshes not among them."""
        return sum(record.path == "/auth/access-token" for record in self._recorder.all())


def _known(name: str, answer: Unknown) -> Unknown:
    if answer not in ("404", "empty"):
        raise ValueError(f"{name} must be '404' or 'empty', not {answer!r}")
    return answer
