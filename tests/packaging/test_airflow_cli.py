# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What the `airflow` command shows about the installed provider, without warnings."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from airflow_provider_streamkap.get_provider_info import get_provider_info
from airflow_provider_streamkap.testing import StreamkapSimulator

PACKAGE = "airflow-provider-streamkap"
AIRFLOW = tuple(int(part) for part in version("apache-airflow").split(".")[:2])
COMPLAINT = re.compile(r"warn|error|exception|fail", re.IGNORECASE)
INFO: Any = get_provider_info()
CONNECTION: Any = INFO["connection-types"][0]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the test's interpreter with these arguments."""
    return subprocess.run(
        [sys.executable, *arguments], check=False, capture_output=True, text=True, env={**os.environ, **environment}
    )


def last_json(done: subprocess.CompletedProcess[str]) -> Any:
    """Parse the last line of the output as JSON, and check that no other line complains about the provider."""
    assert done.returncode == 0, done.stdout + done.stderr
    *others, last = done.stdout.splitlines()
    others += done.stderr.splitlines()
    assert [line for line in others if "streamkap" in line.lower() and COMPLAINT.search(line)] == []
    return json.loads(last)


def providers(*command: str) -> list[dict[str, Any]]:
    """Run `airflow providers` and return its rows."""
    rows: list[dict[str, Any]] = last_json(run("-m", "airflow", "providers", *command, "--output", "json"))
    return rows


def test_list_shows_package() -> None:
    (row,) = (row for row in providers("list") if row["package_name"] == PACKAGE)
    assert row["version"] == INFO["versions"][0]


def test_get_shows_whole_dict() -> None:
    (row,) = providers("get", PACKAGE, "--full")
    assert set(INFO) <= set(row)


def test_hooks_shows_imported_hook() -> None:
    (row,) = (row for row in providers("hooks") if row["connection_type"] == "streamkap")
    assert row["class"] == CONNECTION["hook-class-name"]
    assert row["hook_name"] == CONNECTION["hook-name"]
    assert row["conn_id_attribute_name"] == "streamkap_conn_id"


def test_links_shows_link() -> None:
    assert INFO["extra-links"] == [
        row["extra_link_class_name"] for row in providers("links") if "streamkap" in row["extra_link_class_name"]
    ]


def test_triggers_shows_module() -> None:
    shown = {row["class"] for row in providers("triggers") if row["package_name"] == PACKAGE}
    assert shown == set(INFO["triggers"][0]["python-modules"])


def test_behaviours_and_widgets_show_form() -> None:
    behaviours = {row["field_behaviours"] for row in providers("behaviours")}
    widgets = {row["connection_parameter_name"] for row in providers("widgets") if row["package_name"] == PACKAGE}
    # 3.0 and 3.1 ask the hook, which needs wtforms; only the FAB provider installs that.
    shown = AIRFLOW not in ((3, 0), (3, 1)) or find_spec("wtforms") is not None
    declared = set(CONNECTION["conn-fields"]) if shown else set()
    assert widgets == {f"extra__streamkap__{name}" for name in declared}
    assert ("streamkap" in behaviours) == shown


def test_rendered_form() -> None:
    """Return what the web interface requests when a user adds a connection."""
    code = FORM_2 if AIRFLOW < (3, 0) else FORM_3
    form = last_json(run("-c", code))
    assert form["fields"] == {name: field["label"] for name, field in CONNECTION["conn-fields"].items()}
    assert form["labels"] == CONNECTION["ui-field-behaviour"]["relabeling"]
    assert set(form["hidden"]) == set(CONNECTION["ui-field-behaviour"]["hidden-fields"])


FORM_2 = """
import json
from airflow.providers_manager import ProvidersManager
manager = ProvidersManager()
prefix = "extra__streamkap__"
behaviour = manager.field_behaviours["streamkap"]
print(json.dumps({
    "fields": {
        name.removeprefix(prefix): widget.field.args[0]
        for name, widget in manager.connection_form_widgets.items() if name.startswith(prefix)
    },
    "labels": behaviour["relabeling"],
    "hidden": behaviour["hidden_fields"],
}))
"""

FORM_3 = """
import json
from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService
(form,) = (form for form in HookMetaService.hook_meta_data() if form.connection_type == "streamkap")
standard = {name.replace("url_", ""): field for name, field in vars(form.standard_fields).items() if field}
print(json.dumps({
    "fields": {name: field["schema"]["title"] for name, field in form.extra_fields.items()},
    "labels": {name: field.title for name, field in standard.items() if field.title},
    "hidden": [name for name, field in standard.items() if field.hidden],
}))
"""


def test_valid_connection_passes_test() -> None:
    with StreamkapSimulator() as simulator:
        done = run(
            *("-m", "airflow", "connections", "test", "streamkap_default"),
            AIRFLOW_CONN_STREAMKAP_DEFAULT=simulator.airflow_connection(),
            AIRFLOW__CORE__TEST_CONNECTION="Enabled",
        )
        output = done.stdout + done.stderr
        assert done.returncode == 0, output
        assert "success" in output.lower()
        assert simulator.token_calls == 1
        assert not any(secret in output for secret in simulator.secrets)


def test_invalid_connection_fails_test_with_reason() -> None:
    with StreamkapSimulator() as simulator:
        simulator.refuse_credentials()
        done = run(
            *("-m", "airflow", "connections", "test", "streamkap_default"),
            AIRFLOW_CONN_STREAMKAP_DEFAULT=simulator.airflow_connection(),
            AIRFLOW__CORE__TEST_CONNECTION="Enabled",
        )
        output = done.stdout + done.stderr
        assert "failed" in output.lower(), output
        assert "rejected the credentials" in output
        # Before 3.3 the command exits with 0.
        assert done.returncode == (1 if AIRFLOW >= (3, 3) else 0)
        assert not any(secret in output for secret in simulator.secrets)
