# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""StreamkapHook: access the Streamkap API through an Airflow connection, in tasks, triggers and scripts."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, closing
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from airflow_provider_streamkap._compat import BaseHook, Connection
from airflow_provider_streamkap.api.query import MetricsQuery
from airflow_provider_streamkap.get_provider_info import get_provider_info
from airflow_provider_streamkap.hooks._masking import amask, mask

if TYPE_CHECKING:
    from airflow_provider_streamkap.api import Destination, DestinationMetrics
    from airflow_provider_streamkap.api.async_client import AsyncStreamkapClient
    from airflow_provider_streamkap.api.client import StreamkapClient
    from airflow_provider_streamkap.api.destinations import Listing
    from airflow_provider_streamkap.api.errors import StreamkapError
    from airflow_provider_streamkap.api.query import Timestamp
    from airflow_provider_streamkap.hooks._connection import StreamkapConnection
    from airflow_provider_streamkap.polling.poller import Poller

K = TypeVar("K")
T = TypeVar("T")
Results: TypeAlias = "Generator[tuple[K, T | StreamkapError], None, None]"

# Modules that are not needed to parse a DAG are imported inside functions, to keep parsing fast.


class StreamkapHook(BaseHook):
    """Hook for the Streamkap API.

    All hooks of a process on the same connection share one HTTP session and one token. Each hook looks up the
    connection at its first use, and again after a permanent error: if the connection has changed, the call is repeated
    once with the new settings. Transient failures are retried (``max_attempts`` of the connection).

    :param streamkap_conn_id: id of the Airflow connection, default ``streamkap_default``.
    """

    conn_name_attr = "streamkap_conn_id"
    default_conn_name = "streamkap_default"
    conn_type = "streamkap"
    hook_name = "Streamkap"

    def __init__(self, streamkap_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.streamkap_conn_id = streamkap_conn_id
        self._connection: StreamkapConnection | None = None

    def __getstate__(self) -> dict[str, Any]:
        # A pickled hook must not contain secrets.
        return {**self.__dict__, "_connection": None}

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the widgets of the extra fields in the connection form, for Airflow up to 3.1."""
        from flask_appbuilder.fieldwidgets import BS3TextFieldWidget
        from wtforms import StringField
        from wtforms.validators import Optional

        return {
            name: StringField(
                field["label"], widget=BS3TextFieldWidget(), validators=[Optional()], description=field["description"]
            )
            for name, field in _form()["conn-fields"].items()
        }

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return labels, placeholders and hidden fields of the connection form, for Airflow up to 3.1."""
        behaviour: dict[str, dict[str, Any]] = _form()["ui-field-behaviour"]
        return {key.replace("-", "_"): value for key, value in behaviour.items()}

    def get_conn(self) -> StreamkapClient:
        """Return the client shared by all hooks of this process that use this connection. Do not close it.

        The client keeps its settings if the connection changes; use :meth:`call` to pick up changes.

        :raises ValueError: the connection is incomplete or invalid.
        :raises AirflowNotFoundException: the connection does not exist.
        :raises AirflowException: the connection could not be looked up.
        """
        from airflow_provider_streamkap.hooks import _shared as shared

        connection = self.connection()
        return shared.client(connection.settings, connection.max_concurrency)

    def call(self, use: Callable[[StreamkapClient], T]) -> T:
        """Make a call with the shared client. Repeat it once after a permanent error if the connection has changed.

        :param use: makes the call with the client passed to it.
        :returns: the result of ``use``.
        :raises StreamkapError: the call failed. A permanent error is raised only after the connection was looked up
            again.
        """
        from airflow_provider_streamkap.api.errors import StreamkapError
        from airflow_provider_streamkap.hooks import _shared as shared

        connection = self.connection()
        try:
            return use(shared.client(connection.settings, connection.max_concurrency))
        except StreamkapError as error:
            if not error.permanent:
                raise
            refusal = error
        reloaded = shared.reload_connection(self.streamkap_conn_id, connection, self._look_up)
        changed = self._connection = shared.require_change(self.streamkap_conn_id, connection, refusal, reloaded)
        return use(shared.client(changed.settings, changed.max_concurrency))

    def call_each(
        self, keys: Sequence[K], use: Callable[[StreamkapClient, Sequence[K]], Results[K, T]]
    ) -> Results[K, T]:
        """Make a call for each key of a list; see :meth:`call`.

        After the first permanent error the connection is looked up again, once for the whole list. If it has changed,
        the call is repeated once for every key without a result. Close the generator to stop early.

        :param keys: hashable keys without duplicates, for example destination ids.
        :param use: makes the calls with the client and keys passed to it, and yields results or errors.
        :returns: each key with its result or a :class:`StreamkapError`, in order of completion.
        """
        from airflow_provider_streamkap.api.errors import StreamkapError, strip_context
        from airflow_provider_streamkap.hooks import _shared as shared

        connection = self.connection()
        left = dict.fromkeys(keys)
        reloaded: StreamkapConnection | Exception | None = None
        with closing(_each(connection, keys, use)) as results:
            for key, got in results:
                result = got
                if isinstance(got, StreamkapError) and got.permanent:
                    reloaded = reloaded or shared.reload_connection(self.streamkap_conn_id, connection, self._look_up)
                    try:
                        self._connection = shared.require_change(self.streamkap_conn_id, connection, got, reloaded)
                        break
                    except StreamkapError as error:
                        result = strip_context(error)
                del left[key]
                yield key, result
            else:
                return
        yield from _each(self._connection, list(left), use)

    def connection(self) -> StreamkapConnection:
        """Return the Airflow connection, looked up at the first call.

        :raises ValueError: the connection is incomplete or invalid.
        :raises AirflowNotFoundException: the connection does not exist.
        :raises AirflowException: the connection could not be looked up after several attempts.
        """
        if self._connection is None:
            self._connection = self._look_up()
        return self._connection

    def _look_up(self) -> StreamkapConnection:
        from airflow_provider_streamkap.hooks._lookup import look_up
        from airflow_provider_streamkap.hooks._shared import pace

        conn = look_up(self.streamkap_conn_id, self.get_connection, pace().sleep)
        try:
            return self._parse(conn)
        finally:
            # Error trackers can record local variables, and the connection contains the password.
            del conn

    def _parse(self, conn: Any) -> StreamkapConnection:
        from airflow_provider_streamkap.hooks._connection import parse_connection

        try:
            connection = parse_connection(conn, conn.extra_dejson)
        finally:
            del conn
        # Airflow masks the password, but not the secret inside a project key or secrets from the environment.
        for secret in connection.secrets():
            mask(secret)
        self._warn(connection)
        return connection

    def _warn(self, connection: StreamkapConnection) -> None:
        for message in connection.unknown:
            self.log.warning("Connection %r: %s", self.streamkap_conn_id, message)

    async def aconnection(self) -> StreamkapConnection:
        """Return the Airflow connection without blocking the event loop; see :meth:`connection`."""
        if self._connection is None:
            from airflow_provider_streamkap.hooks import _shared as shared

            self._connection = await shared.connection(self.streamkap_conn_id, self._read)
        return self._connection

    def _read_in_thread(self, conn_id: str) -> StreamkapConnection | ValueError:
        # Return the error: raising it would retry the lookup, and asgiref's frames in the traceback would contain the
        # connection with its secret.
        conn = self.get_connection(conn_id)
        try:
            return self._parse(conn)
        except ValueError as error:
            return error
        finally:
            del conn

    async def _read(self) -> StreamkapConnection:
        from airflow_provider_streamkap.hooks._connection import parse_connection
        from airflow_provider_streamkap.hooks._lookup import alook_up
        from airflow_provider_streamkap.hooks._shared import pace

        if not hasattr(Connection, "aextra_dejson"):
            # Before Airflow 3.3.2, reading the extra also calls the supervisor, which requires asgiref's thread.
            from asgiref.sync import sync_to_async

            result = await alook_up(self.streamkap_conn_id, sync_to_async(self._read_in_thread), pace().asleep)
            if isinstance(result, ValueError):
                raise result
            connection: StreamkapConnection = result
            return connection
        conn = await alook_up(self.streamkap_conn_id, self.aget_connection, pace().asleep)
        try:
            connection = parse_connection(conn, await conn.aextra_dejson())
        finally:
            del conn
        for secret in connection.secrets():
            await amask(secret)
        self._warn(connection)
        return connection

    def aclient(self) -> AbstractAsyncContextManager[AsyncStreamkapClient]:
        """Return a context manager for this event loop's shared client. Use it to reuse sockets across calls.

        :returns: a context manager that returns the client; entering it raises the errors of :meth:`aconnection`.
        """
        from airflow_provider_streamkap.hooks import _shared as shared

        return shared.LoopLease(self, attrgetter("client"))

    def poller(self) -> AbstractAsyncContextManager[Poller]:
        """Return a context manager for this event loop's poller, which shares polls between waits on this connection.

        :returns: a context manager that returns the poller; entering it raises the errors of :meth:`aconnection`.
        """
        from airflow_provider_streamkap.hooks import _shared as shared

        return shared.LoopLease(self, attrgetter("poller"))

    def get_destination_metrics(
        self,
        destination_id: str,
        time_type: str = "latest",
        time_interval: int = 1,
        time_unit: str = "hour",
        timestamp_from: Timestamp | None = None,
        timestamp_to: Timestamp | None = None,
    ) -> DestinationMetrics:
        """Return the metrics of a destination.

        :param destination_id: id of the destination.
        :param time_type: ``latest`` (default), ``timesummary`` or ``timeseries``.
        :param time_interval: number of ``time_unit`` per data point, default 1.
        :param time_unit: ``minute``, ``hour`` (default), ``day``, ``week`` or ``month``.
        :param timestamp_from: start of the period, as an ISO 8601 string or an aware datetime; ``None`` (default): the
            API's default, 24 hours ago.
        :param timestamp_to: end of the period, likewise; ``None`` (default): the API's default, now.
        :raises ValueError: an argument is invalid; raised before a request is sent.
        :raises StreamkapError: the request failed; the class identifies the cause.
        """
        query = MetricsQuery(destination_id, time_type, time_interval, time_unit, timestamp_from, timestamp_to)
        return self.call(lambda client: client.get_destination_metrics(query))

    async def aget_destination_metrics(
        self,
        destination_id: str,
        time_type: str = "latest",
        time_interval: int = 1,
        time_unit: str = "hour",
        timestamp_from: Timestamp | None = None,
        timestamp_to: Timestamp | None = None,
    ) -> DestinationMetrics:
        """Return the metrics of a destination without blocking the event loop; see :meth:`get_destination_metrics`."""
        from airflow_provider_streamkap.hooks import _shared as shared

        query = MetricsQuery(destination_id, time_type, time_interval, time_unit, timestamp_from, timestamp_to)
        async with shared.LoopLease(self, lambda entry: entry) as entry:
            try:
                return await entry.call(lambda client: client.get_destination_metrics(query))
            finally:
                self._connection = entry.connection

    def get_destination(self, destination_id: str) -> Destination:
        """Return a destination, without its configuration.

        :param destination_id: id of the destination.
        :raises StreamkapNotFoundError: the destination does not exist.
        :raises StreamkapError: the request failed.
        """
        return self.call(lambda client: client.get_destination(destination_id))

    def list_destinations(self, partial_name: str | None = None, **filters: Any) -> Iterator[Destination]:
        """Iterate over all destinations of the project. Pages are requested as needed.

        :param partial_name: return only destinations whose name contains this; ``None`` (default): all.
        :param filters: ``connector``, ``status``, ``lag`` (for example ``"gt:100"``), ``sort``, ``sort_dir``,
            ``tag_ids`` and ``page_size`` (default 100), as in the API.
        :raises ValueError: a filter is invalid.
        :raises StreamkapError: a request failed.
        """
        from airflow_provider_streamkap.api.destinations import MAX_PAGE_SIZE, DestinationsQuery, Listing

        query = DestinationsQuery(**{"partial_name": partial_name, "page_size": MAX_PAGE_SIZE, **filters})
        return self._list(Listing(query))

    def _list(self, listing: Listing) -> Iterator[Destination]:
        while not listing.done:
            yield from listing.add_page(
                self.call(lambda client: client.get_destinations_page(listing.query, listing.page))
            )

    def test_connection(self) -> tuple[bool, str]:
        """Test the connection.

        :returns: whether the connection works, and a message for the user.
        """
        from airflow_provider_streamkap.hooks._check import check

        try:
            return check(self.connection())
        except ValueError as error:
            # Airflow tests the form under a temporary id, which the message must not show.
            return False, str(error).removeprefix(f"Connection {self.streamkap_conn_id!r}: ")


def _each(
    connection: StreamkapConnection,
    keys: Sequence[K],
    use: Callable[[StreamkapClient, Sequence[K]], Results[K, T]],
) -> Results[K, T]:
    from airflow_provider_streamkap.api.errors import StreamkapError, strip_context
    from airflow_provider_streamkap.hooks import _shared as shared

    try:
        client = shared.client(connection.settings, connection.max_concurrency)
    except StreamkapError as error:
        # The client cannot be created, for example if its CA bundle is missing.
        failure = strip_context(error)
    else:
        yield from use(client, keys)
        return
    yield from ((key, failure) for key in keys)


def _form() -> dict[str, Any]:
    form: dict[str, Any] = get_provider_info()["connection-types"][0]  # type: ignore[index]
    return form
