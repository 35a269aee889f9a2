# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Worker and triggerer with different versions of this package, as during a rolling upgrade."""

from __future__ import annotations

import copy
import json
import time
from typing import Any

import pytest

from airflow_provider_streamkap._compat import AirflowException, AirflowFailException
from airflow_provider_streamkap._results import result_of_event
from airflow_provider_streamkap.gate.spec import WaitSpec
from airflow_provider_streamkap.testing import StreamkapSimulator, scenarios
from airflow_provider_streamkap.triggers.streamkap import StreamkapWaitTrigger
from tests.airflow.log_capture import Logged
from tests.airflow.sensor_modes import fire

# Trigger arguments as serialized by earlier versions.
LAYOUTS: dict[str, dict[str, Any]] = {
    "with a timeout and an ending": {
        "streamkap_conn_id": "streamkap_default",
        "spec": {
            "resource_ids": ["d1"],
            "gate": {
                "max_records_lag": 0,
                "connector_status": ["Active"],
                "max_latency_ms": None,
                "fail_on_status": ["Broken"],
                "observed_after": "2026-03-02T07:00:00+00:00",
                "max_reading_age": None,
            },
            "failure_policy": {"max_poll_failures": 10, "stall_after": None, "status_grace": 600},
            "require": "all",
            "poke_interval": 60.0,
            "confirmations": 2,
            "confirm_interval": 60,
            "deadline": 1796409796.8679318,
            "started": 1795804996.8679318,
        },
        "keyed": False,
        "state": {
            "polls": 1,
            "resources": {
                "d1": {
                    "recent_lags": [[1795804997.0002277, 120.0]],
                    "lag_fell_at": 1795804997.0002277,
                    "evidence": [1795804996.988876, 1795804996.988876],
                }
            },
        },
        "timeout": None,
        "ending": None,
        "backstop": None,
    },
    "with the history of points": {
        "streamkap_conn_id": "streamkap_default",
        "spec": {
            "resource_ids": ["d1"],
            "gate": {
                "max_records_lag": 5,
                "connector_status": ["Active"],
                "max_latency_ms": None,
                "fail_on_status": ["Broken"],
                "observed_after": None,
                "max_reading_age": None,
                "lag_source": "auto",
            },
            "failure_policy": {"max_poll_failures": 10, "stall_after": None, "status_grace": None},
            "require": "all",
            "poke_interval": 60.0,
            "confirmations": 2,
            "confirm_interval": 60,
            "deadline": 1796409802.7761004,
            "started": 1795805002.7761004,
        },
        "keyed": False,
        "state": {
            "polls": 1,
            "resources": {
                "d1": {
                    "recent_lags": [[1795805002.8001342, 120.0]],
                    "lag_fell_at": 1795805002.8001342,
                    "history": {
                        "after": 1795805002.6238544,
                        "running_since": 1795805002.797775,
                        "polled_at": 1795805002.797775,
                        "exceeded_at": 1795805002.797775,
                        "has_points": True,
                    },
                }
            },
        },
    },
}


def due_now(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a wait that started earlier and whose deadline is now."""
    arguments = copy.deepcopy(arguments)
    arguments["spec"] |= {"started": time.time() - 100, "deadline": time.time()}
    return arguments


@pytest.mark.parametrize("layout", LAYOUTS)
def test_trigger_reads_serialized_form_of_earlier_version(
    streamkap: StreamkapSimulator, logged: Logged, layout: str
) -> None:
    streamkap.add("d1", scenarios.steady(lag=120))
    event = fire(StreamkapWaitTrigger(**due_now(LAYOUTS[layout])))
    assert event["outcome"] == "deadline"
    assert "2 polls" in event["message"]
    assert "d1 not ready: lag 120" in event["message"]
    assert ("Ignoring unknown arguments" in logged.text) == ("ending" in LAYOUTS[layout])


def test_unknown_keys_are_ignored_with_warning(streamkap: StreamkapSimulator, logged: Logged) -> None:
    streamkap.add("d1", scenarios.steady())
    arguments = due_now(LAYOUTS["with the history of points"])
    arguments["spec"] |= {"priority": "high", "confirm_interval": 0.01}
    arguments["spec"]["gate"] |= {"lag_source": "latest", "max_rows": None}
    arguments["spec"]["failure_policy"] |= {"for_unknown": 3}
    arguments["state"] |= {"mood": "fair"}
    arguments["state"]["resources"]["d1"]["history"] |= {"seen_twice": True}
    event = fire(StreamkapWaitTrigger(**arguments, colour="red"))
    assert event["outcome"] == "opened"
    assert "from another version of airflow-provider-streamkap: colour, priority, failure_policy.for_unknown" in (
        logged.text
    )


def test_missing_keys_get_defaults() -> None:
    spec = WaitSpec.from_dict({"resource_ids": ["d1"]})
    assert spec == WaitSpec(("d1",), type(spec.gate)())


@pytest.mark.parametrize(
    "change",
    [
        {"resource_ids": None},
        {"gate": {"max_records_lag": 0, "max_rows": 7}},
        {"gate": ["a", "list"]},
        {"failure_policy": 3},
        {"confirmations": "two"},
        {"lacks": "resource_ids"},
    ],
)
def test_invalid_plan_fails_with_message_and_is_retryable(
    streamkap: StreamkapSimulator, change: dict[str, Any]
) -> None:
    # An unknown condition must not be ignored: the gate could open although it is not met.
    streamkap.add("d1", scenarios.steady())
    arguments = due_now(LAYOUTS["with the history of points"])
    arguments["spec"] |= change
    arguments["spec"].pop(change.get("lacks"), None)
    event = fire(StreamkapWaitTrigger(**arguments))
    with pytest.raises(AirflowException, match="Install the same version on workers and triggerers") as caught:
        result_of_event(event)
    assert not isinstance(caught.value, AirflowFailException)
    assert streamkap.count("/destinations/d1/metrics") == 0


def test_invalid_memory_fails_with_message(streamkap: StreamkapSimulator) -> None:
    arguments = due_now(LAYOUTS["with the history of points"])
    arguments["state"]["resources"]["d1"]["recent_lags"] = [{"at": 1, "lag": 2, "of": 3}]
    event = fire(StreamkapWaitTrigger(**arguments))
    assert event["outcome"] == "versions"
    json.dumps(event)
