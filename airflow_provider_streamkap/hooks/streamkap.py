# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""StreamkapHook: from an Airflow connection to the Streamkap API, in tasks, triggers and bare Python."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseHook, Connection

from airflow_provider_streamkap.api.query import MetricsQuery
from airflow_provider_streamkap.get_provider_info import get_provider_info
from airflow_provider_streamkap.hooks.masking import amask, mask

if TYPE_CHECKING:
    from airflow_provider_streamkap.api import Destination, DestinationMetrics
    from airflow_provider_streamkap.api.async_client import AsyncStreamkapClient
    from airflow_provider_streamkap.api.client import StreamkapClient
    from airflow_provider_streamkap.api.poller import DestinationPoller
    from airflow_provider_streamkap.api.query import Timestamp
    from airflow_provider_streamkap.hooks.connection import StreamkapConnection

# A DAG that is parsed reads no connection and asks nothing, so what does that is imported where it is done.


class StreamkapHook(BaseHook):
    """Ask Streamkap about destinations.

    All hooks of a process on the same connection share one HTTP session and one token; the connection is read
    once by each hook, at its first use. Every call is retried as the connection says (``max_attempts``) when it
    fails in passing.

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
        """Give the client that all hooks of this process on this connection share.

        :raises ValueError: the connection is incomplete or makes no sense.
        :raises AirflowNotFoundException: there is no such connection.
        """
        from airflow_provider_streamkap.hooks import shared

        connection = self.connection()
        return shared.client(connection.settings, connection.max_concurrency)

    def connection(self) -> StreamkapConnection:
        """Read the Airflow connection, once.

        :raises ValueError: the connection is incomplete or makes no sense.
        :raises AirflowNotFoundException: there is no such connection.
        """
        if self._connection is None:
            from airflow_provider_streamkap.hooks.connection import understand

            conn = self.get_connection(self.streamkap_conn_id)
            try:
                connection = understand(conn, conn.extra_dejson)
            finally:
                # It shows its password to who takes the local variables of a traceback along.
                del conn
            # Airflow masks the password, but knows neither what lies within a project key nor the environment.
            for secret in connection.secrets():
                mask(secret)
            self._connection = connection
        return self._connection

    async def aconnection(self) -> StreamkapConnection:
        """Read the Airflow connection, once, without blocking the event loop.

        :raises ValueError: the connection is incomplete or makes no sense.
        :raises AirflowNotFoundException: there is no such connection.
        """
        if self._connection is None:
            from airflow_provider_streamkap.hooks import shared

            self._connection = await shared.connection(self.streamkap_conn_id, self._read)
        return self._connection

    async def _read(self) -> StreamkapConnection:
        if not hasattr(Connection, "aextra_dejson"):
            # Below 3.3.2 reading the extra calls the supervisor too, so all of it belongs in asgiref's thread.
            from asgiref.sync import sync_to_async

            return await sync_to_async(self.connection)()
        from airflow.providers.common.compat.connection import get_async_connection

        from airflow_provider_streamkap.hooks.connection import understand

        conn = await get_async_connection(self.streamkap_conn_id)
        try:
            connection = understand(conn, await conn.aextra_dejson())
        finally:
            del conn
        for secret in connection.secrets():
            await amask(secret)
        return connection

    def aclient(self) -> AbstractAsyncContextManager[AsyncStreamkapClient]:
        """Hold on to this event loop's client over several calls, so that they share its sockets.

        :returns: a context that gives the client; entering it raises what :meth:`aconnection` raises.
        """
        from airflow_provider_streamkap.hooks import shared

        return shared.Held(self.aconnection, attrgetter("client"))

    def poller(self) -> AbstractAsyncContextManager[DestinationPoller]:
        """Hold on to this event loop's poller, by which all waits on this connection share their polls.

        :returns: a context that gives the poller; entering it raises what :meth:`aconnection` raises.
        """
        from airflow_provider_streamkap.hooks import shared

        return shared.Held(self.aconnection, attrgetter("poller"))

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
        return self.get_conn().get_destination_metrics(query)

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
        query = MetricsQuery(destination_id, time_type, time_interval, time_unit, timestamp_from, timestamp_to)
        async with self.aclient() as client:
            return await client.get_destination_metrics(query)

    def get_destination(self, destination_id: str) -> Destination:
        """Fetch what Streamkap says of one destination (its configuration is not kept).

        :param destination_id: the destination.
        :raises StreamkapError: the API refused or could not be asked; :class:`StreamkapNotFoundError` for an
            unknown id.
        """
        return self.get_conn().get_destination(destination_id)

    def list_destinations(self, partial_name: str | None = None, **filters: Any) -> Iterator[Destination]:
        """Go through all destinations of the project, page by page as they are asked for.

        :param partial_name: only those whose name contains this.
        :param filters: ``connector``, ``status``, ``lag`` (such as ``"gt:100"``), ``sort``, ``sort_dir``,
            ``tag_ids``, ``page_size`` (100), as the API takes them.
        :raises ValueError: a filter out of its range.
        :raises StreamkapError: the API refused or could not be asked.
        """
        return self.get_conn().list_destinations(partial_name=partial_name, **filters)

    def test_connection(self) -> tuple[bool, str]:
        """Say whether the connection works, and if not, what is wrong with it.

        :returns: all is well; a sentence for a person.
        """
        from airflow_provider_streamkap.hooks.check import check

        try:
            return check(self.connection().settings)
        except ValueError as error:
            return False, str(error)


def _form() -> dict[str, Any]:
    form: dict[str, Any] = get_provider_info()["connection-types"][0]  # type: ignore[index]
    return form
