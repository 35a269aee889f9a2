# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The provider info: valid for Airflow's schemas, and matching the package."""

from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from airflow.triggers.base import BaseTrigger

import airflow_provider_streamkap
from airflow_provider_streamkap._compat import BaseHook, BaseOperator, BaseSensorOperator
from airflow_provider_streamkap.get_provider_info import get_provider_info
from airflow_provider_streamkap.plugin import StreamkapPlugin

ROOT = Path(__file__).parents[2]
KINDS: dict[str, tuple[type, ...]] = {
    "hooks": (BaseHook,),
    "operators": (BaseOperator,),
    "sensors": (BaseSensorOperator,),
    "triggers": (BaseTrigger,),
}


def schema(name: str) -> Any:
    """Read a JSON schema of the installed Airflow."""
    spec = find_spec("airflow")
    assert spec
    assert spec.submodule_search_locations
    return json.loads((Path(spec.submodule_search_locations[0]) / name).read_text())


def test_dict_follows_strict_schema() -> None:
    info: dict[str, object] = dict(get_provider_info())
    strict = schema("provider.yaml.schema.json")
    if "dependencies" in strict["required"]:
        # 2.11 requires the dependencies here, later versions forbid them, and none reads them.
        info["dependencies"] = []
    # Keys that older versions do not know and ignore.
    for key in {"asset-uris", "cli"} - set(strict["properties"]):
        del info[key]
    jsonschema.Draft7Validator(strict).validate(info)


def test_dict_follows_schema_that_airflow_applies() -> None:
    jsonschema.Draft7Validator(schema("provider_info.schema.json")).validate(get_provider_info())


def test_name_and_version_match_distribution() -> None:
    info: Any = get_provider_info()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert info["package-name"] == project["name"]
    assert info["versions"][0] == airflow_provider_streamkap.__version__
    assert version(project["name"]) == airflow_provider_streamkap.__version__


@pytest.mark.parametrize("kind", KINDS)
def test_listed_modules_are_public_ones_of_package(kind: str) -> None:
    info: Any = get_provider_info()
    listed = {name for entry in info[kind] for name in entry["python-modules"]}
    package = importlib.import_module(f"airflow_provider_streamkap.{kind}")
    present = set()
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if found.name.rpartition(".")[2].startswith("_"):
            continue
        module = importlib.import_module(found.name)
        own = (item for item in vars(module).values() if isinstance(item, type) and item.__module__ == found.name)
        if any(issubclass(item, KINDS[kind]) for item in own):
            present.add(found.name)
    assert listed == present


def test_every_named_integration_is_described() -> None:
    info: Any = get_provider_info()
    described = {entry["integration-name"] for entry in info["integrations"]}
    assert {entry["integration-name"] for kind in KINDS for entry in info[kind]} == described


def test_connection_type_matches_hook() -> None:
    info: Any = get_provider_info()
    for entry in info["connection-types"]:
        module, _, name = entry["hook-class-name"].rpartition(".")
        hook = getattr(importlib.import_module(module), name)
        assert (hook.conn_type, hook.hook_name) == (entry["connection-type"], entry["hook-name"])


def test_extra_links_match_plugin() -> None:
    links = {f"{type(link).__module__}.{type(link).__name__}" for link in StreamkapPlugin.operator_extra_links}
    assert set(get_provider_info()["extra-links"]) == links  # type: ignore[call-overload]


def test_returned_dict_can_be_modified() -> None:
    first: Any = get_provider_info()
    first["connection-types"].clear()
    assert get_provider_info() != first


def test_reading_dict_imports_only_what_airflow_has_loaded() -> None:
    code = """
import importlib, json, sys, typing, urllib.parse
before = set(sys.modules)
import airflow_provider_streamkap.get_provider_info as module
module.get_provider_info()
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert set(json.loads(done.stdout)) <= {
        "__future__",
        "airflow_provider_streamkap",
        "airflow_provider_streamkap.api",
        "airflow_provider_streamkap.api.checks",
        "airflow_provider_streamkap.api.options",
        "airflow_provider_streamkap.get_provider_info",
    }
