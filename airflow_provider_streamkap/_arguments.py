# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Validate the arguments of operators: literals when the DAG is parsed, templates when they are rendered."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from airflow_provider_streamkap._compat import AirflowFailException
from airflow_provider_streamkap.api.query import ResourceKind, is_keyed, resource_ids, resource_names

if TYPE_CHECKING:
    from airflow_provider_streamkap._compat import Context
    from airflow_provider_streamkap.api.errors import StreamkapNameError

# What a name is resolved to: an id, or an error.
Resolved = TypeVar("Resolved", str, "str | StreamkapNameError")

NO_INTERVAL = (
    "a run that was started by an asset or without a logical date has no data interval; use another time, such as "
    "{{ dag_run.run_after }}, or omit the argument"
)

#: Why a required argument can lack a value in a run.
NO_VALUE = "the template or upstream task returned nothing; return an id or a name"

_TEMPLATE_MARKS = ("{{", "{%", "{#")
# Airflow 3 leaves these out of the context of a run without a logical date.
_OF_THE_INTERVAL = re.compile(r"'((prev_)?data_interval_\w+|logical_date|[dt]s(_nodash\w*)?)' is undefined")


class CheckedArguments:
    """Mixin for operators that validate their templated arguments.

    An argument that is None in the DAG is not set. An argument that is set (to a template, the output of a task, or by
    ``expand()``) but has no value when the task runs is rejected, because the task would otherwise do something else
    than intended. An undefined variable in a template fails the task without a retry.
    """

    #: Templated arguments, and why they can lack a value in a run.
    reasons_without_value: ClassVar[Mapping[str, str]]

    # Airflow keeps the original constructor arguments, and generators among them cannot be deep-copied.
    shallow_copy_attrs: Sequence[str] = ("_BaseOperator__init_kwargs",)

    if TYPE_CHECKING:
        dag: Any
        template_fields: Any

        def has_dag(self) -> bool: ...

    _set_arguments: frozenset[str] = frozenset()
    _expanded: frozenset[str] | None = None

    def __new__(cls, *_: Any, **kwargs: Any) -> Any:
        """Record which arguments a mapped task received from ``expand()``: Airflow creates its operator at run time."""
        made = super().__new__(cls)
        if kwargs.get("_airflow_from_mapped"):
            dag = kwargs.get("dag")
            mapped = None if dag is None else dag.task_dict.get(kwargs.get("task_id"))
            expanded = kwargs.keys() - getattr(mapped, "partial_kwargs", {}).keys()
            object.__setattr__(made, "_expanded", frozenset(expanded))
        return made

    @contextmanager
    def checked(self) -> Iterator[None]:
        """Fail a mapped task without a retry if its constructor, which runs in the worker, raises ValueError.

        :raises ValueError: an argument is wrong in the DAG.
        :raises AirflowFailException: an argument of a mapped task is wrong; a retry would not help.
        """
        try:
            yield
        except ValueError as error:
            if self._expanded is None:
                raise
            raise AirflowFailException(str(error)) from error

    def record_set_arguments(self) -> None:
        """Record which of these arguments are set."""
        self._set_arguments = frozenset(name for name in self.reasons_without_value if getattr(self, name) is not None)

    def check_set_arguments(self) -> None:
        """Check that every argument that was set has a value.

        :raises ValueError: one has none; the message names it and the likely reason.
        """
        for name in self.reasons_without_value:
            value = getattr(self, name)
            if name in (self._set_arguments | (self._expanded or frozenset())) and _is_without_value(value):
                raise ValueError(
                    f"{name} is set in the DAG, but is {value!r} in this run: {self.reasons_without_value[name]}"
                )

    def is_literal(self, value: Any) -> bool:
        """Return whether a value is final when the DAG is parsed: neither a template nor the output of a task.

        :param value: an argument, or an item of one.
        """
        if isinstance(value, str):
            # A DAG can configure other delimiters than {{ }}.
            marks_unknown = self.has_dag() and self.dag.jinja_environment_kwargs
            return not marks_unknown and not any(mark in value for mark in _TEMPLATE_MARKS)
        return not _is_reference(value) and not callable(value)

    def check_literal(self, value: Any, check: Callable[[Any], object]) -> None:
        """Check an argument when the DAG is parsed, except for its templates.

        :param value: the argument, after :func:`plain`; of a list, the items that are literals are checked.
        :param check: raises ValueError.
        """
        if isinstance(value, list) and value:
            value = [item for item in value if self.is_literal(item)]
            if value:
                check(value)
        elif self.is_literal(value):
            check(value)

    def render_template_fields(self, context: Context, jinja_env: Any = None) -> None:
        """Render the templates in place."""
        # Cluster policies can set arguments after the operator was created.
        self.record_set_arguments()
        super().render_template_fields(context, jinja_env)  # type: ignore[misc]

    def render_template(self, content: Any, context: Context, *args: Any, **kwargs: Any) -> Any:
        """Render a template; fail the task without a retry if a variable is undefined.

        :raises AirflowFailException: a variable is undefined; the message names it and the likely reason.
        """
        from jinja2 import Undefined, UndefinedError

        try:
            rendered = super().render_template(content, context, *args, **kwargs)  # type: ignore[misc]
            # Native rendering returns the Undefined object. Converted to a string, it is "" or raises.
            return str(rendered) if isinstance(rendered, Undefined) else rendered
        except UndefinedError as error:
            name = next((name for name in self.template_fields if getattr(self, name, None) is content), "an argument")
            reason = f": {NO_INTERVAL}" if _OF_THE_INTERVAL.search(str(error)) else ""
            raise AirflowFailException(f"{name} cannot be rendered from {content!r}: {error}{reason}") from error


class ResourceArguments(CheckedArguments):
    """Mixin for operators on one or more resources, each passed by id or by name.

    The two arguments are those of :attr:`kind`, for example ``destination_id`` and ``destination_name``.
    """

    #: The kind of the resources.
    kind: ClassVar[ResourceKind]

    def check_resources(self) -> None:
        """Check the ids and the names when the DAG is parsed, except for templates.

        :raises ValueError: one of them is invalid, or not exactly one of the two arguments is set.
        """
        by_id, by_name = self.kind.id_name, self.kind.name_key
        given = [name for name in (by_id, by_name) if getattr(self, name) is not None]
        if not given:
            raise ValueError(f"pass {by_id} or {by_name}")
        if len(given) > 1 and all(map(self._is_final, given)):
            raise ValueError(f"pass either {by_id} or {by_name}, not both")
        for name in given:
            check = resource_ids if name == by_id else resource_names
            self.check_literal(getattr(self, name), partial(check, self.kind))

    def _is_final(self, name: str) -> bool:
        value = getattr(self, name)
        return all(map(self.is_literal, value if isinstance(value, list) else [value]))

    @property
    def _resource_argument(self) -> str:
        """The argument that is set. Of two templates, one may render to nothing.

        :raises ValueError: both have a value, or neither has.
        """
        by_id, by_name = self.kind.id_name, self.kind.name_key
        given = [name for name in (by_id, by_name) if not _is_without_value(getattr(self, name))]
        if not given:
            got = f"got {getattr(self, by_id)!r} and {getattr(self, by_name)!r}"
            raise ValueError(f"{by_id} or {by_name} is set in the DAG, but has no value in this run: {got}; {NO_VALUE}")
        if len(given) > 1:
            raise ValueError(f"exactly one of {by_id} and {by_name} must have a value in a run, but both have")
        return given[0]

    @property
    def by_name(self) -> bool:
        """Whether the resources are passed by name."""
        return self._resource_argument == self.kind.name_key

    @property
    def keyed(self) -> bool:
        """Whether the result is a dict by id, or by name if names were passed: the argument is a list."""
        return is_keyed(getattr(self, self._resource_argument))

    def resolve_resources(
        self, resolve: Callable[[ResourceKind, Sequence[str]], Mapping[str, Resolved]]
    ) -> tuple[dict[str, Resolved], dict[str, str]]:
        """Return the ids of the resources when the task runs.

        :param resolve: resolves names: :meth:`StreamkapHook.resolve_each` or :meth:`StreamkapHook.resolve_names`.
        :returns: what each id or name was resolved to, and the names by id, empty for ids.
        :raises ValueError: an id or a name is invalid, or not exactly one of the two arguments has a value.
        """
        value = getattr(self, self._resource_argument)
        if not self.by_name:
            return {id_: id_ for id_ in resource_ids(self.kind, value)}, {}
        resolved: dict[str, Resolved] = dict(resolve(self.kind, resource_names(self.kind, value)))
        names = {id_: name for name, id_ in resolved.items() if isinstance(id_, str)}  # type: ignore[redundant-expr]
        return resolved, names


def check_conn_id(value: Any) -> None:
    """Check a connection id.

    :param value: the argument.
    :raises ValueError: it is not a string, or is blank.
    """
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"streamkap_conn_id must be the id of an Airflow connection; got {value!r}")


def plain(value: Any) -> Any:
    """Return an iterable as a list, since Airflow copies, renders and serializes arguments, and retries tasks.

    A generator could be read only once. Sets are sorted, because their order, and with it the serialized DAG, would
    differ between processes.

    :param value: an argument. Strings, mappings, None and the output of a task are returned unchanged.
    """
    if isinstance(value, str | bytes | Mapping) or _is_reference(value) or not isinstance(value, Iterable):
        return value
    return sorted(value, key=str) if isinstance(value, set | frozenset) else list(value)


def seconds(value: Any) -> Any:
    """Return a timedelta as seconds, and any other value unchanged.

    :param value: an argument.
    """
    return value.total_seconds() if isinstance(value, timedelta) else value


def rendered_number(argument: str, value: Any) -> Any:
    """Return the number of a rendered template, which is a string unless the DAG renders native objects.

    :param argument: the argument's name, for the message.
    :param value: a string; other values are returned unchanged.
    :raises ValueError: the string is not a number.
    """
    if not isinstance(value, str):
        return value
    for kind in (int, float):
        with suppress(ValueError):
            return kind(value)
    raise ValueError(f"{argument} must be a number; got {value!r}")


def _is_reference(value: Any) -> bool:
    # XComArg, MappedArgument and DagParam have no common base class that all Airflow versions share.
    return hasattr(value, "iter_references")


def _is_without_value(value: Any) -> bool:
    if isinstance(value, str):
        # A template renders None to a string unless the DAG renders native objects.
        return value.strip() in ("", "None")
    if isinstance(value, list) and "None" in value:
        return True
    return value is None or (isinstance(value, Sized) and not len(value))
