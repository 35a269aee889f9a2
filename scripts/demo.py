# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Watch Airflow wait for Streamkap destinations: `make demo`, or `make demo UI=1` to look around afterwards.

Starts an Airflow of its own (scheduler, DAG processor, triggerer, API server) on loopback, runs the example DAGs to
their end against the simulator, tells what the tasks do while they do it, and ends with a table. With
``STREAMKAP_CLIENT_ID``, ``STREAMKAP_SECRET`` and ``STREAMKAP_DESTINATION_ID`` in the environment it runs against the
live service instead, of which it only reads. Nothing is left running, however it ends.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from airflow_provider_streamkap.testing import StreamkapSimulator
from airflow_provider_streamkap.testing.demo import add_demo
from scripts.airflow_parts import StackError
from scripts.airflow_stack import FINAL, AirflowStack
from scripts.demo_report import Progress, table
from scripts.stop_signals import signals_as_exceptions

EXAMPLES = Path(__file__).resolve().parent.parent / "example_dags"
CREDENTIALS = ("STREAMKAP_CLIENT_ID", "STREAMKAP_SECRET")
DESTINATION = "STREAMKAP_DESTINATION_ID"
# Timestamped lag takes about four minutes. A live destination may take hours to drain, and the demo ends before that.
PATIENCE = 420.0
PAUSE = 0.5
# Nobody starts these: the scheduler does when the trigger that watches an asset has seen what it waits for.
EVENT_DRIVEN = frozenset({"streamkap_on_caught_up"})


@dataclass(frozen=True)
class Service:
    """The Streamkap that the DAGs talk to.

    :param title: what it is, for people
    :param connection: Airflow connection, as JSON
    :param names: names of destinations by id, as far as they are known
    :param variables: environment variables for Airflow
    """

    title: str
    connection: str
    names: Mapping[str, str]
    variables: Mapping[str, str]


@contextlib.contextmanager
def service() -> Iterator[Service]:
    """
    Give the live service if the environment holds credentials for it, and else a simulator, running.

    :raises SystemExit: if the environment holds a part of what is needed
    """
    given = [name for name in (*CREDENTIALS, DESTINATION) if os.environ.get(name)]
    if given:
        if missing := {*CREDENTIALS, DESTINATION} - set(given):
            raise SystemExit(f"For the live service these are missing: {', '.join(sorted(missing))}")
        client_id, secret = (os.environ[name] for name in CREDENTIALS)
        connection: dict[str, object] = {"conn_type": "streamkap", "login": client_id, "password": secret}
        if host := os.environ.get("STREAMKAP_HOST"):
            connection["host"] = host
        yield Service("the live service", json.dumps(connection), {}, {DESTINATION: os.environ[DESTINATION]})
        return
    with StreamkapSimulator() as simulator:
        add_demo(simulator)
        yield Service(
            f"a simulated Streamkap at {simulator.url}", simulator.airflow_connection(), simulator.destinations, {}
        )


class Examples:
    """
    One run of each example DAG.

    :param stack: the Airflow that runs them
    :param names: names of destinations by id
    """

    def __init__(self, stack: AirflowStack, names: Mapping[str, str]) -> None:
        self._stack = stack
        self._names = names
        dag_ids = sorted(path.stem for path in EXAMPLES.glob("*.py"))
        for dag_id in dag_ids:
            stack.wait_for_dag(dag_id)
        self._runs = {dag_id: "" if dag_id in EVENT_DRIVEN else stack.trigger_dag(dag_id) for dag_id in dag_ids}

    def watch(self) -> None:
        """Tell what happens until all have ended, or until patience has."""
        print(f"Running {len(self._runs)} example DAGs.\n")
        progress = Progress(self._stack, self._runs, self._names)
        deadline = time.monotonic() + PATIENCE
        while not FINAL.issuperset(self.states().values()) and time.monotonic() < deadline:
            self._stack.check()
            progress.tell()
            time.sleep(PAUSE)
        progress.tell()
        print(f"\n{table(self._stack, self._runs, self._names)}\n", flush=True)

    def states(self) -> dict[str, str]:
        """Return the state of each run by DAG id; empty as long as there is no run."""
        for dag_id in EVENT_DRIVEN:
            for found in self._stack.query("SELECT run_id FROM dag_run WHERE dag_id = ? ORDER BY id LIMIT 1", dag_id):
                self._runs[dag_id] = found["run_id"]
        return {dag_id: self._stack.run_state(dag_id, run_id) or "" for dag_id, run_id in self._runs.items()}


def judge(states: Mapping[str, str]) -> bool:
    """Say which runs have not succeeded, and return whether there is none that should have."""
    for dag_id, state in states.items():
        if not state:
            print(f"{dag_id}: nothing has happened that starts it")
        elif state != "success":
            print(f"{dag_id}: {state if state in FINAL else f'not at its end after {PATIENCE:g} s'}")
    return all(state == "success" for state in states.values() if state)


def main() -> int:
    """Run the demonstration and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.demo", description=__doc__)
    parser.add_argument("--ui", action="store_true", help="keep Airflow up at the end, until Ctrl-C")
    options = parser.parse_args()
    began = time.monotonic()
    try:
        with signals_as_exceptions(), service() as streamkap:
            stack = AirflowStack(
                Path(sys.executable),
                EXAMPLES,
                {"streamkap_default": streamkap.connection},
                overrides=streamkap.variables,
            )
            version = ".".join(map(str, stack.version))
            print(f"Starting Airflow {version} on loopback, with {streamkap.title}.", flush=True)
            with stack:
                print(f"Airflow is up after {time.monotonic() - began:.0f} s: {stack.url}", flush=True)
                examples = Examples(stack, streamkap.names)
                examples.watch()
                good = judge(examples.states())
                if options.ui:
                    print(f"Airflow is at {stack.url}, without a login. Ctrl-C ends it.", flush=True)
                    while True:
                        stack.check()
                        time.sleep(PAUSE)
                print("Stopping Airflow.", flush=True)
    except KeyboardInterrupt:
        print("\nStopped; nothing is left running.")
        return 130
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Done after {time.monotonic() - began:.0f} s; nothing is left running.")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
