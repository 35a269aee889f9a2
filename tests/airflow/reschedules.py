# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Store earlier pokes of a rescheduled sensor in the database, where Airflow 2 reads them."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_provider_streamkap.sensors._state_store import IS_AIRFLOW_2


def record_poke(ti: Any, began: datetime) -> None:
    """Record that a poke of the current try ended in a reschedule, as Airflow 2 does.

    :param ti: the task instance.
    :param began: when the poke began.
    """
    if not IS_AIRFLOW_2:
        return
    models = importlib.import_module("airflow.models")
    reschedule = importlib.import_module("airflow.models.taskreschedule").TaskReschedule
    session_of = importlib.import_module("airflow.utils.session").create_session
    operator = importlib.import_module("airflow.operators.empty").EmptyOperator
    ended = began + timedelta(seconds=1)
    with session_of() as session:
        if not session.query(models.DagRun).filter_by(dag_id=ti.dag_id, run_id=ti.run_id).count():
            session.add(
                models.DagRun(
                    ti.dag_id, ti.run_id, execution_date=datetime.now(UTC), run_type="manual", state="running"
                )
            )
            session.flush()
            dag = models.DAG(ti.dag_id, schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC))
            session.add(models.TaskInstance(operator(task_id=ti.task_id, dag=dag), run_id=ti.run_id))
            session.flush()
        session.add(
            reschedule(
                task_id=ti.task_id,
                dag_id=ti.dag_id,
                run_id=ti.run_id,
                try_number=ti.try_number,
                start_date=began,
                end_date=ended,
                reschedule_date=ended,
                map_index=ti.map_index,
            )
        )
