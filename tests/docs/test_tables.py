# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The tables of the documentation match the code."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from airflow_provider_streamkap._results import failure_exception
from airflow_provider_streamkap.api import errors
from airflow_provider_streamkap.api.options import OPTIONS
from airflow_provider_streamkap.gate.state import FailureKind
from airflow_provider_streamkap.gate.wait import Failed
from airflow_provider_streamkap.get_provider_info import get_provider_info
from airflow_provider_streamkap.operators.streamkap import StreamkapDestinationMetricsOperator
from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor, StreamkapPipelineSensor
from airflow_provider_streamkap.testing import Fault, scenarios
from tests.docs.pages import DOCS, code, table

FORM: Any = get_provider_info()["connection-types"][0]  # type: ignore[index]


def test_exceptions_by_operator() -> None:
    rows = table("deferrable.md", "end")
    assert set(rows) == {"opened", *(why.value for why in FailureKind)}
    for why in FailureKind:
        _, exception, retried, soft_fail, never_fail = rows[why.value]
        raised = type(failure_exception(Failed(why, "")))
        assert code(exception) == [raised.__name__]
        assert retried == ("yes" if raised.__name__ == "AirflowException" else "no")
        assert soft_fail == ("skipped" if why is FailureKind.DEADLINE else "fails")
        assert never_fail == "skipped"


def test_fields_of_connection() -> None:
    labels = FORM["ui-field-behaviour"]["relabeling"]
    shown = {code(field)[0]: cells[0] for field, cells in table("connection.md", "field").items()}
    assert {name: label for name, label in shown.items() if label != "hidden"} == labels
    assert {name for name, label in shown.items() if label == "hidden"} == set(
        FORM["ui-field-behaviour"]["hidden-fields"]
    )


def test_keys_of_extra() -> None:
    declared = {
        f"`{name}`": [option.label, option.description, option.default_text] for name, option in OPTIONS.items()
    }
    assert table("connection.md", "key of the extra") == declared
    assert list(FORM["conn-fields"]) == list(OPTIONS)


@pytest.mark.parametrize(
    ("page", "operator"),
    [("sensor.md", StreamkapDestinationSensor), ("operator.md", StreamkapDestinationMetricsOperator)],
)
def test_defaults_of_arguments(page: str, operator: type) -> None:
    parameters = inspect.signature(operator).parameters
    airflows = {"timeout": 604_800, "poke_interval": 60}
    text = (DOCS / page).read_text(encoding="utf-8")
    heads = [line for line, after in zip(text.splitlines(), text.splitlines()[1:], strict=False) if after[:2] == ": "]
    shown = [pair for head in heads for pair in re.findall(r"`(\w+)`(?: \(([^)]*)\))?(?=,|$)", head)]
    assert shown
    for name, default in shown:
        if name in airflows:
            assert default in (str(airflows[name]), f"{airflows[name] // 86_400} days")
        elif default:
            value = parameters[name].default
            as_figure = f"{value:,}" if isinstance(value, int) else ""
            assert default.strip("`") in (as_figure, repr(value).replace("'", '"'))
        else:
            assert name in parameters


def test_arguments_of_pipeline_sensor() -> None:
    parameters = inspect.signature(StreamkapPipelineSensor).parameters
    rows = {code(name)[0]: cells[0] for name, cells in table("pipeline.md", "argument").items()}
    assert list(rows) == [*(name for name in parameters if name != "kwargs"), "poke_interval", "timeout"]
    for name, shown in rows.items():
        if shown.startswith("`"):
            default = parameters[name].default
            as_figure = f"{default:g}" if isinstance(default, float) else repr(default).replace("'", '"')
            assert shown.strip("`") == as_figure, name


def test_errors() -> None:
    rows = {code(name)[0]: cells for name, cells in table("hook.md", "exception").items()}
    documented = {
        name
        for name, error in vars(errors).items()
        if inspect.isclass(error) and issubclass(error, errors.StreamkapError) and error.__module__ == errors.__name__
    }
    assert set(rows) == documented - {"StreamkapError", "StreamkapHTTPError"}
    for name, (_, again) in rows.items():
        error = getattr(errors, name)
        assert again.startswith("yes") == error.transient
        assert again.startswith("no") == error.permanent


def test_scenarios_and_faults() -> None:
    cells = [*table("testing.md", "scenario"), *table("testing.md", "scenario of a source")]
    shown = {name.partition("(")[0] for cell in cells for name in code(cell)}
    built = [name for name in scenarios.__all__ if name.islower() and callable(getattr(scenarios, name))]
    assert shown == set(built)
    faults = [re.split(r"[.(]", name)[1] for cell in table("testing.md", "fault") for name in code(cell)]
    assert all(callable(getattr(Fault, name)) for name in faults)
