# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The Streamkap simulator: start it, add destinations, run your code against it, inspect the requests."""

from __future__ import annotations

import json
import secrets
import ssl
import time
from base64 import b64encode
from collections.abc import Callable, Collection, Mapping, Sequence
from types import TracebackType
from typing import Any, Final

from airflow_provider_streamkap.testing.auth import TokenDesk
from airflow_provider_streamkap.testing.connectors import Destination, Pipeline, Source, SourceSpan, Span
from airflow_provider_streamkap.testing.controls import Controls
from airflow_provider_streamkap.testing.faults import FaultBook
from airflow_provider_streamkap.testing.history import Reporting
from airflow_provider_streamkap.testing.listener import Listener, loopback
from airflow_provider_streamkap.testing.readings import JsonValue, Scenario, SourceReading, SourceScenario
from airflow_provider_streamkap.testing.recording import Recorder
from airflow_provider_streamkap.testing.service import Service
from airflow_provider_streamkap.testing.source_scenarios import PipelineScenario

_DAY: Final = 86400.0
_MAX_PORT: Final = 65535
_DISPLAY_NAMES: Final = {"postgresql": "PostgreSQL", "mysql": "MySQL", "mariadb": "MariaDB", "mongodb": "MongoDB"}
_CONSTANT: Final = SourceScenario("constant", lambda elapsed: SourceReading())


class StreamkapSimulator(Controls):
    """A real HTTP server on loopback that behaves like the Streamkap REST API.

    .. code-block:: python

        with StreamkapSimulator() as streamkap:
            streamkap.add("67ad6e0af08a2365c729ba79", scenarios.draining(lag=120, rate=5))
            monkeypatch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", streamkap.airflow_connection())
            ...

    It serves ``POST /auth/access-token``, ``POST /auth/access-token/refresh``, ``GET /auth/whoami``,
    ``GET /destinations``, ``GET /destinations/{id}`` and ``GET /destinations/{id}/metrics``, and the same for
    ``/sources`` and ``/pipelines``, as described in the API reference. Where the reference does not specify the
    behavior: wrong credentials get 401; an interval below 1, or a start after the end, gets 400; listing
    destinations and fetching one require the permission ``read:destinations``, likewise for sources and pipelines;
    totals never reset; a pipeline has the lag, latency and status of its destination. To change the defaults, set
    :attr:`wrong_credentials`, :attr:`unknown_destination`, :attr:`unknown_metrics`, :attr:`paging_totals` or
    :attr:`reporting`.

    All methods are thread-safe, also while requests are served. A stopped simulator can be restarted; it keeps its
    port and state.

    :param host: loopback address to bind. Default ``127.0.0.1``.
    :param port: port to bind. Default 0: a free port.
    :param token_lifetime: lifetime of access tokens in seconds. Default 3,600.
    :param clock: returns the current time in epoch seconds, for token expiry and scenarios. Default
        :func:`time.time`.
    :param permissions: permissions of the credential, of ``read:destination_metrics`` and ``read:destinations``, and
        likewise for sources and pipelines. Default None: all.
    :param client_id: accepted client id. Default: a random one.
    :param secret: accepted secret. Default: a random one.
    :param ssl_context: TLS context to serve HTTPS. Default None: plain HTTP.
    :raises ValueError: if `host` is not a loopback address, `port` is out of range or `token_lifetime` is not
        above 0.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token_lifetime: float = 3600.0,
        clock: Callable[[], float] = time.time,
        permissions: Collection[str] | None = None,
        client_id: str | None = None,
        secret: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        if not token_lifetime > 0:
            raise ValueError(f"token_lifetime must be above 0 seconds; got {token_lifetime!r}")
        if not 0 <= port <= _MAX_PORT:
            raise ValueError(f"port must be from 0 to {_MAX_PORT}; got {port!r}")
        self._host = loopback(host)
        self._port = port
        self._running = False
        self._scheme = "https" if ssl_context else "http"
        self._clock = clock
        self._desk = TokenDesk(
            client_id or "simulated-" + secrets.token_hex(8),
            secret or secrets.token_urlsafe(24),
            token_lifetime,
            clock,
        )
        self._config_secret = secrets.token_urlsafe(24)
        self._service = Service(self._desk, clock, permissions)
        self._faults = FaultBook()
        self._recorder = Recorder()
        self._listener = Listener(self._service, self._faults, self._recorder, ssl_context)

    def __repr__(self) -> str:
        state = f"at {self.url}" if self._running else "stopped"
        return f"<StreamkapSimulator {state}, {len(self._service.destinations)} destinations>"

    # Lifecycle

    def start(self) -> StreamkapSimulator:
        """Start the server and return once it accepts requests.

        :returns: the simulator itself.
        :raises OSError: if the port is in use.
        :raises RuntimeError: if it is already running.
        """
        if self._running:
            raise RuntimeError("the simulator is already running")
        self._port = self._listener.start(self._host, self._port)
        self._running = True
        return self

    def stop(self) -> None:
        """Stop the server and abort pending requests. Does nothing if it is not running."""
        self._listener.stop()
        self._running = False

    def __enter__(self) -> StreamkapSimulator:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    # Address and credentials

    @property
    def url(self) -> str:
        """Base URL.

        :raises RuntimeError: if the port is not known yet, before the first start.
        """
        if not self._port:
            raise RuntimeError("the simulator has no address yet: start it first")
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{self._scheme}://{host}:{self._port}"

    @property
    def client_id(self) -> str:
        """Accepted client id."""
        return self._desk.client_id

    @property
    def secret(self) -> str:
        """Accepted secret."""
        return self._desk.secret

    @property
    def project_key(self) -> str:
        """Content of an accepted project key file as raw JSON."""
        return self._desk.project_key

    @property
    def project_key_base64(self) -> str:
        """:attr:`project_key` encoded in base64."""
        return b64encode(self._desk.project_key.encode()).decode()

    @property
    def secrets(self) -> tuple[str, ...]:
        """All values that must not appear in logs or XCom, for tests that search for leaks.

        These are the secret, the project key in both forms, every token issued so far, and the password in the
        ``config`` of each destination and source.
        """
        with self._service.lock:
            return (
                self.secret,
                self.project_key,
                self.project_key_base64,
                self._config_secret,
                *self._desk.issued,
            )

    def airflow_connection(self, *, use_project_key: bool = False, **extra: Any) -> str:
        """Return an Airflow connection to this simulator as JSON, for ``AIRFLOW_CONN_STREAMKAP_DEFAULT``.

        :param use_project_key: use the project key as the password, without a login. Default False.
        :param extra: fields of the connection's extra, such as ``timeout=2``.
        """
        connection: dict[str, Any] = {"conn_type": "streamkap", "host": self.url}
        if use_project_key:
            connection["password"] = self.project_key
        else:
            connection |= {"login": self.client_id, "password": self.secret}
        return json.dumps(connection | {"extra": extra})

    # Destinations

    def add(
        self,
        destination_id: str,
        scenario: Scenario,
        *,
        name: str | None = None,
        connector: str = "snowflake",
        connector_display_name: str = "Snowflake",
        topics: Sequence[str] = (),
        tag_ids: Sequence[str] = (),
        age: float = 30 * _DAY,
        reporting: Reporting | None = None,
        rewind_after: float | None = None,
    ) -> None:
        """Add a destination. Its scenario starts now.

        :param destination_id: id of the destination. Streamkap uses 24 hex digits.
        :param scenario: how its readings change, see :mod:`airflow_provider_streamkap.testing.scenarios`.
        :param name: its name. Default: ``destination-`` and the last 4 characters of the id.
        :param connector: connector type. Default ``snowflake``.
        :param connector_display_name: human-readable connector type. Default ``Snowflake``.
        :param topics: topics it consumes. Default: none.
        :param tag_ids: ids of its tags. Default: none.
        :param age: seconds since its creation, where its history starts. Default 30 days.
        :param reporting: how its readings are reported. Default: :attr:`reporting`.
        :param rewind_after: if given, the scenario starts with the first metrics request, and restarts with a
            request after this many seconds without one. For demos that are run repeatedly. Default None.
        :raises ValueError: if the id is empty or already exists, or `age` is negative.
        """
        if not destination_id:
            raise ValueError("destination_id must be a non-empty string; got ''")
        if not age >= 0:
            raise ValueError(f"age must be 0 or more seconds; got {age!r}")
        now = self._clock()
        with self._service.lock:
            if destination_id in self._service.destinations:
                raise ValueError(f"destination {destination_id!r} already exists; call set() to change its scenario")
            self._service.destinations[destination_id] = Destination(
                id=destination_id,
                name=f"destination-{destination_id[-4:]}" if name is None else name,
                connector=connector,
                connector_display_name=connector_display_name,
                topics=tuple(topics),
                tag_ids=tuple(tag_ids),
                config={"connection.user": "simulated", "connection.password": self._config_secret},
                added=now,
                created=now - age,
                reporting=reporting,
                rewind_after=rewind_after,
                spans=(Span(now, scenario),),
            )

    def add_source(
        self,
        source_id: str,
        scenario: SourceScenario | None = None,
        *,
        name: str | None = None,
        connector: str | None = None,
        connector_display_name: str | None = None,
        topics: Sequence[str] = (),
        tag_ids: Sequence[str] = (),
        age: float = 30 * _DAY,
        reporting: Reporting | None = None,
        config: Mapping[str, JsonValue] | None = None,
        metrics: Mapping[str, JsonValue] | None = None,
    ) -> None:
        """Add a source. Its scenario starts now.

        The parameters that are not listed here are those of :meth:`add`.

        :param source_id: id of the source. Streamkap uses 24 hex digits.
        :param scenario: how its readings change, see :mod:`airflow_provider_streamkap.testing.scenarios`. Default:
            connected and streaming, with metrics that do not change.
        :param name: its name. Default: ``source-`` and the last 4 characters of the id.
        :param connector: connector type. Default: that of the scenario, ``postgresql`` unless it has another.
        :param connector_display_name: human-readable connector type. Default: derived from the connector type.
        :param config: additional keys of its configuration, for example ``heartbeat.enabled``. Default: those of the
            scenario.
        :param metrics: metrics that replace those of the scenario. Default: none.
        :raises ValueError: if the id is empty or already exists.
        """
        now = self._clock()
        followed = scenario or _CONSTANT
        type_ = connector or followed.connector
        with self._service.lock:
            _check_new("source_id", source_id, self._service.sources)
            self._service.sources[source_id] = Source(
                id=source_id,
                name=f"source-{source_id[-4:]}" if name is None else name,
                connector=type_,
                connector_display_name=connector_display_name or _DISPLAY_NAMES.get(type_, type_.capitalize()),
                topics=tuple(topics),
                tag_ids=tuple(tag_ids),
                config={"database.password": self._config_secret, **followed.config, **(config or {})},
                added=now,
                created=now - age,
                reporting=reporting,
                replaced=dict(metrics or {}),
                spans=(SourceSpan(now, followed),),
            )

    def add_pipeline(
        self,
        pipeline_id: str,
        source_id: str,
        destination_id: str,
        scenario: PipelineScenario | None = None,
        *,
        name: str | None = None,
        topics: Sequence[str] | None = None,
        tag_ids: Sequence[str] = (),
    ) -> None:
        """Add a pipeline. Its lag, latency and status are those of its destination.

        :param pipeline_id: id of the pipeline. Streamkap uses 24 hex digits.
        :param source_id: id of its source, added before unless there is a scenario.
        :param destination_id: id of its destination, likewise.
        :param scenario: adds a new source and a new destination that fit together, see
            :func:`~airflow_provider_streamkap.testing.scenarios.pipeline`. Default None: both exist.
        :param name: its name. Default: ``pipeline-`` and the last 4 characters of the id.
        :param topics: the topics that it streams. Default: all of its source.
        :param tag_ids: ids of its tags. Default: none.
        :raises ValueError: if the id is empty or already exists, or that of a source or destination to add.
        :raises LookupError: if there is no such source or destination.
        """
        begin = self._clock()
        with self._service.lock:
            _check_new("pipeline_id", pipeline_id, self._service.pipelines)
            if scenario is not None:
                _check_new("source_id", source_id, self._service.sources)
                _check_new("destination_id", destination_id, self._service.destinations)
                self.add_source(source_id, scenario.source, topics=topics or ())
                self.add(destination_id, scenario.destination, topics=topics or ())
                # One start for both, so that the destination drains exactly what the source captures.
                self._service.sources[source_id].spans = (SourceSpan(begin, scenario.source),)
                self._service.destinations[destination_id].spans = (Span(begin, scenario.destination),)
            source, destination = self._find_source(source_id), self._find(destination_id)
            self._service.pipelines[pipeline_id] = Pipeline(
                id=pipeline_id,
                name=f"pipeline-{pipeline_id[-4:]}" if name is None else name,
                source=source,
                destination=destination,
                topics=source.topics if topics is None else tuple(topics),
                tag_ids=tuple(tag_ids),
                scenario=scenario,
                begin=begin,
            )

    def committed(self, pipeline_id: str, until: float | None = None) -> int:
        """Return how many changes the database of a pipeline has committed, for tests of what a wait missed.

        All changes committed up to and including a time are at the destination if :meth:`consumed` has reached their
        number. Both follow the scenario of the pipeline, also after :meth:`set` or :meth:`set_source`.

        :param pipeline_id: id of a pipeline that was added with a scenario.
        :param until: time in epoch seconds. Default: now.
        :raises LookupError: if there is no such pipeline, or it has no scenario.
        """
        scenario, elapsed = self._progress(pipeline_id, until)
        return scenario.committed(elapsed)

    def consumed(self, pipeline_id: str, until: float | None = None) -> int:
        """Return how many of these changes the destination of a pipeline has consumed.

        :param pipeline_id: id of a pipeline that was added with a scenario.
        :param until: time in epoch seconds. Default: now.
        :raises LookupError: if there is no such pipeline, or it has no scenario.
        """
        scenario, elapsed = self._progress(pipeline_id, until)
        return scenario.consumed(elapsed)

    def set_source(self, source_id: str, scenario: SourceScenario) -> None:
        """Switch a source to another scenario, starting now. Its history is kept and its totals continue.

        :raises LookupError: if there is no such source.
        """
        with self._service.lock:
            self._find_source(source_id).follow(scenario, self._clock())

    def set(self, destination_id: str, scenario: Scenario) -> None:
        """Switch a destination to another scenario, starting now. Its history is kept and its totals continue.

        :raises LookupError: if there is no such destination.
        """
        with self._service.lock:
            self._find(destination_id).follow(scenario, self._clock())

    def remove(self, destination_id: str) -> None:
        """Remove a destination.

        :raises LookupError: if there is no such destination.
        """
        with self._service.lock:
            self._find(destination_id)
            del self._service.destinations[destination_id]

    @property
    def pipelines(self) -> dict[str, str]:
        """Names of the pipelines by id."""
        with self._service.lock:
            return {key: item.name for key, item in self._service.pipelines.items()}

    @property
    def destinations(self) -> dict[str, str]:
        """Names of the destinations by id."""
        with self._service.lock:
            return {key: item.name for key, item in self._service.destinations.items()}

    def _find(self, destination_id: str) -> Destination:
        try:
            return self._service.destinations[destination_id]
        except KeyError:
            raise LookupError(f"there is no destination {destination_id!r}") from None

    def _find_source(self, source_id: str) -> Source:
        try:
            return self._service.sources[source_id]
        except KeyError:
            raise LookupError(f"there is no source {source_id!r}") from None

    def _progress(self, pipeline_id: str, until: float | None) -> tuple[PipelineScenario, float]:
        with self._service.lock:
            pipeline = self._service.pipelines.get(pipeline_id)
            if pipeline is None or pipeline.scenario is None:
                raise LookupError(f"there is no pipeline {pipeline_id!r} with a scenario")
            moment = self._clock() if until is None else until
            return pipeline.scenario, round(moment - pipeline.begin, 3)


def _check_new(argument: str, id_: str, known: Collection[str]) -> None:
    if not id_:
        raise ValueError(f"{argument} must not be empty")
    if id_ in known:
        raise ValueError(f"there is already a {argument.removesuffix('_id')} {id_!r}")
