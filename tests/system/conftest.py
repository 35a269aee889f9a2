# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""One Airflow for all system tests, because starting it takes longer than most runs.

A test module lists in ``STARTS`` the DAGs whose first run it inspects. Those of all selected modules are started
together, and continue to run while the first tests inspect finished runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.system.long_wait import LongWait, observe_long_wait
from tests.system.services import Services
from tests.system.system_airflow import AIRFLOW, AIRFLOW_HAS_STATE_STORE, SystemAirflow

# Without Airflow's task state store, this DAG is rejected.
collect_ignore = [
    *([] if AIRFLOW_HAS_STATE_STORE else ["test_state_store.py"]),
    *([] if AIRFLOW >= (3,) else ["test_events.py"]),
]


@dataclass(frozen=True)
class Session:
    """The Airflow under test and its services.

    :param airflow: the Airflow.
    :param services: the simulators.
    :param requests_while_parsing: requests sent until every DAG was parsed.
    :param started: the DAGs whose first run was started.
    """

    airflow: SystemAirflow
    services: Services
    requests_while_parsing: int
    started: frozenset[str]


@pytest.fixture(scope="session")
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """Run Airflow until the last test is done."""
    modules = {item.module for item in request.session.items if isinstance(item, pytest.Function)}
    wanted = frozenset(dag_id for module in modules for dag_id in getattr(module, "STARTS", ()))
    services = Services()
    with services.examples, services.tests:
        services.prepare()
        with SystemAirflow(tmp_path_factory.mktemp("airflow"), services.connections) as airflow:
            requests_before = services.examples.count() + services.tests.count()
            # 2.11 does not find inactive DAGs; 3.x is best called while nothing runs (see AirflowStack.rest).
            if not airflow.is_3:
                airflow.activate()
            for dag_id in sorted(wanted):
                airflow.begin(dag_id)
            airflow.activate()
            yield Session(airflow, services, requests_before, wanted)


@pytest.fixture(scope="session")
def airflow(session: Session) -> SystemAirflow:
    """Return the Airflow under test."""
    return session.airflow


@pytest.fixture(scope="session")
def services(session: Session) -> Services:
    """Return the simulators that the DAGs use."""
    return session.services


@pytest.fixture(scope="session")
def long_wait(session: Session) -> LongWait:
    """Inspect a run while it waits, and kill its triggerer once no other run needs it."""
    session.airflow.settle(session.started)
    return observe_long_wait(session.airflow, session.services)
