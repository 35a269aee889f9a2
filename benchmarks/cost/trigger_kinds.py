# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The triggers under test, each created from a class path and serialized arguments, as in a triggerer.

Triggers of other providers use their default settings, except for the URL and the poll interval.
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
class TriggerKind:
    """One kind of trigger.

    :param label: label in the tables.
    :param resource: first path segment of the URLs it polls.
    :param serialized: returns class path and arguments for a destination id and an interval.
    """

    label: str
    resource: str
    serialized: Callable[[str, float], Serialized]


def _streamkap(id_: str, interval: float) -> Serialized:
    from airflow_provider_streamkap.gate.conditions import DestinationGate
    from airflow_provider_streamkap.gate.spec import WaitSpec
    from airflow_provider_streamkap.triggers.streamkap import StreamkapWaitTrigger

    started = time.time()
    # Fire on the first matching reading, as the other triggers do.
    spec = WaitSpec(
        (id_,),
        DestinationGate(lag_source="latest"),
        poke_interval=interval,
        confirmations=1,
        confirm_interval=0,
        deadline=started + 86400,
        started=started,
    )
    path, arguments = StreamkapWaitTrigger("streamkap_default", spec.to_dict()).serialize()
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


TRIGGER_KINDS = {
    STREAMKAP: TriggerKind("StreamkapWaitTrigger", "destinations", _streamkap),
    HTTP: TriggerKind("HttpSensorTrigger", "ready", _http),
    FIVETRAN: TriggerKind("FivetranTrigger", "v1", _fivetran),
    IDLE: TriggerKind("idle trigger", "nothing", _idle),
}


def prepare(url: str) -> None:
    """Define the Airflow connections of all kinds in the environment.

    :param url: URL of the server.
    """
    host = {"host": url, "login": "made-up", "password": "made-up-too"}
    for name in (STREAMKAP, HTTP, FIVETRAN):
        os.environ[f"AIRFLOW_CONN_{name.upper()}_DEFAULT"] = json.dumps({"conn_type": name, **host})
    os.environ["AIRFLOW_CONN_HTTP_DEFAULT"] = json.dumps({"conn_type": "http", "host": url})


def point_fivetran(url: str) -> None:
    """Point FivetranTrigger to the server; its host is a class attribute.

    :param url: URL of the server.
    """
    from fivetran_provider_async.hooks import FivetranHook

    FivetranHook.api_protocol, FivetranHook.api_host = "http", urlsplit(url).netloc


def create_trigger(serialized: Serialized) -> BaseTrigger:
    """Create a trigger from its serialized form, as a triggerer does.

    :param serialized: class path and arguments; the arguments go through a JSON round trip.
    """
    module, _, name = serialized[0].rpartition(".")
    trigger: BaseTrigger = getattr(importlib.import_module(module), name)(**json.loads(json.dumps(serialized[1])))
    return trigger
