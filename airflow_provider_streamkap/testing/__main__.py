# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Command-line entry point: ``python -m airflow_provider_streamkap.testing --port 8790 --scenario demo``."""

from __future__ import annotations

import argparse
import inspect
import logging
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import TypeVar

from airflow_provider_streamkap.testing import scenarios
from airflow_provider_streamkap.testing.demo import DEMO, PIPELINES, add_demo
from airflow_provider_streamkap.testing.readings import Scenario, SourceScenario
from airflow_provider_streamkap.testing.simulator import StreamkapSimulator
from airflow_provider_streamkap.testing.source_scenarios import PipelineScenario

_S = TypeVar("_S")

_BY_NAME: Mapping[str, Callable[..., Scenario]] = {
    build.__name__: build
    for build in (
        scenarios.steady,
        scenarios.draining,
        scenarios.flapping,
        scenarios.stalled,
        scenarios.null_lag,
        scenarios.broken,
        scenarios.paused,
        scenarios.starting,
        scenarios.frozen,
    )
}


_SOURCES_BY_NAME: Mapping[str, Callable[..., SourceScenario]] = {
    build.__name__: build
    for build in (
        scenarios.source_streaming,
        scenarios.source_idle,
        scenarios.source_mysql_idle,
        scenarios.source_stalls,
        scenarios.source_restarts,
        scenarios.source_snapshots,
        scenarios.source_broken,
    )
}


def destination(text: str) -> tuple[str, Scenario]:
    """Parse ``ID=SCENARIO`` or ``ID=SCENARIO:NAME=VALUE,NAME=VALUE``.

    :raises argparse.ArgumentTypeError: if it cannot be parsed.
    """
    return _built(text, _BY_NAME)


def pipeline(text: str) -> tuple[str, PipelineScenario]:
    """Parse ``ID=SCENARIO`` or ``ID=SCENARIO:NAME=VALUE,NAME=VALUE`` with the scenario of a source.

    :raises argparse.ArgumentTypeError: if it cannot be parsed.
    """
    pipeline_id, source = _built(text, _SOURCES_BY_NAME)
    return pipeline_id, scenarios.pipeline(source)


def _built(text: str, by_name: Mapping[str, Callable[..., _S]]) -> tuple[str, _S]:
    id_, _, rest = text.partition("=")
    name, _, settings = rest.partition(":")
    if not id_ or name not in by_name:
        raise argparse.ArgumentTypeError(f"must be ID=SCENARIO with one of {', '.join(by_name)}; got {text!r}")
    build = by_name[name]
    given: dict[str, float | str] = {}
    for setting in filter(None, settings.split(",")):
        key, _, value = setting.partition("=")
        parameter = inspect.signature(build).parameters.get(key)
        if parameter is None or not isinstance(parameter.default, float | str):
            raise argparse.ArgumentTypeError(
                f"{name} has no setting {key!r}; it has {', '.join(inspect.signature(build).parameters) or 'none'}"
            )
        try:
            given[key] = value if isinstance(parameter.default, str) else float(value)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{key} of {name} must be a number; got {value!r}") from None
    try:
        return id_, build(**given)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def main(arguments: Sequence[str] | None = None, stopped: threading.Event | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM.

    :param arguments: command-line arguments. Default: those of the process.
    :param stopped: event that also stops the server when set.
    :returns: exit code.
    """
    options = _parser().parse_args(arguments)
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    end = stopped or threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        end.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        simulator, stories = _simulator(options)
        simulator.start()
        try:
            _announce(simulator, stories)
            end.wait()
        finally:
            simulator.stop()
    except (OSError, ValueError) as error:
        print(f"The simulator cannot start: {error}", file=sys.stderr)
        return 1
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    print("Streamkap simulator stopped.", flush=True)
    return 0


def _simulator(options: argparse.Namespace) -> tuple[StreamkapSimulator, dict[str, str]]:
    simulator = StreamkapSimulator(
        host=options.host,
        port=options.port,
        token_lifetime=options.token_lifetime,
        client_id=options.client_id,
        secret=options.secret,
    )
    stories: dict[str, str] = {}
    if options.scenario == "demo":
        add_demo(simulator)
        stories = {item.destination_id: item.story for item in DEMO} | PIPELINES
    for destination_id, scenario in options.destination:
        simulator.add(destination_id, scenario)
        stories[destination_id] = scenario.name
    for pipeline_id, both in options.pipeline:
        source_id, destination_id = f"{pipeline_id}-source", f"{pipeline_id}-destination"
        simulator.add_pipeline(pipeline_id, source_id, destination_id, both)
        stories[destination_id] = both.destination.name
        stories[pipeline_id] = f"from {source_id} to {destination_id}: {both.source.name}"
    return simulator, stories


def _announce(simulator: StreamkapSimulator, stories: dict[str, str]) -> None:
    print(f"Streamkap simulator at {simulator.url}")
    print(f"  client id  {simulator.client_id}")
    print(f"  secret     {simulator.secret}")
    print(f"  export AIRFLOW_CONN_STREAMKAP_DEFAULT='{simulator.airflow_connection()}'")
    print("Destinations:")
    for destination_id, name in simulator.destinations.items():
        print(f"  {destination_id}  {name:<12} {stories[destination_id]}")
    if simulator.pipelines:
        print("Pipelines:")
    for pipeline_id, name in simulator.pipelines.items():
        print(f"  {pipeline_id}  {name:<20} {stories[pipeline_id]}")
    print("Press Ctrl-C to stop.", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_streamkap.testing",
        description="A simulated Streamkap API on loopback, to try the provider out and to test DAGs.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="loopback address to bind (default %(default)s)")
    parser.add_argument("--port", type=int, default=8790, help="port to bind, 0 for a free one (default %(default)s)")
    parser.add_argument(
        "--scenario",
        choices=("demo", "empty"),
        default="demo",
        help="set of destinations and pipelines (default %(default)s)",
    )
    parser.add_argument(
        "--destination",
        type=destination,
        action="append",
        default=[],
        metavar="ID=SCENARIO[:NAME=VALUE,...]",
        help="one more destination, such as 67ad6e0af08a2365c729ba99=draining:lag=1000,rate=20; scenarios: "
        + ", ".join(_BY_NAME),
    )
    parser.add_argument(
        "--pipeline",
        type=pipeline,
        action="append",
        default=[],
        metavar="ID=SCENARIO[:NAME=VALUE,...]",
        help="one more pipeline with a source and a destination, whose ids are ID-source and ID-destination, such as "
        "67ad6e0af08a2365c729bc99=source_stalls:at=60; scenarios of the source: " + ", ".join(_SOURCES_BY_NAME),
    )
    parser.add_argument("--client-id", help="client id to accept (default: a random one)")
    parser.add_argument("--secret", help="secret to accept (default: a random one)")
    parser.add_argument(
        "--token-lifetime",
        type=float,
        default=3600.0,
        help="lifetime of a token in seconds (default 3600)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
