# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Create a virtual environment with one Airflow version and this checkout. Called by `make` before everything else.

Runs before anything is installed, so it imports only the standard library.
"""

from __future__ import annotations

import argparse
import ast
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Contains uv, which creates the other environments.
TOOLS = ROOT / ".venv"
NEWEST = "3.3.2"
FLOORS = "floors"
# Cut-off date for the dependencies of older Airflow versions. Airflow does not set upper bounds: with current versions
# of pydantic and fastapi, 3.0.6 and 3.2.2 install but fail every task. The project's own dependencies are installed
# afterwards, without a cut-off date.
RELEASED = {"2.11.2": "2026-03-14", "3.0.6": "2025-08-29", "3.1.8": "2026-03-11", "3.2.2": "2026-06-15"}
# Airflow 3.0 renders a provider's connection form only if the FAB provider, which installs wtforms, is present. The
# pinned common-compat is the version from Airflow's official constraints, which managed Airflow services enforce.
EXTRA_PACKAGES = {"3.0.6": ["apache-airflow-providers-fab", "apache-airflow-providers-common-compat==1.7.3"]}
# Airflow 2.11 and 3.0 support Python up to 3.12, and so does the Redis package of the group `distributed`.
UP_TO_3_12 = ">=3.11,<3.13"
PYTHONS = {"2.11.2": UP_TO_3_12, "3.0.6": UP_TO_3_12, FLOORS: UP_TO_3_12, "distributed": UP_TO_3_12}


def run(*command: str | Path, env: dict[str, str] | None = None) -> None:
    """Run a command and exit if it fails."""
    words = [str(word) for word in command]
    print("+", *words, flush=True)
    code = subprocess.run(words, check=False, cwd=ROOT, env=env).returncode
    if code:
        raise SystemExit(f"{words[0]} failed with exit code {code}")


def uv_environment() -> dict[str, str]:
    """
    Return the environment for uv, including pip's settings for index and certificates.

    uv does not read pip's configuration, and a package mirror may be configured only for pip.
    """
    env = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    configured = {"UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_CONFIG_FILE"} & env.keys()
    settings = pip_settings()
    if not configured and "index-url" in settings:
        env["UV_DEFAULT_INDEX"] = settings["index-url"]
    if "cert" in settings:
        env.setdefault("SSL_CERT_FILE", settings["cert"])
    # Prefer an installed interpreter over a download.
    env.setdefault("UV_PYTHON_PREFERENCE", "system")
    # Hard links do not work across file systems, and uv would warn about each package.
    env.setdefault("UV_LINK_MODE", "copy" if not same_device() else "hardlink")
    return env


def pip_settings() -> dict[str, str]:
    """Return pip's settings from environment variables and files, by name, such as ``index-url``."""
    # Not `pip config get`: older versions ignore the global configuration file.
    command = [str(TOOLS / "bin" / "python"), "-m", "pip", "config", "list"]
    listed = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    found = {}
    # Later sections take precedence; environment variables override files.
    for section in ("global", "install", ":env:"):
        for line in listed.splitlines():
            key, _, value = line.partition("=")
            if key.startswith(f"{section}."):
                found[key[len(section) + 1 :]] = str(ast.literal_eval(value))
    return found


def same_device() -> bool:
    """Return whether uv's cache and this checkout are on the same file system."""
    cache = Path(os.environ.get("UV_CACHE_DIR") or Path.home() / ".cache")
    while not cache.exists():
        cache = cache.parent
    return cache.stat().st_dev == ROOT.stat().st_dev


def make_tools() -> None:
    """Create the environment that contains uv, unless it exists."""
    if (TOOLS / "bin" / "uv").exists():
        return
    if sys.version_info < (3, 11):
        raise SystemExit(f"Python 3.11 or later is required, but {sys.executable} is {sys.version.split()[0]}")
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        raise SystemExit(
            f"{sys.executable} cannot create virtual environments: install python3-venv, or use make PYTHON=..."
        ) from None
    run(sys.executable, "-m", "venv", "--clear", TOOLS)
    run(TOOLS / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv>=0.7")


def make(folder: Path, airflow: str, groups: list[str]) -> None:
    """
    Create or update an environment with Airflow, this checkout and dependency groups.

    :param folder: path of the environment
    :param airflow: exact Airflow version, or "floors" for the lowest declared version of every dependency
    :param groups: names of dependency groups
    """
    make_tools()
    env = uv_environment()
    uv = TOOLS / "bin" / "uv"
    python = folder / "bin" / "python"
    if not python.exists():
        here = f"{sys.version_info[0]}.{sys.version_info[1]}"
        wanted = next((PYTHONS[name] for name in (airflow, *groups) if name in PYTHONS), here)
        run(uv, "venv", "--quiet", "--python", wanted, folder, env=env)
    # Precompiled bytecode saves three seconds at the start of each Airflow process.
    install: list[str | Path] = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python]
    chosen = [word for group in groups for word in ("--group", group)]
    if airflow == FLOORS:
        least = ("--resolution", "lowest-direct", "--exclude-newer", RELEASED["2.11.2"])
        run(*install, "--editable", ROOT, *least, env=env)
        run(*install, *chosen, env=env)
        return
    pinned = f"apache-airflow=={airflow}"
    if airflow in RELEASED:
        run(*install, pinned, *EXTRA_PACKAGES.get(airflow, []), "--exclude-newer", RELEASED[airflow], env=env)
    run(*install, pinned, "--editable", ROOT, *chosen, env=env)


def make_locked(folder: Path, lock: Path) -> None:
    """
    Create or update an environment with exactly the packages of a lock file.

    :param folder: path of the environment
    :param lock: requirements with versions and hashes
    """
    make_tools()
    env = uv_environment()
    uv, python = TOOLS / "bin" / "uv", folder / "bin" / "python"
    if not python.exists():
        run(uv, "venv", "--quiet", "--python", f"{sys.version_info[0]}.{sys.version_info[1]}", folder, env=env)
    run(uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, lock, env=env)


def main() -> None:
    """Create the environment given on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--airflow", default=NEWEST, choices=[*RELEASED, NEWEST, FLOORS])
    parser.add_argument(
        "--group", action="append", default=[], help="dependency group of pyproject.toml; can be repeated"
    )
    parser.add_argument("--locked", type=Path, help="install only this requirements file with hashes")
    options = parser.parse_args()
    if options.locked:
        make_locked(options.folder.absolute(), options.locked)
        return
    make(options.folder.absolute(), options.airflow, options.group)


if __name__ == "__main__":
    main()
