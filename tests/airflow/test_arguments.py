# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Argument validation: literals are checked at parse time, and given arguments are never dropped at run time."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import jinja2
import pytest

from airflow_provider_streamkap._compat import AirflowFailException, BaseOperator
from airflow_provider_streamkap.operators.streamkap import StreamkapDestinationMetricsOperator
from airflow_provider_streamkap.sensors.streamkap import StreamkapDestinationSensor
from airflow_provider_streamkap.testing import StreamkapSimulator, scenarios
from tests.airflow.sensor_modes import TaskInstance
from tests.airflow_imports import DAG

MOMENT = "2026-03-02T06:00:00Z"
DIGITS = "670000000000000000000001"
SENSOR, OPERATOR = StreamkapDestinationSensor, StreamkapDestinationMetricsOperator
OPTIONAL: list[tuple[Any, str]] = [
    (SENSOR, "observed_after"),
    (OPERATOR, "timestamp_from"),
    (OPERATOR, "timestamp_to"),
    (OPERATOR, "metrics"),
]


def dag(native: bool = False, **more: Any) -> DAG:
    return DAG(
        "dag", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), render_template_as_native_obj=native, **more
    )


def common(kind: Any) -> dict[str, Any]:
    more: dict[str, Any] = {"confirm_interval": 0, "timeout": 20} if kind is SENSOR else {"time_type": "timesummary"}
    return {"task_id": "t", **more}


def make_task(kind: Any, native: Any = False, **arguments: Any) -> Any:
    """Create an operator in a DAG."""
    with dag(native):
        return kind(**{**common(kind), "destination_id": "d1", **arguments})


def run(task: Any, **context: Any) -> Any:
    """Render and execute a copy of an operator as a worker does."""
    task = copy.copy(task)
    everything: Any = {"ti": TaskInstance(), "params": {}, **context}
    task.render_template_fields(everything)
    return without_points(task).execute(everything)


def without_points(task: Any) -> Any:
    """Use the latest lag unless a timestamp is requested, because timeseries points take minutes."""
    if isinstance(task, SENSOR) and task.observed_after is None:
        task.lag_source = "latest"
    return task


class Upstream:
    """The output of a task, as a reference that Airflow resolves while rendering."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def iter_references(self) -> Iterator[Any]:
        return iter(())

    def resolve(self, *_: Any, **__: Any) -> Any:
        return self.value


@contextmanager
def resolved(value: Any) -> Iterator[Any]:
    """Return a reference of the class that Airflow's renderer knows."""
    base = type(BaseOperator(task_id="up").output).__mro__[2]
    assert base.__name__ == "ResolveMixin"
    yield type("Reference", (Upstream, base), {})(value)


# Given arguments must not be dropped.


@pytest.mark.parametrize(("kind", "name"), OPTIONAL)
@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("template", ["{{ params.nothing }}", "{{ params.nothing or '' }}", "{{ params.blank }}"])
def test_template_rendered_to_empty_value_is_rejected(
    streamkap: StreamkapSimulator, kind: Any, name: str, native: bool, template: str
) -> None:
    streamkap.add("d1", scenarios.steady())
    task = make_task(kind, native, **{name: template})
    with pytest.raises(
        AirflowFailException, match=f"{name} is set in the DAG, but is .* in this run: the template or upstream"
    ):
        run(task, params={"nothing": None, "blank": "  "})
    assert streamkap.count() == 0


@pytest.mark.parametrize(("kind", "name"), OPTIONAL)
@pytest.mark.parametrize("value", [None, "", []])
def test_upstream_task_output_of_none_is_rejected(
    streamkap: StreamkapSimulator, kind: Any, name: str, value: Any
) -> None:
    streamkap.add("d1", scenarios.steady())
    with resolved(value) as output, pytest.raises(AirflowFailException, match=f"{name} is set in the DAG, but is"):
        run(make_task(kind, **{name: output}))
    assert streamkap.count() == 0


@pytest.mark.parametrize(("kind", "name"), OPTIONAL)
def test_none_in_dag_means_not_given(streamkap: StreamkapSimulator, kind: Any, name: str) -> None:
    streamkap.add("d1", scenarios.steady())
    assert run(make_task(kind, **{name: None}))["data"]["recordsLag"] == 0
    assert run(make_task(kind))["data"]["recordsLag"] == 0


@pytest.mark.parametrize(("kind", "name"), OPTIONAL)
def test_arguments_set_by_cluster_policy_count_as_given(streamkap: StreamkapSimulator, kind: Any, name: str) -> None:
    streamkap.add("d1", scenarios.steady())
    task = make_task(kind)
    setattr(task, name, "{{ params.nothing }}")
    with pytest.raises(AirflowFailException, match=f"{name} is set in the DAG, but is"):
        run(task, params={"nothing": None})
    task = make_task(kind, **{name: "{{ params.nothing }}"})
    setattr(task, name, None)
    assert run(task)["data"]["recordsLag"] == 0


@pytest.mark.parametrize(("kind", "name"), OPTIONAL)
def test_operator_copies_remember_given_arguments(kind: Any, name: str) -> None:
    task = copy.deepcopy(copy.copy(make_task(kind, **{name: "{{ params.nothing }}"})))
    with pytest.raises(AirflowFailException, match=f"{name} is set in the DAG, but is"):
        run(task, params={"nothing": None})


@pytest.mark.parametrize("kind", [SENSOR, OPERATOR])
@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("name", ["destination_id", "streamkap_conn_id"])
def test_required_argument_rendered_to_none_is_rejected(
    streamkap: StreamkapSimulator, kind: Any, native: bool, name: str
) -> None:
    said = {
        "destination_id": "destination_id or destination_name is set in the DAG, but has no value in this run: got",
        "streamkap_conn_id": f"is set in the DAG, but is {None if native else repr('None')} in this run: the templ",
    }
    task = make_task(kind, native, **{name: "{{ params.nothing }}"})
    with pytest.raises(AirflowFailException, match=said[name]):
        run(task, params={"nothing": None})
    assert streamkap.count() == 0


@pytest.mark.parametrize("kind", [SENSOR, OPERATOR])
def test_list_with_an_id_rendered_to_none_is_rejected(streamkap: StreamkapSimulator, kind: Any) -> None:
    task = make_task(kind, destination_id=["d1", "{{ params.nothing }}"])
    with pytest.raises(AirflowFailException, match=r"has no value in this run: got \['d1', 'None'\] and None"):
        run(task, params={"nothing": None})
    assert streamkap.count() == 0


# Mapped tasks: Airflow creates the operator in the worker, with the mapped values.


def unmapped(mapped: Any, context: Any, **values: Any) -> Any:
    """Unmap an operator as Airflow does in the worker: create it, then render its templates."""
    task = mapped.unmap(values)
    task._do_render_template_fields(task, mapped.template_fields, context, mapped.dag.get_template_env(), set())
    return without_points(task)


@pytest.mark.parametrize(("kind", "name"), OPTIONAL)
def test_mapped_argument_without_value_is_rejected(streamkap: StreamkapSimulator, kind: Any, name: str) -> None:
    streamkap.add("d1", scenarios.steady())
    context: Any = {"ti": TaskInstance(), "params": {"nothing": None}}
    with dag():
        upstream = BaseOperator(task_id="up")
        one = kind.partial(**common(kind), destination_id="d1").expand(**{name: upstream.output})
    with pytest.raises(AirflowFailException, match=f"{name} is set in the DAG, but is None in this run"):
        unmapped(one, context, **{name: None}).execute(context)
    with dag():
        upstream = BaseOperator(task_id="up")
        many = kind.partial(**common(kind)).expand_kwargs(upstream.output)
    with pytest.raises(AirflowFailException, match=f"{name} is set in the DAG, but is None in this run"):
        unmapped(many, context, destination_id="d1", **{name: None}).execute(context)
    assert unmapped(many, context, destination_id="d1").execute(context)["data"]["recordsLag"] == 0


@pytest.mark.parametrize(("kind", "name"), OPTIONAL)
def test_mapped_task_keeps_common_arguments(streamkap: StreamkapSimulator, kind: Any, name: str) -> None:
    streamkap.add("d1", scenarios.steady())
    context: Any = {"ti": TaskInstance(), "params": {"nothing": None}}
    with dag():
        bare = kind.partial(**common(kind), **{name: None}).expand(destination_id=["d1"])
    assert unmapped(bare, context, destination_id="d1").execute(context)["data"]["recordsLag"] == 0
    with dag():
        given = kind.partial(**common(kind), **{name: "{{ params.nothing }}"}).expand(destination_id=["d1"])
    with pytest.raises(AirflowFailException, match=f"{name} is set in the DAG, but is 'None' in this run"):
        unmapped(given, context, destination_id="d1").execute(context)


class Derived(StreamkapDestinationSensor):
    """A user's subclass that passes its arguments on."""

    def __init__(self, *, observed_after: Any = None, **kwargs: Any) -> None:
        super().__init__(observed_after=observed_after, **kwargs)


def test_subclassed_operator_can_be_mapped(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady())
    context: Any = {"ti": TaskInstance()}
    with dag():
        mapped = Derived.partial(task_id="t", confirm_interval=0).expand(destination_id=["d1"])
    assert unmapped(mapped, context, destination_id="d1").execute(context)["data"]["recordsLag"] == 0


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (SENSOR, {"destination_id": None}),
        (SENSOR, {"destination_id": "d1", "observed_after": "2026-03-02"}),
        (SENSOR, {"destination_id": "d1", "max_records_lag": -1}),
        (OPERATOR, {"destination_id": "d1", "time_unit": "second"}),
    ],
)
def test_invalid_value_in_mapped_task_is_not_retried(kind: Any, values: dict[str, Any]) -> None:
    with dag():
        mapped = kind.partial(**common(kind)).expand_kwargs(BaseOperator(task_id="up").output)
    with pytest.raises(AirflowFailException, match="|".join(values)):
        mapped.unmap(values)


# Literals.


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"observed_after": "2026-03-02T07:00:00"}, "observed_after has no time zone"),
        ({"observed_after": "2026-03-02"}, "observed_after has no time zone"),
        ({"observed_after": datetime(2026, 3, 2)}, "observed_after has no time zone"),  # noqa: DTZ001
        ({"observed_after": date(2026, 3, 2)}, "observed_after must be"),
        ({"observed_after": "yesterday"}, "observed_after must be"),
        ({"observed_after": ""}, "observed_after must be"),
        ({"destination_id": None}, "pass destination_id or destination_name"),
        ({"destination_id": ""}, "destination_id must be a non-empty string"),
        ({"destination_id": []}, "destination_id is an empty list"),
        ({"destination_id": {"d1": 1}}, "destination_id must be an id or a list of ids"),
        ({"destination_id": {"{{ params.id }}": 1}}, "destination_id must be an id or a list of ids"),
        ({"destination_id": ["d1", None]}, "destination_id must be a non-empty string"),
        ({"destination_id": ["{{ params.id }}", ""]}, "destination_id must be a non-empty string"),
        ({"deferrable": "False"}, "deferrable must be True or False; got 'False'"),
        ({"deferrable": None}, "deferrable must be True or False"),
        ({"streamkap_conn_id": None}, "streamkap_conn_id must be"),
        ({"streamkap_conn_id": ""}, "streamkap_conn_id must be"),
    ],
)
def test_invalid_sensor_literals_are_rejected_at_parse_time(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make_task(SENSOR, **arguments)


@pytest.mark.parametrize("kind", [SENSOR, OPERATOR])
def test_templates_and_task_outputs_are_not_validated_at_parse_time(kind: Any) -> None:
    with resolved("d1") as output:
        for ids in ("{{ params.id }}", "{% if true %}d1{% endif %}", ["{{ params.id }}", "d2", output], output):
            make_task(kind, destination_id=ids, streamkap_conn_id="{{ conn }}")
        for _, name in OPTIONAL:
            if name in kind.template_fields:
                for value in ("{{ data_interval_end }}", "{# nothing #}", output, lambda context, jinja_env: None):
                    make_task(kind, **{name: value})


def test_custom_template_delimiters_are_recognized() -> None:
    marks = {"variable_start_string": "<<", "variable_end_string": ">>"}
    with dag(jinja_environment_kwargs=marks):
        task = SENSOR(task_id="t", destination_id="d1", observed_after="<< params.at >>")
    context: Any = {"params": {"at": MOMENT}}
    task.render_template_fields(context)
    assert task.observed_after == MOMENT


# Runs without a data interval.


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize(("kind", "name"), OPTIONAL[:3])
def test_run_without_data_interval_is_explained_and_not_retried(kind: Any, name: str, native: bool) -> None:
    task = make_task(kind, native, **{name: "{{ data_interval_end }}"})
    with pytest.raises(AirflowFailException) as caught:
        task.render_template_fields({"dag_run": None})
    for words in (name, "'data_interval_end' is undefined", "has no data interval", "{{ dag_run.run_after }}"):
        assert words in str(caught.value)


@pytest.mark.parametrize("template", ["{{ nobody }}", "{{ nobody.at }}", ["d2", "{{ nobody }}"]])
def test_undefined_template_variable_is_explained_and_not_retried(template: Any) -> None:
    with pytest.raises(AirflowFailException, match=r"cannot be rendered from .*nobody.*: 'nobody' is undefined$"):
        make_task(SENSOR, destination_id=template).render_template_fields({})


@pytest.mark.parametrize("native", [False, True])
def test_undefined_variable_rendered_to_empty_value_is_rejected(native: bool) -> None:
    with dag(native, template_undefined=jinja2.Undefined):
        task = SENSOR(task_id="t", destination_id="d1", observed_after="{{ data_interval_end }}")
    with pytest.raises(AirflowFailException, match=r"observed_after is set in the DAG, but is '' .* no data interval"):
        run(task)


# Iterables.


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ((id_ for id_ in ("d2", "d1")), ["d2", "d1"]),
        ({"d2": 1, "d1": 2}.keys(), ["d2", "d1"]),
        ({"d3", "d1", "d2"}, ["d1", "d2", "d3"]),
        (frozenset({"d2", "d1"}), ["d1", "d2"]),
        (("d2", "d1"), ["d2", "d1"]),
        ("d1", "d1"),
    ],
)
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (SENSOR, "destination_id"),
        (SENSOR, "connector_status"),
        (SENSOR, "fail_on_status"),
        (OPERATOR, "destination_id"),
        (OPERATOR, "metrics"),
    ],
)
def test_iterables_are_converted_to_lists_on_construction(kind: Any, name: str, value: Any, kept: Any) -> None:
    # A generator can be consumed once, so each case gets its own.
    value = (item for item in kept) if isinstance(value, Iterator) else value
    task = make_task(kind, **{name: value})
    assert getattr(task, name) == kept
    assert type(getattr(task, name)) is type(kept)
    assert getattr(copy.deepcopy(task), name) == kept
    json.dumps(getattr(task, name))


def test_task_output_is_left_unchanged() -> None:
    with dag():
        upstream = BaseOperator(task_id="up")
        output: Any = upstream.output
        task = OPERATOR(task_id="t", destination_id=output, metrics=output)
    assert task.upstream_task_ids == {"up"}


class Lazy(Sequence[Any]):
    """A sequence that is not a list, like the XCom of a mapped task."""

    def __init__(self, *items: Any) -> None:
        self.items = items

    def __getitem__(self, index: Any) -> Any:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)


def test_lazy_sequences_of_metrics_and_ids(streamkap: StreamkapSimulator) -> None:
    streamkap.add("d1", scenarios.steady())
    with resolved(Lazy("recordsLag", "latency")) as names, resolved(Lazy("d1")) as ids:
        snapshots = run(make_task(OPERATOR, destination_id=ids, metrics=names))
    assert list(snapshots["d1"]["data"]) == ["recordsLag", "latency"]
    for empty in (Lazy(), Lazy("recordsLag", None)):
        with (
            resolved(empty) as names,
            pytest.raises(AirflowFailException, match=r"metrics (is set in the DAG|must be)"),
        ):
            run(make_task(OPERATOR, metrics=names))


# Numeric ids.


@pytest.mark.parametrize("kind", [SENSOR, OPERATOR])
@pytest.mark.parametrize("ids", [DIGITS, [DIGITS, "d1"]])
def test_numeric_id_survives_native_rendering(streamkap: StreamkapSimulator, kind: Any, ids: Any) -> None:
    streamkap.add(DIGITS, scenarios.steady())
    streamkap.add("d1", scenarios.steady())
    result = run(make_task(kind, True, destination_id="{{ params.ids }}"), params={"ids": ids})
    assert (result["destination_id"] if ids == DIGITS else list(result)) == ids


@pytest.mark.parametrize("kind", [SENSOR, OPERATOR])
def test_numeric_id_that_lost_digits_in_native_rendering_is_explained(streamkap: StreamkapSimulator, kind: Any) -> None:
    context = {"params": {"id": "67000000000000000000e001"}}
    with pytest.raises(AirflowFailException, match=r"number .*render_template_as_native_obj=True.*quote the template"):
        run(make_task(kind, True, destination_id="{{ params.id }}"), **context)
    streamkap.add("67000000000000000000e001", scenarios.steady())
    assert run(make_task(kind, True, destination_id="'{{ params.id }}'"), **context)["data"]["recordsLag"] == 0
