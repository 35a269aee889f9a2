# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What the commands do, imported when one of them runs."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from difflib import get_close_matches
from functools import wraps
from typing import Any, TypeAlias, TypeVar

from airflow.cli.simple_table import AirflowConsole
from airflow.utils.cli import suppress_logs_and_warning
from rich.markup import escape
from tabulate import tabulate

from airflow_provider_streamkap._compat import AirflowException
from airflow_provider_streamkap.api.destinations import Destination
from airflow_provider_streamkap.api.errors import (
    StreamkapError,
    StreamkapNotFoundError,
    StreamkapPermissionError,
    short_name,
    single_line,
)
from airflow_provider_streamkap.api.metrics import Metrics
from airflow_provider_streamkap.api.pipelines import Pipeline
from airflow_provider_streamkap.api.resources import Connector, Record
from airflow_provider_streamkap.api.sources import Source
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook

Row: TypeAlias = dict[str, Any]
Resource: TypeAlias = Destination | Source | Pipeline
M = TypeVar("M", bound=Metrics)

# The metrics that the status command shows.
_SINK_METRICS: tuple[str, ...] = ("records_lag", "latency_ms")
_SOURCE_METRICS: tuple[str, ...] = ("state", "streaming_state", "connected", "behind_source_ms", "snapshot_running")


def _command(fetch: Callable[[StreamkapHook, Namespace], list[Row]]) -> Callable[[Namespace], None]:
    """Return a command that prints rows, or one line on stderr with exit code 1 if they cannot be fetched.

    :param fetch: returns the rows.
    """

    @suppress_logs_and_warning
    @wraps(fetch)
    def run(args: Namespace) -> None:
        # As in Airflow's own commands: look up the connection in the metadata database, too.
        os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
        try:
            # Keep the log lines of --verbose apart from the output.
            with redirect_stdout(sys.stderr):
                rows = fetch(StreamkapHook(args.conn_id), args)
        except (ValueError, AirflowException, StreamkapError) as error:
            raise SystemExit(f"Error: {single_line(str(error))}") from None
        _print(rows, args.output)

    return run


@_command
def list_destinations(hook: StreamkapHook, args: Namespace) -> list[Row]:
    """List all destinations."""
    return [_connector_row(item) for item in hook.list_destinations()]


@_command
def list_sources(hook: StreamkapHook, args: Namespace) -> list[Row]:
    """List all sources."""
    return [_connector_row(item) for item in hook.list_sources()]


@_command
def list_pipelines(hook: StreamkapHook, args: Namespace) -> list[Row]:
    """List all pipelines. The list has no status of a pipeline, but those of its connectors."""
    return [{"id": item.id, "name": item.name, **_connectors(item)} for item in hook.list_pipelines()]


@_command
def show_status(hook: StreamkapHook, args: Namespace) -> list[Row]:
    """Show the status and the latest metrics of one destination, source or pipeline."""
    row = _status_row(hook, _find(hook, args.name_or_id))
    if args.output in ("json", "yaml"):
        return [row]
    # Like `airflow dags details`.
    return [{"property_name": name, "property_value": value} for name, value in row.items()]


def _find(hook: StreamkapHook, name_or_id: str) -> Resource:
    """Return the only resource of any kind with this id, or else with this name.

    :raises ValueError: there is none, or several.
    :raises StreamkapPermissionError: there is none, and a kind cannot be listed.
    """
    lists: tuple[Callable[[], Iterator[Resource]], ...]
    lists = hook.list_destinations, hook.list_sources, hook.list_pipelines
    found: list[Resource] = []
    denied: list[StreamkapPermissionError] = []
    for list_all in lists:
        try:
            found += list_all()
        except StreamkapPermissionError as error:
            denied.append(error)
    matches = [item for item in found if item.id == name_or_id] or [item for item in found if item.name == name_or_id]
    if len(matches) == 1:
        return matches[0]
    shown = repr(short_name(name_or_id))
    if matches:
        listed = ", ".join(f"{item.kind.name} {item.id}" for item in matches)
        raise ValueError(f"{len(matches)} resources are named {shown}: {listed}; pass the id")
    if denied:
        raise denied[0]
    names = {short_name(item.name).casefold(): short_name(item.name) for item in found if item.name}
    nearest = get_close_matches(short_name(name_or_id).casefold(), names)
    hint = f"; the nearest names are {', '.join(repr(names[text]) for text in nearest)}" if nearest else ""
    raise ValueError(f"no destination, source or pipeline has the name or id {shown}{hint}")


def _status_row(hook: StreamkapHook, item: Resource) -> Row:
    metrics: Metrics | None
    more: Row = {}
    if isinstance(item, Pipeline):
        metrics = _if_any(hook.get_pipeline_metrics, item)
        row = {"id": item.id, "name": item.name, "status": getattr(metrics, "status", None)}
        names, more = _SINK_METRICS, _connectors(item)
    elif isinstance(item, Source):
        metrics = _if_any(hook.get_source_metrics, item)
        row, names = _connector_row(item), _SOURCE_METRICS
    else:
        metrics = _if_any(hook.get_destination_metrics, item)
        row, names = _connector_row(item), _SINK_METRICS
        # Both the list and the metrics contain the status. That of the metrics is newer.
        row["status"] = getattr(metrics, "connector_status", None) or row["status"]
    values = {name: getattr(metrics, name, None) for name in names}
    observed_at = metrics and metrics.observed_at.isoformat(timespec="seconds")
    return {"kind": item.kind.name, **row, **values, **more, "observed_at": observed_at}


def _if_any(get_metrics: Callable[[str], M], item: Record) -> M | None:
    """Return the metrics of a resource; None if it has none yet."""
    try:
        return get_metrics(item.id)
    except StreamkapNotFoundError:
        return None


def _connector_row(item: Connector) -> Row:
    return {"id": item.id, "name": item.name, "connector": item.connector, "status": item.connector_status}


def _connectors(item: Pipeline) -> Row:
    row: Row = {}
    for side, connector in (("source", item.source), ("destination", item.destination)):
        row[side] = connector and (connector.name or connector.id)
        row[f"{side}_status"] = connector and connector.connector_status
    return row


def _print(rows: list[Any], output: str) -> None:
    """Print rows like Airflow's own commands, except that numbers stay numbers in JSON and YAML."""
    console: Any = AirflowConsole()
    if output == "json":
        console.print_as_json(rows)
    elif output == "yaml":
        console.print_as_yaml(rows)
    elif output == "table":
        console.print_as_table([{key: escape(_text(value)) for key, value in row.items()} for row in rows])
    elif rows:
        # Unlike print_as_plain_table, do not take an id such as 67ad60000000000000000e12 for a number.
        texts = [[_text(value) for value in row.values()] for row in rows]
        sys.stdout.write(tabulate(texts, tablefmt="plain", headers=list(rows[0]), disable_numparse=True) + "\n")
    else:
        console.print_as_plain_table(rows)


def _text(value: object) -> str:
    """Return a value on one line without control characters, which a terminal would interpret."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "unknown" if value is None else single_line(str(value))
