# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""StreamkapHook: from an Airflow connection to the Streamkap API, in tasks, triggers and bare Python."""

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

# A DAG that is parsed reads no connection and asks nothing, so what does that is imported where it is done.


class StreamkapHook(BaseHook):
    """Ask Streamkap about destinations.

    All hooks of a process on the same connection share one HTTP session and one token. Each hook looks up the
    connection at its first use, and again when the API refuses a call for good: if the connection has changed, the call
    is repeated once with its new values. Transient failures are retried (``max_attempts`` of the connection).

    :param streamkap_conn_id: the Airflow connection, default ``streamkap_default``.
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
        # A pickled hook must not carry the secret.
        return {**self.__dict__, "_connection": None}

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Declare the extra fields of the connection form for Airflow up to 3.1, from the same dict as later ones."""
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
        """Name, hide and explain the standard fields of the connection form for Airflow up to 3.1."""
        behaviour: dict[str, dict[str, Any]] = _form()["ui-field-behaviour"]
        return {key.replace("-", "_"): value for key, value in behaviour.items()}

    def get_conn(self) -> StreamkapClient:
        """Return the client that all hooks of this process on this connection share. Do not close it.

        It keeps the settings with which it was made; :meth:`call` follows a connection that changes.

        :raises ValueError: the connection is incomplete or makes no sense.
        :raises AirflowNotFoundException: there is no such connection.
        :raises AirflowException: the connection could not be looked up.
        """
        from airflow_provider_streamkap.hooks import _shared as shared

        connection = self.connection()
        return shared.client(connection.settings, connection.max_concurrency)

    def call(self, use: Callable[[StreamkapClient], T]) -> T:
        """Make a call, and repeat it once if it is refused permanently and the connection has changed.

        :param use: makes the call with the client that it is given.
        :returns: what ``use`` returns.
        :raises StreamkapError: the call failed. A refusal is permanent only after the connection was looked up again.
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
        found = shared.look_up_again(self.streamkap_conn_id, connection, self._look_up)
        changed = self._connection = shared.changed(self.streamkap_conn_id, connection, refusal, found)
        return use(shared.client(changed.settings, changed.max_concurrency))

    def call_each(
        self, keys: Sequence[K], use: Callable[[StreamkapClient, Sequence[K]], Results[K, T]]
    ) -> Results[K, T]:
        """Make a call for each key of a list; see :meth:`call`.

        After the first permanent error the connection is looked up again, once for the whole list. If it has changed,
        the call is made once more for every key without a result. Close the generator to stop early.

        :param keys: what the calls are for; each is hashable and occurs once.
        :param use: makes the calls with the client and the keys that it is given, and yields results or errors.
        :returns: each key with its result, or with a :class:`StreamkapError`, in the order of completion.
        """
        from airflow_provider_streamkap.api.errors import StreamkapError, bare
        from airflow_provider_streamkap.hooks import _shared as shared

        connection = self.connection()
        left = dict.fromkeys(keys)
        found: StreamkapConnection | Exception | None = None
        with closing(_each(connection, keys, use)) as results:
            for key, got in results:
                result = got
                if isinstance(got, StreamkapError) and got.permanent:
                    found = found or shared.look_up_again(self.streamkap_conn_id, connection, self._look_up)
                    try:
                        self._connection = shared.changed(self.streamkap_conn_id, connection, got, found)
                        break
                    except StreamkapError as error:
                        result = bare(error)
                del left[key]
                yield key, result
            else:
                return
        yield from _each(self._connection, list(left), use)

    def connection(self) -> StreamkapConnection:
        """Return the Airflow connection, looked up at the first call.

        :raises ValueError: the connection is incomplete or makes no sense.
        :raises AirflowNotFoundException: there is no such connection.
        :raises AirflowException: the connection could not be looked up, after some attempts.
        """
        if self._connection is None:
            self._connection = self._look_up()
        return self._connection

    def _look_up(self) -> StreamkapConnection:
        from airflow_provider_streamkap.hooks._lookup import look_up
        from airflow_provider_streamkap.hooks._shared import pace

        conn = look_up(self.streamkap_conn_id, self.get_connection, pace().sleep)
        try:
            return self._understand(conn)
        finally:
            # It shows its password to who takes the local variables of a traceback along.
            del conn

    def _understand(self, conn: Any) -> StreamkapConnection:
        from airflow_provider_streamkap.hooks._connection import parse_connection

        try:
            connection = parse_connection(conn, conn.extra_dejson)
        finally:
            del conn
        # Airflow masks the password, but knows neither what lies within a project key nor the environment.
        for secret in connection.secrets():
            mask(secret)
        self._warn(connection)
        return connection

    def _warn(self, connection: StreamkapConnection) -> None:
        for said in connection.unknown:
            self.log.warning("Connection %r: %s", self.streamkap_conn_id, said)

    async def aconnection(self) -> StreamkapConnection:
        """Return the Airflow connection without blocking the event loop; see :meth:`connection`."""
        if self._connection is None:
            from airflow_provider_streamkap.hooks import _shared as shared

            self._connection = await shared.connection(self.streamkap_conn_id, self._read)
        return self._connection

    def _read_in_thread(self, conn_id: str) -> StreamkapConnection | ValueError:
        # An error is returned, not raised: a lookup that fails is tried again, and asgiref's frames would keep the
        # connection, and with it the secret, in the traceback.
        conn = self.get_connection(conn_id)
        try:
            return self._understand(conn)
        except ValueError as error:
            return error
        finally:
            del conn

    async def _read(self) -> StreamkapConnection:
        from airflow_provider_streamkap.hooks._connection import parse_connection
        from airflow_provider_streamkap.hooks._lookup import alook_up
        from airflow_provider_streamkap.hooks._shared import pace

        if not hasattr(Connection, "aextra_dejson"):
            # Below 3.3.2 reading the extra calls the supervisor too, so all of it belongs in asgiref's thread.
            from asgiref.sync import sync_to_async

            found = await alook_up(self.streamkap_conn_id, sync_to_async(self._read_in_thread), pace().asleep)
            if isinstance(found, ValueError):
                raise found
            connection: StreamkapConnection = found
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
        """Hold on to this event loop's client over several calls, so that they share its sockets.

        :returns: a context that gives the client; entering it raises what :meth:`aconnection` raises.
        """
        from airflow_provider_streamkap.hooks import _shared as shared

        return shared.LoopLease(self, attrgetter("client"))

    def poller(self) -> AbstractAsyncContextManager[Poller]:
        """Hold on to this event loop's poller, by which all waits on this connection share their polls.

        :returns: a context that gives the poller; entering it raises what :meth:`aconnection` raises.
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
        """Fetch the metrics of a destination.

        :param destination_id: the destination.
        :param time_type: ``latest`` (default), ``timesummary`` or ``timeseries``.
        :param time_interval: how many ``time_unit`` one point covers, default 1.
        :param time_unit: ``minute``, ``hour`` (default), ``day``, ``week`` or ``month``.
        :param timestamp_from: start, as ISO 8601 text or an aware datetime of any zone; ``None``: the API takes
            24 hours ago.
        :param timestamp_to: end, likewise; ``None``: the API takes the current time.
        :raises ValueError: an argument out of its range, before anything is sent.
        :raises StreamkapError: the API refused or could not be asked; its class tells which.
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
        """Fetch the metrics of a destination from an event loop; see :meth:`get_destination_metrics`."""
        from airflow_provider_streamkap.hooks import _shared as shared

        query = MetricsQuery(destination_id, time_type, time_interval, time_unit, timestamp_from, timestamp_to)
        async with shared.LoopLease(self, lambda entry: entry) as entry:
            try:
                return await entry.call(lambda client: client.get_destination_metrics(query))
            finally:
                self._connection = entry.connection

    def get_destination(self, destination_id: str) -> Destination:
        """Fetch what Streamkap says of one destination (its configuration is not kept).

        :param destination_id: the destination.
        :raises StreamkapError: the API refused or could not be asked; :class:`StreamkapNotFoundError` for an
            unknown id.
        """
        return self.call(lambda client: client.get_destination(destination_id))

    def list_destinations(self, partial_name: str | None = None, **filters: Any) -> Iterator[Destination]:
        """Go through all destinations of the project, page by page as they are asked for.

        :param partial_name: only those whose name contains this.
        :param filters: ``connector``, ``status``, ``lag`` (such as ``"gt:100"``), ``sort``, ``sort_dir``,
            ``tag_ids``, ``page_size`` (100), as the API takes them.
        :raises ValueError: a filter out of its range.
        :raises StreamkapError: the API refused or could not be asked.
        """
        from airflow_provider_streamkap.api.destinations import MAX_PAGE_SIZE, DestinationsQuery, Listing

        query = DestinationsQuery(**{"partial_name": partial_name, "page_size": MAX_PAGE_SIZE, **filters})
        return self._list(Listing(query))

    def _list(self, listing: Listing) -> Iterator[Destination]:
        while not listing.done:
            yield from listing.take(self.call(lambda client: client.get_destinations_page(listing.query, listing.page)))

    def test_connection(self) -> tuple[bool, str]:
        """Say whether the connection works, and if not, what is wrong with it.

        :returns: all is well; a sentence for a person.
        """
        from airflow_provider_streamkap.hooks._check import check

        try:
            return check(self.connection())
        except ValueError as error:
            # Airflow tests a form under an id that it makes up.
            return False, str(error).removeprefix(f"Connection {self.streamkap_conn_id!r}: ")


def _each(
    connection: StreamkapConnection,
    keys: Sequence[K],
    use: Callable[[StreamkapClient, Sequence[K]], Results[K, T]],
) -> Results[K, T]:
    from airflow_provider_streamkap.api.errors import StreamkapError, bare
    from airflow_provider_streamkap.hooks import _shared as shared

    try:
        client = shared.client(connection.settings, connection.max_concurrency)
    except StreamkapError as error:
        # The client cannot be set up, for instance without its CA bundle.
        failure = bare(error)
    else:
        yield from use(client, keys)
        return
    yield from ((key, failure) for key in keys)


def _form() -> dict[str, Any]:
    form: dict[str, Any] = get_provider_info()["connection-types"][0]  # type: ignore[index]
    return form
