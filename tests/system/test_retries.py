# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Reschedule mode: each poke knows when its try started, and a second try has the full timeout."""

from __future__ import annotations

import re

import pytest

from tests.system.dag_runs import Run, seconds_of
from tests.system.dags.system_tries import TIMEOUT
from tests.system.system_airflow import SystemAirflow

pytestmark = [pytest.mark.system, pytest.mark.deferrable]

STARTS = ("system_tries",)


@pytest.fixture(scope="module")
def run(airflow: SystemAirflow) -> Run:
    """Wait for the run to end."""
    return airflow.finished("system_tries")


def polls(log: str) -> list[tuple[int, float]]:
    """Return the number of each poll that a log mentions, and the seconds that had elapsed."""
    pattern = rf"Poll (\d+): .*? Elapsed (.+?) of {TIMEOUT // 60} min; "
    return [(int(match[1]), seconds_of(match[2])) for match in re.finditer(pattern, log)]


def test_pokes_count_from_start_of_try(run: Run) -> None:
    first, second = run.attempts("tried_twice")
    (one, began), (two, later), *_ = polls(first)
    assert (one, two) == (1, 2)
    assert began < 9 <= later
    assert polls(second)[0][0] == 1
    assert polls(second)[0][1] < 9


def test_second_try_has_full_timeout(run: Run) -> None:
    task = run.task("tried_twice")
    assert (task.state, run.tries(task.task_id)) == ("failed", 2), run.log("tried_twice")
    first, second = run.raised("tried_twice")
    assert first is not None
    assert "more than max_poll_failures=0 allows" in first.message
    assert second is not None
    assert second.kind == "AirflowSensorTimeout"
    ended = re.search(rf"Elapsed (.+?) of {TIMEOUT // 60} min, (\d+) polls", second.message)
    assert ended is not None, second.message
    assert seconds_of(ended[1]) >= TIMEOUT
    assert int(ended[2]) >= 2
