# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What the documentation shows of logs and results is what they look like."""

from __future__ import annotations

import json
import re
from typing import Any

from airflow_provider_streamkap.testing import StreamkapSimulator, scenarios
from tests.docs.conftest import ORDERS
from tests.docs.pages import SNIPPETS, dag_of, snippet
from tests.docs.test_snippets import AT_ONCE, execute
from tests.face.logs import capture


def shape(value: Any) -> Any:
    """Give the keys and types of a value, at every depth."""
    return {key: shape(item) for key, item in value.items()} if isinstance(value, dict) else type(value)


def without_figures(line: str) -> str:
    return re.sub(r"\d[\d,.]*(?=\D|$)", "N", line.replace(ORDERS, "ID"))


def test_the_log(streamkap: StreamkapSimulator) -> None:
    streamkap.add(ORDERS, scenarios.sequence([{"recordsLag": 119, "latency": 23_800}, 0, 0]))
    task = dag_of(snippet("after_streamkap.py"), "after_streamkap").get_task("wait_until_drained")
    with capture() as logged:
        execute(task, **AT_ONCE)
    shown = (SNIPPETS / "wait.log").read_text(encoding="utf-8").splitlines()
    assert list(map(without_figures, logged.starting("Poll"))) == list(map(without_figures, shown))


def test_the_snapshot(streamkap: StreamkapSimulator) -> None:
    streamkap.add(ORDERS, scenarios.draining(lag=0))
    task = dag_of(snippet("after_streamkap.py"), "after_streamkap").get_task("wait_until_drained")
    shown = json.loads((SNIPPETS / "snapshot.json").read_text(encoding="utf-8"))
    assert shape(execute(task, **AT_ONCE)) == shape(shown)
