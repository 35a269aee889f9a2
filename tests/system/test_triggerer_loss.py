# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A wait whose triggerer is killed continues in the next one, and its extra link is available throughout."""

from __future__ import annotations

import re

import pytest

from tests.system.dag_runs import seconds_of
from tests.system.dags.system_held import LATE_SECONDS
from tests.system.long_wait import LongWait
from tests.system.services import APP
from tests.system.system_airflow import SystemAirflow

# By its level, in the format of 2.11 and of 3.x, or by the class of a warning.
COMPLAINT = re.compile(r"\b(?:WARNING|ERROR|CRITICAL)\b|\[(?:warning|error|critical)\b|Warning:")

pytestmark = [pytest.mark.system, pytest.mark.deferrable]


def test_wait_continues_in_another_triggerer(long_wait: LongWait) -> None:
    assert long_wait.run.states == {
        "held": "success",
        "late": "failed",
        "snapshot": "success",
        "mapped[0]": "success",
        "mapped[1]": "success",
        "mapped_wait[0]": "success",
        "mapped_wait[1]": "success",
    }
    assert long_wait.run.xcom("held")["data"]["recordsLag"] == 0
    assert long_wait.run.log("held").count("Trigger fired event") + long_wait.run.log("held").count(" fired: ") >= 1


def test_deadline_is_unchanged(long_wait: LongWait) -> None:
    (error,) = long_wait.run.raised("late")
    assert error is not None
    assert error.kind == "AirflowSensorTimeout"
    elapsed = re.search(rf"Elapsed (.+?) of {LATE_SECONDS} s, ", error.message)
    assert elapsed is not None, error.message
    start = long_wait.run.task("late").start
    assert start is not None
    after = long_wait.polls["late"]
    # The last poll is at the deadline, unless the new triggerer started after it; a deadline counted again would put it
    # that much later than the new triggerer's first poll.
    assert after[-1] >= start.timestamp() + LATE_SECONDS - 1
    assert after[-1] < after[0] + LATE_SECONDS - 3
    assert seconds_of(elapsed[1]) < LATE_SECONDS + 5 or len(after) == 1


def test_link_is_shown_while_task_waits(long_wait: LongWait) -> None:
    assert long_wait.links["held", -1]["Streamkap"] == f"{APP}held"
    assert long_wait.links["mapped_wait", 0]["Streamkap"] == f"{APP}held"


@pytest.mark.parametrize(
    ("task_id", "map_index", "destination"),
    [
        ("held", -1, "held"),
        ("late", -1, "late"),
        ("snapshot", -1, "ready"),
        ("mapped", 0, "ready"),
        ("mapped", 1, "paused"),
        ("mapped_wait", 1, "ready"),
    ],
)
def test_link_is_shown_after_task_finishes(
    airflow: SystemAirflow, long_wait: LongWait, task_id: str, map_index: int, destination: str
) -> None:
    assert airflow.links(long_wait.run, task_id, map_index)["Streamkap"] == APP + destination


def test_plugin_is_registered(airflow: SystemAirflow) -> None:
    (plugin,) = (one for one in airflow.rest("GET", f"{airflow.api}/plugins")["plugins"] if one["name"] == "streamkap")
    assert any("StreamkapLink" in link for link in plugin["operator_extra_links"])


def test_airflow_logs_no_complaint_about_provider(airflow: SystemAirflow, long_wait: LongWait) -> None:
    complaints = [
        line
        for path in airflow.home.glob("*.out")
        for line in path.read_text("utf-8", "replace").splitlines()
        if "airflow_provider_streamkap" in line
        # The exceptions of tasks that have to fail, some of whose lines the scheduler's log repeats.
        and "Task failed with exception" not in line
        # Failed polls are logged as warnings, and tests/system/dags/system_arguments.py renders undefined variables.
        and not re.search(r"Poll \d+: |Skipped \d+ of |for task 'no_interval'", line)
        and COMPLAINT.search(line)
    ]
    assert complaints == []
