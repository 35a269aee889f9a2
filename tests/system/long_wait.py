# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A run that is inspected while it waits, and whose triggerer is killed during the wait."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.fernet import Fernet

from airflow_provider_streamkap.testing import scenarios
from scripts.airflow_stack import AirflowStack
from tests.system.dag_runs import Run
from tests.system.services import Services
from tests.system.system_airflow import SystemAirflow

DAG_ID = "system_held"
_WAITING = ("held", "late")
_POLLS = 3
# The trigger of an asset belongs to no task.
_TRIGGERS = "SELECT trigger.kwargs FROM trigger JOIN task_instance ON task_instance.trigger_id = trigger.id"


@dataclass(frozen=True)
class LongWait:
    """What was observed.

    :param run: the run.
    :param links: the extra links during the wait, by task id and map index.
    :param triggers: the decrypted arguments of its triggers.
    :param polls: the times of all polls in the new triggerer, by destination.
    """

    run: Run
    links: dict[tuple[str, int], dict[str, str | None]]
    triggers: list[str]
    polls: dict[str, list[float]]


def observe_long_wait(airflow: SystemAirflow, services: Services) -> LongWait:
    """Run the DAG to completion."""
    run = airflow.begin(DAG_ID)
    tests = services.tests

    def polls() -> dict[str, list[float]]:
        paths = {id_: f"/destinations/{id_}/metrics" for id_ in _WAITING}
        return {id_: [one.at for one in tests.requests if one.path == path] for id_, path in paths.items()}

    def waits() -> bool:
        deferred = [task for task in run.tasks if task.state == "deferred"]
        return len(deferred) == len(_WAITING) + 1 and all(len(at) >= _POLLS for at in polls().values())

    airflow.wait(waits, 180, "The sensors do not wait in the triggerer")
    links = {(task.task_id, task.map_index): airflow.links(run, task.task_id, task.map_index) for task in run.tasks}
    triggers = [decrypted(airflow, row["kwargs"]) for row in airflow.query(_TRIGGERS)]
    airflow.kill_part("triggerer")
    before = {id_: len(at) for id_, at in polls().items()}
    airflow.start_part("triggerer", "--skip-serve-logs")

    def later() -> dict[str, list[float]]:
        return {id_: at[before[id_] :] for id_, at in polls().items()}

    airflow.wait(lambda: all(later().values()), 120, "The waits do not go on")
    tests.set("held", scenarios.steady())
    airflow.finished(DAG_ID)
    return LongWait(run, links, triggers, later())


def decrypted(airflow: AirflowStack, kwargs: str) -> str:
    """Return the arguments of a trigger, which some Airflow versions encrypt."""
    if kwargs.startswith("{"):
        return kwargs
    return Fernet(airflow.environment["AIRFLOW__CORE__FERNET_KEY"]).decrypt(kwargs.encode()).decode()
