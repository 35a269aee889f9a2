# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""StreamkapHook: access the Streamkap API through an Airflow connection, in tasks, triggers and scripts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, closing
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from airflow_provider_streamkap._compat import BaseHook, Connection
from airflow_provider_streamkap._lazy import LazyModule
from airflow_provider_streamkap.api.query import (
    DESTINATION,
    PIPELINE,
    SOURCE,
    MetricsQuery,
    PipelineMetricsQuery,
    ResourceKind,
    SourceMetricsQuery,
)
from airflow_provider_streamkap.get_provider_info import get_provider_info

if TYPE_CHECKING:
    from airflow_provider_streamkap.api import (
        Destination,
        DestinationMetrics,
        Pipeline,
        PipelineMetrics,
        Source,
        SourceMetrics,
    )
    from airflow_provider_streamkap.api.async_client import AsyncStreamkapClient
    from airflow_provider_streamkap.api.client import StreamkapClient
    from airflow_provider_streamkap.api.errors import StreamkapError, StreamkapNameError
    from airflow_provider_streamkap.api.names import PageRequests, RecordsByName
    from airflow_provider_streamkap.api.query import Timestamp
    from airflow_provider_streamkap.api.resources import ListQuery, Page, R
    from airflow_provider_streamkap.hooks import _runtime
    from airflow_provider_streamkap.hooks._connection import StreamkapConnection
    from airflow_provider_streamkap.polling.poller import Poller
else:
    _runtime = LazyModule("airflow_provider_streamkap.hooks._runtime")

K = TypeVar("K")
T = TypeVar("T")
Results: TypeAlias = "Generator[tuple[K, T | StreamkapError], None, None]"


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
        return _runtime.shared_clients.client(self.connection())

    def call(self, use: Callable[[StreamkapClient], T]) -> T:
        """Make a call with the shared client. Repeat it once after a permanent error if the connection has changed.

        :param use: makes the call with the client passed to it.
        :returns: the result of ``use``.
        :raises StreamkapError: the call failed. A permanent error is raised only after the connection was looked up
            again.
        """
        connection = self.connection()
        try:
            return use(_runtime.shared_clients.client(connection))
        except _runtime.StreamkapError as error:
            if not error.permanent:
                raise
            rejection = error
        found = _runtime.shared_clients.look_up_again(self.streamkap_conn_id, connection, self._look_up)
        self._connection = _runtime.require_change(self.streamkap_conn_id, connection, rejection, found)
        return use(_runtime.shared_clients.client(self._connection))

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
        conn_id, connection = self.streamkap_conn_id, self.connection()
        left = dict.fromkeys(keys)
        found: StreamkapConnection | Exception | None = None
        with closing(_call_each_once(connection, keys, use)) as results:
            for key, got in results:
                result = got
                if isinstance(got, _runtime.StreamkapError) and got.permanent:
                    found = found or _runtime.shared_clients.look_up_again(conn_id, connection, self._look_up)
                    try:
                        self._connection = _runtime.require_change(conn_id, connection, got, found)
                        break
                    except _runtime.StreamkapError as error:
                        result = _runtime.strip_context(error)
                del left[key]
                yield key, result
            else:
                return
        yield from _call_each_once(self._connection, list(left), use)

    def connection(self) -> StreamkapConnection:
        """Return the parsed connection, looked up at the first call.

        :raises ValueError: the connection is incomplete or invalid.
        :raises AirflowNotFoundException: the connection does not exist.
        :raises AirflowException: the connection could not be looked up after several attempts.
        """
        if self._connection is None:
            self._connection = self._look_up()
        return self._connection

    def _look_up(self) -> StreamkapConnection:
        sleep = _runtime.shared_clients.clock.sleep
        conn = _runtime.look_up(self.streamkap_conn_id, self.get_connection, sleep)
        try:
            return self._parse_and_mask(conn)
        finally:
            # Error trackers can record local variables, and the connection contains the password.
            del conn

    def _parse_and_mask(self, conn: Any) -> StreamkapConnection:
        try:
            connection = _runtime.parse_connection(conn, conn.extra_dejson)
        finally:
            del conn
        # Airflow masks the password, but not the secret inside a project key or secrets from the environment.
        for secret in connection.secrets():
            _runtime.mask(secret)
        self._warn_of_unknown_keys(connection)
        return connection

    def _warn_of_unknown_keys(self, connection: StreamkapConnection) -> None:
        for message in connection.unknown:
            self.log.warning("Connection %r: %s", self.streamkap_conn_id, message)

    async def aconnection(self) -> StreamkapConnection:
        """Return the parsed connection without blocking the event loop; see :meth:`connection`."""
        if self._connection is None:
            self._connection = await _runtime.shared_clients.look_up_once(self.streamkap_conn_id, self._look_up_async)
        return self._connection

    def _look_up_in_thread(self, conn_id: str) -> StreamkapConnection | ValueError:
        # Return the error: raising it would retry the lookup, and asgiref's frames in the traceback would contain the
        # connection with its secret.
        conn = self.get_connection(conn_id)
        try:
            return self._parse_and_mask(conn)
        except ValueError as error:
            return error
        finally:
            del conn

    async def _look_up_async(self) -> StreamkapConnection:
        sleep = _runtime.shared_clients.clock.asleep
        if not hasattr(Connection, "aextra_dejson"):
            # Before Airflow 3.3.2, reading the extra also calls the supervisor, which requires asgiref's thread.
            from asgiref.sync import sync_to_async

            in_thread = sync_to_async(self._look_up_in_thread)
            result = await _runtime.look_up_async(self.streamkap_conn_id, in_thread, sleep)
            if isinstance(result, ValueError):
                raise result
            connection: StreamkapConnection = result
            return connection
        conn = await _runtime.look_up_async(self.streamkap_conn_id, self.aget_connection, sleep)
        try:
            connection = _runtime.parse_connection(conn, await conn.aextra_dejson())
        finally:
            del conn
        for secret in connection.secrets():
            await _runtime.amask(secret)
        self._warn_of_unknown_keys(connection)
        return connection

    def aclient(self) -> AbstractAsyncContextManager[AsyncStreamkapClient]:
        """Return a context manager for this event loop's shared client. Use it to reuse sockets across calls.

        :returns: a context manager that returns the client; entering it raises the errors of :meth:`aconnection`.
        """
        return _runtime.LoopLease(self, attrgetter("client"))

    def poller(self) -> AbstractAsyncContextManager[Poller]:
        """Return a context manager for this event loop's poller, which shares polls between waits on this connection.

        :returns: a context manager that returns the poller; entering it raises the errors of :meth:`aconnection`.
        """
        return _runtime.LoopLease(self, attrgetter("poller"))

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
        query = MetricsQuery(destination_id, time_type, time_interval, time_unit, timestamp_from, timestamp_to)
        return await self._acall(lambda client: client.get_destination_metrics(query))

    def get_source_metrics(
        self,
        source_id: str,
        time_type: str = "latest",
        time_interval: int = 1,
        time_unit: str = "hour",
        timestamp_from: Timestamp | None = None,
        timestamp_to: Timestamp | None = None,
    ) -> SourceMetrics:
        """Return the metrics of a source. The other arguments are those of :meth:`get_destination_metrics`.

        :param source_id: id of the source.
        :raises ValueError: an argument is invalid; raised before a request is sent.
        :raises StreamkapError: the request failed.
        """
        query = SourceMetricsQuery(source_id, time_type, time_interval, time_unit, timestamp_from, timestamp_to)
        return self.call(lambda client: client.get_source_metrics(query))

    async def aget_source_metrics(
        self,
        source_id: str,
        time_type: str = "latest",
        time_interval: int = 1,
        time_unit: str = "hour",
        timestamp_from: Timestamp | None = None,
        timestamp_to: Timestamp | None = None,
    ) -> SourceMetrics:
        """Return the metrics of a source without blocking the event loop; see :meth:`get_source_metrics`."""
        query = SourceMetricsQuery(source_id, time_type, time_interval, time_unit, timestamp_from, timestamp_to)
        return await self._acall(lambda client: client.get_source_metrics(query))

    async def _acall(self, use: Callable[[AsyncStreamkapClient], Awaitable[T]]) -> T:
        async with _runtime.LoopLease(self, lambda entry: entry) as entry:
            try:
                return await entry.call(use)
            finally:
                self._connection = entry.connection

    def get_pipeline_metrics(self, pipeline_id: str) -> PipelineMetrics:
        """Return the latest metrics of a pipeline: status, lag and latency.

        :param pipeline_id: id of the pipeline.
        :raises ValueError: the id is invalid; raised before a request is sent.
        :raises StreamkapError: the request failed.
        """
        query = PipelineMetricsQuery(pipeline_id)
        return self.call(lambda client: client.get_pipeline_metrics(query))

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
        return self._iterate_pages(_runtime.DestinationsQuery(partial_name=partial_name, **filters))

    def get_source(self, source_id: str) -> Source:
        """Return a source. Of its configuration, only the heartbeat settings are kept.

        :param source_id: id of the source.
        :raises StreamkapNotFoundError: the source does not exist.
        :raises StreamkapError: the request failed.
        """
        return self.call(lambda client: client.get_source(source_id))

    def list_sources(self, partial_name: str | None = None, **filters: Any) -> Iterator[Source]:
        """Iterate over all sources of the project. Pages are requested as needed.

        :param partial_name: return only sources whose name contains this; ``None`` (default): all.
        :param filters: ``connector``, ``status``, ``latency`` (for example ``"gt:1000"``), ``snapshot``, ``sort``,
            ``sort_dir``, ``tag_ids`` and ``page_size`` (default 100), as in the API.
        :raises ValueError: a filter is invalid.
        :raises StreamkapError: a request failed.
        """
        return self._iterate_pages(_runtime.SourcesQuery(partial_name=partial_name, **filters))

    def get_pipeline(self, pipeline_id: str) -> Pipeline:
        """Return a pipeline with its source and destination, without their configurations.

        :param pipeline_id: id of the pipeline.
        :raises StreamkapNotFoundError: the pipeline does not exist.
        :raises StreamkapError: the request failed.
        """
        return self.call(lambda client: client.get_pipeline(pipeline_id))

    def list_pipelines(self, **filters: Any) -> Iterator[Pipeline]:
        """Iterate over all pipelines of the project. Pages are requested as needed.

        :param filters: ``source_id``, ``destination_id``, ``status``, ``tag_ids`` and ``page_size`` (default 100), as
            in the API.
        :raises ValueError: a filter is invalid.
        :raises StreamkapError: a request failed.
        """
        return self._iterate_pages(_runtime.PipelinesQuery(**filters))

    def _iterate_pages(self, query: ListQuery[R]) -> Iterator[R]:
        listing = _runtime.Listing(query)
        while not listing.done:
            yield from listing.add_page(self._get_page(query, listing.page))

    def _get_page(self, query: ListQuery[R], number: int) -> Page[R]:
        return self.call(lambda client: client.get_page(query, number))

    def find_destination(self, name: str) -> Destination:
        """Return the destination with a name.

        :param name: the exact name; case and blanks count.
        :raises ValueError: ``name`` is not a name.
        :raises StreamkapNameError: no destination has this name, or several have it.
        :raises StreamkapError: a request failed.
        """
        found: Destination = self._find(DESTINATION, name)
        return found

    def find_source(self, name: str) -> Source:
        """Return the source with a name; see :meth:`find_destination`.

        :param name: the exact name.
        """
        found: Source = self._find(SOURCE, name)
        return found

    def find_pipeline(self, name: str) -> Pipeline:
        """Return the pipeline with a name; see :meth:`find_destination`. It lists all pipelines.

        :param name: the exact name.
        """
        found: Pipeline = self._find(PIPELINE, name)
        return found

    def _find(self, kind: ResourceKind, name: str) -> Any:
        (checked,) = _runtime.resource_names(kind, [name])
        found = _runtime.unique_record(kind, checked, self._list_records(kind, [checked]))
        if isinstance(found, _runtime.StreamkapNameError):
            raise found
        return found

    def resolve_names(self, kind: ResourceKind, names: Sequence[str]) -> dict[str, str]:
        """Return the ids of resources by their names.

        Resolved names are cached for five minutes, for all hooks of the process on the same connection. Several names
        are resolved with one listing, at 100 resources a request.

        :param kind: the kind of the resources, such as ``airflow_provider_streamkap.api.DESTINATION``.
        :param names: the exact names; case and blanks count.
        :raises ValueError: a name is invalid, or there is none.
        :raises StreamkapNameError: no resource has one of these names, or several have it.
        :raises StreamkapError: a request failed.
        """
        return _runtime.require_ids(self.resolve_each(kind, names))

    def resolve_each(self, kind: ResourceKind, names: Sequence[str]) -> dict[str, str | StreamkapNameError]:
        """Return the id of each name, or the error if it cannot be resolved; see :meth:`resolve_names`."""
        wanted = _runtime.resource_names(kind, names)
        known = _runtime.shared_clients.names.known(self.connection().settings, kind)
        missing = [name for name in wanted if name not in known]
        records = self._list_records(kind, missing) if missing else {}
        return _resolved(kind, wanted, known, records)

    def _list_records(self, kind: ResourceKind, names: Sequence[str]) -> RecordsByName:
        requests = _runtime.find_records(kind, names)
        step = _next_request(requests)
        while isinstance(step, tuple):
            step = _next_request(requests, self._get_page(*step))
        _runtime.shared_clients.names.add(self.connection().settings, kind, step)
        return step

    async def aresolve_names(self, kind: ResourceKind, names: Sequence[str]) -> dict[str, str]:
        """Return the ids of resources by their names without blocking the event loop; see :meth:`resolve_names`.

        It lists all resources, once for all concurrent callers, since a triggerer starts many triggers at once.
        """
        wanted = _runtime.resource_names(kind, names)
        cache = _runtime.shared_clients.names
        async with _runtime.LoopLease(self, lambda entry: entry) as entry, entry.names_lock:
            known = cache.known(entry.connection.settings, kind)
            missing = [name for name in wanted if name not in known]
            records: RecordsByName = {}
            if missing:
                requests = _runtime.find_records(kind, missing, whole=True)
                step = _next_request(requests)
                while isinstance(step, tuple):
                    step = _next_request(requests, await entry.call(_page_of(*step)))
                records = step
                cache.add(entry.connection.settings, kind, records)
            self._connection = entry.connection
        return _runtime.require_ids(_resolved(kind, wanted, known, records))

    def forget_names(self, kind: ResourceKind) -> None:
        """Drop the cached ids of a kind of resource, for example after a 404: the resource may have been re-created.

        :param kind: the kind of the resources.
        """
        _runtime.shared_clients.names.forget(self.connection().settings, kind)

    def test_connection(self) -> tuple[bool, str]:
        """Test the connection.

        :returns: whether the connection works, and a message for the user.
        """
        try:
            return _runtime.check_connection(self.connection())
        except ValueError as error:
            # Airflow tests the form under a temporary id, which the message must not show.
            return False, str(error).removeprefix(f"Connection {self.streamkap_conn_id!r}: ")


def _call_each_once(
    connection: StreamkapConnection,
    keys: Sequence[K],
    use: Callable[[StreamkapClient, Sequence[K]], Results[K, T]],
) -> Results[K, T]:
    try:
        client = _runtime.shared_clients.client(connection)
    except _runtime.StreamkapError as error:
        # The client cannot be created, for example if its CA bundle is missing.
        failure = _runtime.strip_context(error)
    else:
        yield from use(client, keys)
        return
    yield from ((key, failure) for key in keys)


def _next_request(requests: PageRequests, page: Page[Any] | None = None) -> tuple[ListQuery[Any], int] | RecordsByName:
    """Return the next page to request, or the result.

    :param requests: the generator.
    :param page: the page that it requested; ``None`` (default) to start it.
    """
    try:
        return next(requests) if page is None else requests.send(page)
    except StopIteration as end:
        records: RecordsByName = end.value
        return records


def _page_of(query: ListQuery[R], number: int) -> Callable[[AsyncStreamkapClient], Awaitable[Page[R]]]:
    return lambda client: client.call(lambda session: session.page(query, number))


def _resolved(
    kind: ResourceKind, names: Sequence[str], known: Mapping[str, str], records: RecordsByName
) -> dict[str, str | StreamkapNameError]:
    resolved: dict[str, str | StreamkapNameError] = {}
    for name in names:
        if name in known:
            resolved[name] = known[name]
            continue
        found = _runtime.unique_record(kind, name, records)
        resolved[name] = found if isinstance(found, _runtime.StreamkapNameError) else found.id
    return resolved


def _form() -> dict[str, Any]:
    form: dict[str, Any] = get_provider_info()["connection-types"][0]  # type: ignore[index]
    return form
