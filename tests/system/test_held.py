# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A wait whose triggerer is lost goes on in the next one; and the button is there before, during and after it."""

from __future__ import annotations

import re

import pytest

from tests.system.dags.system_held import LATE_SECONDS
from tests.system.held import Held
from tests.system.runs import seconds_of
from tests.system.services import APP
from tests.system.stack import SystemAirflow

# By its level, as 2.11 and as 3.x write it, or by the class of a warning.
COMPLAINT = re.compile(r"\b(?:WARNING|ERROR|CRITICAL)\b|\[(?:warning|error|critical)\b|Warning:")

pytestmark = [pytest.mark.system, pytest.mark.deferrable]


def test_the_wait_goes_on_in_another_triggerer(held: Held) -> None:
    assert held.run.states == {
        "held": "success",
        "late": "failed",
        "snapshot": "success",
        "mapped[0]": "success",
        "mapped[1]": "success",
        "mapped_wait[0]": "success",
        "mapped_wait[1]": "success",
    }
    assert held.run.xcom("held")["data"]["recordsLag"] == 0
    assert held.run.log("held").count("Trigger fired event") + held.run.log("held").count(" fired: ") >= 1


def test_its_deadline_has_not_moved(held: Held) -> None:
    (error,) = held.run.raised("late")
    assert error is not None
    assert error.kind == "AirflowSensorTimeout"
    elapsed = re.search(rf"Elapsed (.+?) of {LATE_SECONDS} s, ", error.message)
    assert elapsed is not None, error.message
    start = held.run.task("late").start
    assert start is not None
    after = held.polls["late"]
    # The last poll falls on the deadline, unless the new triggerer came later than that; counted anew it would
    # fall that much after the first one of the new triggerer.
    assert after[-1] >= start.timestamp() + LATE_SECONDS - 1
    assert after[-1] < after[0] + LATE_SECONDS - 3
    assert seconds_of(elapsed[1]) < LATE_SECONDS + 5 or len(after) == 1


def test_the_button_is_there_while_a_task_waits(held: Held) -> None:
    assert held.links["held", -1]["Streamkap"] == f"{APP}held"
    assert held.links["mapped_wait", 0]["Streamkap"] == f"{APP}held"


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
def test_the_button_is_there_when_a_task_is_done(
    airflow: SystemAirflow, held: Held, task_id: str, map_index: int, destination: str
) -> None:
    assert airflow.links(held.run, task_id, map_index)["Streamkap"] == APP + destination


def test_airflow_knows_the_plugin(airflow: SystemAirflow) -> None:
    (plugin,) = (one for one in airflow.rest("GET", f"{airflow.api}/plugins")["plugins"] if one["name"] == "streamkap")
    assert any("StreamkapLink" in link for link in plugin["operator_extra_links"])


def test_no_part_of_airflow_complains_about_us(airflow: SystemAirflow, held: Held) -> None:
    complaints = [
        line
        for path in airflow.home.glob("*.out")
        for line in path.read_text("utf-8", "replace").splitlines()
        if "airflow_provider_streamkap" in line
        # What the tasks that have to fail raise, some lines repeat in the log of the scheduler.
        and "Task failed with exception" not in line
        # Polls that fail are warnings, and tests/system/dags/system_arguments.py renders what is undefined.
        and not re.search(r"Poll \d+: |Skipped \d+ of |for task 'no_interval'", line)
        and COMPLAINT.search(line)
    ]
    assert complaints == []
