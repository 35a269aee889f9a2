# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Runtime controls of the simulator: faults, tokens, API behavior and recorded requests."""

from __future__ import annotations

from collections.abc import Collection

from airflow_provider_streamkap.testing.faults import Fault, FaultBook
from airflow_provider_streamkap.testing.history import Reporting
from airflow_provider_streamkap.testing.listener import Listener
from airflow_provider_streamkap.testing.recording import RecordedRequest, Recorder
from airflow_provider_streamkap.testing.service import Service, Unknown


class Controls:
    """Methods and properties to control and inspect a running :class:`StreamkapSimulator`. Thread-safe."""

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
        """Inject a fault into matching requests. If several faults match, the one injected first applies.

        :param fault: the fault, created with one of the methods of :class:`Fault`.
        :param path: substring to look for in the decoded path, or in the path and query as sent
            (``/auth/access-token``, ``time_type=timeseries``). Default: every request.
        :param method: HTTP method. Default: any.
        :param times: number of requests affected; None for no limit. Default 1.
        :param after: number of matching requests to let through first. Default 0.
        :raises ValueError: if `times` is below 1 or `after` below 0.
        """
        with self._service.lock:
            self._faults.add(fault, path, method, times, after)

    def clear_faults(self) -> None:
        """Remove all pending faults. Requests that already hang keep hanging."""
        with self._service.lock:
            self._faults.clear()

    # Tokens and permissions

    def revoke_tokens(self) -> None:
        """Revoke all tokens issued so far: the next request with one gets 401."""
        with self._service.lock:
            self._service.desk.revoke()

    def refuse_credentials(self, status: int = 401) -> None:
        """Reject the credentials and refresh tokens from now on. Access tokens already issued remain valid.

        :param status: HTTP status of the response; the one Streamkap sends is not documented. Default 401.
        """
        with self._service.lock:
            self._service.desk.refusal = status

    def accept_credentials(self) -> None:
        """Accept the credentials again."""
        with self._service.lock:
            self._service.desk.refusal = None

    @property
    def wrong_credentials(self) -> int:
        """HTTP status for an unknown client id, secret or project key. Default 401."""
        return self._service.desk.wrong_status

    @wrong_credentials.setter
    def wrong_credentials(self, status: int) -> None:
        self._service.desk.wrong_status = status

    @property
    def token_lifetime(self) -> float:
        """Lifetime in seconds of tokens issued from now on."""
        return self._service.desk.lifetime

    @token_lifetime.setter
    def token_lifetime(self, seconds: float) -> None:
        self._service.desk.lifetime = seconds

    @property
    def permissions(self) -> Collection[str] | None:
        """Permissions of the credential; None grants all."""
        return self._service.permissions

    @permissions.setter
    def permissions(self, permissions: Collection[str] | None) -> None:
        self._service.permissions = permissions

    # Behavior that the API reference does not specify

    @property
    def reporting(self) -> Reporting:
        """How readings are reported for destinations added without their own :class:`Reporting`."""
        return self._service.reporting

    @reporting.setter
    def reporting(self, reporting: Reporting) -> None:
        self._service.reporting = reporting

    @property
    def unknown_destination(self) -> Unknown:
        """Response of ``GET /destinations/{id}`` for an unknown id: ``404`` (default), or 200 with an ``empty``
        result. Also for sources and pipelines."""
        return self._service.unknown_destination

    @unknown_destination.setter
    def unknown_destination(self, answer: Unknown) -> None:
        self._service.unknown_destination = _known("unknown_destination", answer)

    @property
    def unknown_metrics(self) -> Unknown:
        """Response of ``GET /destinations/{id}/metrics`` for an unknown id: ``404`` (default), or 200 with
        ``empty`` data. Also for sources and pipelines."""
        return self._service.unknown_metrics

    @unknown_metrics.setter
    def unknown_metrics(self, answer: Unknown) -> None:
        self._service.unknown_metrics = _known("unknown_metrics", answer)

    @property
    def paging_totals(self) -> bool:
        """Whether lists include ``total`` and ``has_next`` (True, the default) or send null for both."""
        return self._service.paging_totals

    @paging_totals.setter
    def paging_totals(self, told: bool) -> None:
        self._service.paging_totals = told

    # Recorded requests

    @property
    def requests(self) -> list[RecordedRequest]:
        """A copy of the latest 100,000 requests, in order of arrival."""
        return self._recorder.all()

    def count(self, path: str | None = None, method: str | None = None) -> int:
        """Return the number of recorded requests that match.

        :param path: substring to look for in the decoded path, or in the path and query as sent. Default: every
            request.
        :param method: HTTP method. Default: any.
        """
        return self._recorder.count(path, method)

    def wait_for_requests(
        self, number: int, path: str | None = None, method: str | None = None, *, timeout: float = 10.0
    ) -> bool:
        """Block until `number` matching requests have arrived since the start or the last
        :meth:`reset_requests`.

        :param number: number of requests to wait for.
        :param path: as in :meth:`count`.
        :param method: as in :meth:`count`.
        :param timeout: maximum wait in seconds of real time. Default 10.
        :returns: False on timeout.
        """
        return self._recorder.wait(number, path, method, timeout)

    def reset_requests(self) -> None:
        """Clear the recorded requests and reset :attr:`connections` and :attr:`token_calls` to 0."""
        with self._service.lock:
            self._recorder.clear()
            self._listener.connections = 0

    @property
    def connections(self) -> int:
        """Number of TCP connections accepted."""
        return self._listener.connections

    @property
    def token_calls(self) -> int:
        """Number of token requests received, with or without a response. Refreshes are not counted."""
        return sum(record.path == "/auth/access-token" for record in self._recorder.all())


def _known(name: str, answer: Unknown) -> Unknown:
    if answer not in ("404", "empty"):
        raise ValueError(f"{name} must be '404' or 'empty'; got {answer!r}")
    return answer
