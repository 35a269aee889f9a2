# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Run the example DAGs in a real Airflow: `make demo`, or `make demo UI=1` to keep the web interface running.

Starts Airflow (scheduler, DAG processor, triggerer, API server) on loopback, runs the example DAGs against the
simulator, prints the progress of the tasks, and ends with a table. With ``STREAMKAP_CLIENT_ID``, ``STREAMKAP_SECRET``
and ``STREAMKAP_DESTINATION_ID`` in the environment, and optionally ``STREAMKAP_PIPELINE_NAME``, it runs against the
live service instead, read-only. All processes are stopped at the end, including after errors.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from airflow_provider_streamkap.testing import StreamkapSimulator
from airflow_provider_streamkap.testing.demo import add_demo
from scripts.airflow_parts import StackError
from scripts.airflow_stack import FINAL, AirflowStack
from scripts.demo_report import Progress, table
from scripts.stop_signals import signals_as_exceptions

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = sorted((ROOT / "example_dags").glob("*.py"))
# Only for the simulator: a source that has stopped.
COMPARISON = ROOT / "scripts" / "demo_dags" / "streamkap_stalled_source.py"
CREDENTIALS = ("STREAMKAP_CLIENT_ID", "STREAMKAP_SECRET")
DESTINATION = "STREAMKAP_DESTINATION_ID"
# Optional: without it, the example that waits for a pipeline is left out.
PIPELINE = "STREAMKAP_PIPELINE_NAME"
NEEDS_PIPELINE = "streamkap_pipeline"
# Seconds. A wait for a pipeline takes about five minutes. The demo does not wait longer for a live destination.
DEMO_TIMEOUT = 600.0
PAUSE = 0.5
# Not triggered here: the scheduler starts these when the asset's trigger fires.
EVENT_DRIVEN = frozenset({"streamkap_on_caught_up"})


@dataclass(frozen=True)
class Service:
    """The Streamkap service that the DAGs use.

    :param title: description for the console output
    :param connection: Airflow connection, as JSON
    :param names: known destination names by id
    :param variables: environment variables for Airflow
    :param dags: the DAG files to run
    """

    title: str
    connection: str
    names: Mapping[str, str]
    variables: Mapping[str, str]
    dags: Sequence[Path]


@contextlib.contextmanager
def service() -> Iterator[Service]:
    """
    Yield the live service if its credentials are in the environment, else a running simulator.

    :raises SystemExit: if only some of the required variables are set
    """
    given = [name for name in (*CREDENTIALS, DESTINATION) if os.environ.get(name)]
    if given:
        if missing := {*CREDENTIALS, DESTINATION} - set(given):
            raise SystemExit(f"Missing for the live service: {', '.join(sorted(missing))}")
        client_id, secret = (os.environ[name] for name in CREDENTIALS)
        connection: dict[str, object] = {"conn_type": "streamkap", "login": client_id, "password": secret}
        if host := os.environ.get("STREAMKAP_HOST"):
            connection["host"] = host
        variables = {name: os.environ[name] for name in (DESTINATION, PIPELINE) if os.environ.get(name)}
        dags = [path for path in EXAMPLES if PIPELINE in variables or path.stem != NEEDS_PIPELINE]
        yield Service("the live service", json.dumps(connection), {}, variables, dags)
        return
    with StreamkapSimulator() as simulator:
        add_demo(simulator)
        yield Service(
            f"a simulated Streamkap at {simulator.url}",
            simulator.airflow_connection(),
            simulator.destinations,
            {},
            [*EXAMPLES, COMPARISON],
        )


class Examples:
    """
    One run of each example DAG.

    :param stack: the Airflow that runs them
    :param dag_ids: the DAGs
    :param names: destination names by id
    """

    def __init__(self, stack: AirflowStack, dag_ids: Sequence[str], names: Mapping[str, str]) -> None:
        self._stack = stack
        self._names = names
        for dag_id in dag_ids:
            stack.wait_for_dag(dag_id)
        self._runs = {dag_id: "" if dag_id in EVENT_DRIVEN else stack.trigger_dag(dag_id) for dag_id in dag_ids}

    def watch(self) -> None:
        """Print the progress until all runs have ended, or until the timeout."""
        print(f"Running {len(self._runs)} example DAGs.\n")
        progress = Progress(self._stack, self._runs, self._names)
        deadline = time.monotonic() + DEMO_TIMEOUT
        while not FINAL.issuperset(self.states().values()) and time.monotonic() < deadline:
            self._stack.check()
            progress.print_new()
            time.sleep(PAUSE)
        progress.print_new()
        print(f"\n{table(self._stack, self._runs, self._names)}\n", flush=True)

    def states(self) -> dict[str, str]:
        """Return the state of each run by DAG id; an empty string if there is no run yet."""
        for dag_id in EVENT_DRIVEN:
            for found in self._stack.query("SELECT run_id FROM dag_run WHERE dag_id = ? ORDER BY id LIMIT 1", dag_id):
                self._runs[dag_id] = found["run_id"]
        return {dag_id: self._stack.run_state(dag_id, run_id) or "" for dag_id, run_id in self._runs.items()}


def judge(states: Mapping[str, str]) -> bool:
    """Print the runs that did not succeed, and return whether all started runs succeeded."""
    for dag_id, state in states.items():
        if not state:
            print(f"{dag_id}: not triggered")
        elif state != "success":
            print(f"{dag_id}: {state if state in FINAL else f'still running after {DEMO_TIMEOUT:g} s'}")
    return all(state == "success" for state in states.values() if state)


def main() -> int:
    """Run the demo and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.demo", description=__doc__)
    parser.add_argument("--ui", action="store_true", help="keep Airflow running at the end, until Ctrl-C")
    options = parser.parse_args()
    began = time.monotonic()
    try:
        with (
            signals_as_exceptions(),
            service() as streamkap,
            tempfile.TemporaryDirectory(prefix="dags-") as folder,
        ):
            for path in streamkap.dags:
                shutil.copy(path, folder)
            stack = AirflowStack(
                Path(sys.executable),
                Path(folder),
                {"streamkap_default": streamkap.connection},
                overrides=streamkap.variables,
            )
            version = ".".join(map(str, stack.version))
            print(f"Starting Airflow {version} on loopback, with {streamkap.title}.", flush=True)
            with stack:
                print(f"Airflow is up after {time.monotonic() - began:.0f} s: {stack.url}", flush=True)
                examples = Examples(stack, [path.stem for path in streamkap.dags], streamkap.names)
                examples.watch()
                good = judge(examples.states())
                if options.ui:
                    print(f"Airflow is running at {stack.url}, without login. Press Ctrl-C to stop it.", flush=True)
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
