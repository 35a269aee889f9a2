# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Importing the package emits no warnings and loads no HTTP library before one is needed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

# Python locates a warning by a stack level that the caller has guessed, and Airflow's shims often guess wrong. So
# each warning is attributed to the innermost frame that is neither the shim nor the import system; those from our
# files, or from no file of Airflow's, are reported.
WATCH = """
import importlib, json, pkgutil, sys, traceback, warnings

MACHINERY = ("<frozen ", "deprecation_tools.py", "lazy_compat.py", "version_compat.py", "importlib/__init__.py")
told = []

def watch(message, category, filename, lineno, file=None, line=None):
    frames = [frame.filename for frame in reversed(traceback.extract_stack()[:-1])]
    while frames and frames[0].endswith("warnings.py"):
        frames.pop(0)
    shim = frames[0]
    user = next((f for f in frames if f != shim and not any(part in f for part in MACHINERY)), shim)
    if "airflow_provider_streamkap" in user or "airflow_provider_streamkap" in filename:
        told.append(f"{category.__name__}: {message} ({user})")

warnings.showwarning = watch
warnings.simplefilter("ignore")
for category in (DeprecationWarning, PendingDeprecationWarning, FutureWarning):
    warnings.simplefilter("always", category)
"""

IMPORT_ALL = """
import airflow_provider_streamkap as package
names = [found.name for found in pkgutil.walk_packages(package.__path__, "airflow_provider_streamkap.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(json.dumps([len(names), told]))
"""


def python(code: str, *arguments: str) -> Any:
    """Run code in a fresh interpreter and parse the last line it printed as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_importing_every_module_emits_no_warning() -> None:
    modules, warned = python(WATCH + IMPORT_ALL)
    assert modules > 40
    assert warned == []


def test_own_deprecated_import_is_detected(tmp_path: Path) -> None:
    folder = tmp_path / "airflow_provider_streamkap_old"
    folder.mkdir()
    (folder / "__init__.py").write_text("import warnings\nfrom airflow_provider_streamkap_old import shim\nshim.name\n")
    (folder / "shim.py").write_text(
        "import warnings\ndef __getattr__(name):\n    warnings.warn('old', DeprecationWarning)\n    return 1\n"
    )
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}){WATCH}"
    code += "import airflow_provider_streamkap_old\nprint(json.dumps(told))"
    assert python(code)[0].startswith("DeprecationWarning: old")


# One process per module, but Airflow is imported only once, before the fork.
IMPORT_EACH = """
import importlib, json, multiprocessing, sys
from airflow_provider_streamkap import _compat
for name in _compat.__all__:
    getattr(_compat, name)
from airflow.triggers.base import BaseTrigger
before = set(sys.modules)

def added(name):
    importlib.import_module(name)
    return sorted({module.partition(".")[0] for module in set(sys.modules) - before})

names = sys.argv[1:]
with multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1) as pool:
    print(json.dumps(dict(zip(names, pool.map(added, names, chunksize=1)))))
"""


def test_dag_imports_load_no_http_library() -> None:
    parts = ("sensors.streamkap", "operators.streamkap", "hooks.streamkap", "links.streamkap", "api", "gate", "plugin")
    names = [f"airflow_provider_streamkap.{part}" for part in parts]
    loaded = python(IMPORT_EACH, *names)
    assert list(loaded) == names
    assert {name: {"aiohttp", "requests", "tenacity"} & set(modules) for name, modules in loaded.items()} == {
        name: set() for name in names
    }


def test_client_loads_http_library() -> None:
    (modules,) = python(IMPORT_EACH, "airflow_provider_streamkap.api.async_client").values()
    assert "aiohttp" in modules
