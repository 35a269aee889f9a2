# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Results are read from XCom as Airflow reads them: decoded once."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest

from scripts.airflow_database import Sqlite
from scripts.airflow_records import AirflowRecords

RESULT = {"data": {"recordsLag": 0}}


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        (json.dumps(RESULT), RESULT),
        (json.dumps(RESULT).encode(), RESULT),
        (json.dumps(json.dumps(RESULT)), json.dumps(RESULT)),
        (120, 120),
        (None, None),
    ],
)
def test_string_containing_json_stays_string(tmp_path: Path, stored: str | bytes | int | None, read: object) -> None:
    database = Sqlite(tmp_path)
    with contextlib.closing(sqlite3.connect(database.path)) as connection, connection:
        connection.execute("CREATE TABLE xcom (value, dag_id, run_id, task_id, key, map_index)")
        connection.execute("INSERT INTO xcom VALUES (?, 'dag', 'run', 'task', 'return_value', -1)", (stored,))
    assert AirflowRecords(tmp_path, database).xcom("dag", "run", "task") == read
