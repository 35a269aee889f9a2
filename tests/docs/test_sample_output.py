# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Logs and results in the documentation match the real ones."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_streamkap.testing import scenarios
from tests.airflow.log_capture import capture
from tests.airflow.triggers import fast_simulator
from tests.docs.conftest import ORDERS
from tests.docs.pages import SNIPPETS, dag_of, snippet
from tests.docs.test_snippets import execute


def shape(value: Any) -> Any:
    """Return the keys and types of a value, at every depth."""
    return {key: shape(item) for key, item in value.items()} if isinstance(value, dict) else type(value)


def without_figures(line: str) -> str:
    durations = r"\b[\d,.]+ (?:ms|s|min|h|days?)\b(?: \d+ (?:s|min|h)\b)?"
    return re.sub(r"\d[\d,.:]*(?=\D|$)", "N", re.sub(durations, "DURATION", line.replace(ORDERS, "ID")))


def without_readings(line: str) -> str:
    """Return a line without the parts that differ from run to run, such as the trend of the lag."""
    return re.sub(r"\(status .*?\)\..*?(?= Confirmed| The gate| Elapsed)", "().", without_figures(line))


@pytest.fixture(scope="module")
def run() -> Iterator[tuple[list[str], Any]]:
    """Run the quickstart DAG with a clock sixty times as fast; yield its log lines and its result."""
    with pytest.MonkeyPatch.context() as patch, fast_simulator() as simulator:
        patch.setenv("AIRFLOW_CONN_STREAMKAP_DEFAULT", simulator.airflow_connection())
        task = dag_of(snippet("after_streamkap.py"), "after_streamkap").get_task("wait_until_drained")
        # Drains for one simulated minute, which is one second: the first poll shows a lag even on a slow machine.
        simulator.add(ORDERS, scenarios.draining(lag=119, rate=2))
        with capture() as logged:
            result = execute(task, deferrable=False, poke_interval=0.2, confirm_interval=0.2, timeout=20.0)
        yield logged.starting("Poll"), result


def test_documented_log_matches_real_log(run: tuple[list[str], Any]) -> None:
    shown = (SNIPPETS / "wait.log").read_text(encoding="utf-8").splitlines()
    lines = {without_readings(line) for line in run[0]}
    assert [line for line in shown if without_readings(line) not in lines] == []
    assert without_readings(shown[-1]) == without_readings(run[0][-1])


def test_documented_snapshot_matches_real_snapshot(run: tuple[list[str], Any]) -> None:
    shown = json.loads((SNIPPETS / "snapshot.json").read_text(encoding="utf-8"))
    assert shape(run[1]) == shape(shown)
