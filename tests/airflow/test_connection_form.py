# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The connection form is declared once and offered in both ways that Airflow reads it."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import airflow
import pytest

from airflow_provider_streamkap.get_provider_info import get_provider_info
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook

ROOT = Path(__file__).parents[2]
AIRFLOW = tuple(int(part) for part in airflow.__version__.split(".")[:2])
INFO: Any = get_provider_info()
FORM: Any = INFO["connection-types"][0]


def test_hook_relabels_and_hides_same_fields() -> None:
    behaviour = StreamkapHook.get_ui_field_behaviour()
    assert behaviour == {
        "hidden_fields": FORM["ui-field-behaviour"]["hidden-fields"],
        "relabeling": FORM["ui-field-behaviour"]["relabeling"],
        "placeholders": FORM["ui-field-behaviour"]["placeholders"],
    }


def test_hook_offers_same_extra_fields() -> None:
    if find_spec("flask_appbuilder") is None:
        # Airflow 3 does not include it and expects this error.
        with pytest.raises(ModuleNotFoundError) as caught:
            StreamkapHook.get_connection_form_widgets()
        assert caught.value.name in ("flask_appbuilder", "wtforms")
        return
    from wtforms import Form

    widgets = StreamkapHook.get_connection_form_widgets()
    form = type("ConnectionForm", (Form,), widgets)()
    assert {field.name: (field.label.text, field.description) for field in form} == {
        name: (field["label"], field["description"]) for name, field in FORM["conn-fields"].items()
    }
    # All of them are optional.
    assert form.validate()


# Airflow finds a provider through its distribution's metadata; this is the relevant part.
METADATA = "Metadata-Version: 2.1\nName: airflow-provider-streamkap\nVersion: 0.1.0\n"
ENTRY_POINT = (
    "[apache_airflow_provider]\nprovider_info=airflow_provider_streamkap.get_provider_info:get_provider_info\n"
)
DRAWING = """
import json, sys
sys.path[:0] = sys.argv[1:]
from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService
forms = [form for form in HookMetaService.hook_meta_data() if form.connection_type == "streamkap"]
imported = [name for name in sys.modules if name.startswith("airflow_provider_streamkap.hooks")]
print(json.dumps([imported, sorted(forms[0].extra_fields)]))
"""

if AIRFLOW >= (3, 3):
    # Earlier versions import the hook to find out what its connections support.
    def test_form_is_rendered_without_importing_hook(tmp_path: Path) -> None:
        distribution = tmp_path / "airflow_provider_streamkap-0.1.0.dist-info"
        distribution.mkdir()
        (distribution / "METADATA").write_text(METADATA)
        (distribution / "entry_points.txt").write_text(ENTRY_POINT)
        done = subprocess.run(
            [sys.executable, "-c", DRAWING, str(tmp_path), str(ROOT)], capture_output=True, text=True, check=True
        )
        assert json.loads(done.stdout.splitlines()[-1]) == [[], sorted(FORM["conn-fields"])]
