# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The triggers that are measured, each made of what a triggerer gets: a class path and plain arguments.

The settings of the others are their defaults but for where to ask and how often.
"""

from __future__ import annotations

import importlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from airflow.triggers.base import BaseTrigger

STREAMKAP = "streamkap"
HTTP = "http"
FIVETRAN = "fivetran"
IDLE = "idle"

Serialized = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Contestant:
    """One kind of wait.

    :param label: as tables show it.
    :param resource: first part of the paths that it polls.
    :param serialized: makes path and arguments for a destination and an interval.
    """

    label: str
    resource: str
    serialized: Callable[[str, float], Serialized]


def _streamkap(id_: str, interval: float) -> Serialized:
    from airflow_provider_streamkap.gate.conditions import DestinationGate
    from airflow_provider_streamkap.gate.spec import WaitSpec
    from airflow_provider_streamkap.triggers.streamkap import StreamkapDestinationTrigger

    started = time.time()
    # One good reading opens, as with the others.
    spec = WaitSpec(
        (id_,),
        DestinationGate(lag_source="latest"),
        poke_interval=interval,
        confirmations=1,
        confirm_interval=0,
        deadline=started + 86400,
        started=started,
    )
    path, arguments = StreamkapDestinationTrigger("streamkap_default", spec.to_dict()).serialize()
    return path, arguments


def _http(id_: str, interval: float) -> Serialized:
    arguments = {
        "endpoint": f"ready/{id_}",
        "http_conn_id": "http_default",
        "method": "GET",
        "headers": None,
        "data": None,
        "extra_options": None,
        "poke_interval": interval,
    }
    return "airflow.providers.http.triggers.http.HttpSensorTrigger", arguments


def _fivetran(id_: str, interval: float) -> Serialized:
    arguments = {
        "task_id": "wait",
        "connector_id": id_,
        "fivetran_conn_id": "fivetran_default",
        "previous_completed_at": None,
        "xcom": "2026-01-01T00:00:00Z",
        "poke_interval": interval,
        "reschedule_wait_time": None,
    }
    return "fivetran_provider_async.triggers.FivetranTrigger", arguments


def _idle(id_: str, interval: float) -> Serialized:
    return "benchmarks.cost.idle.IdleTrigger", {"destination_id": id_}


CONTESTANTS = {
    STREAMKAP: Contestant("StreamkapDestinationTrigger", "destinations", _streamkap),
    HTTP: Contestant("HttpSensorTrigger", "ready", _http),
    FIVETRAN: Contestant("FivetranTrigger", "v1", _fivetran),
    IDLE: Contestant("a trigger that only sleeps", "nothing", _idle),
}


def prepare(url: str) -> None:
    """Point every contestant's connection to the server, in this process.

    :param url: its address.
    """
    host = {"host": url, "login": "made-up", "password": "made-up-too"}
    for name in (STREAMKAP, HTTP, FIVETRAN):
        os.environ[f"AIRFLOW_CONN_{name.upper()}_DEFAULT"] = json.dumps({"conn_type": name, **host})
    os.environ["AIRFLOW_CONN_HTTP_DEFAULT"] = json.dumps({"conn_type": "http", "host": url})


def point_fivetran(url: str) -> None:
    """Let FivetranTrigger ask the server; its host is fixed in a class attribute.

    :param url: the server's address.
    """
    from fivetran_provider_async.hooks import FivetranHook

    FivetranHook.api_protocol, FivetranHook.api_host = "http", urlsplit(url).netloc


def make(serialized: Serialized) -> BaseTrigger:
    """Make a trigger as a triggerer does.

    :param serialized: class path and arguments, which pass through JSON.
    """
    module, _, name = serialized[0].rpartition(".")
    made: BaseTrigger = getattr(importlib.import_module(module), name)(**json.loads(json.dumps(serialized[1])))
    return made
