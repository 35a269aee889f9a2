# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Make a virtual environment with one Airflow version and this checkout: what `make` calls before all else.

Runs on the bare interpreter of a machine that has nothing else, so it imports only the standard library.
"""

from __future__ import annotations

import argparse
import ast
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The home of uv, which makes and fills the other environments.
TOOLS = ROOT / ".venv"
NEWEST = "3.3.2"
FLOORS = "floors"
# Of an older Airflow, the day up to which its dependencies are looked for. An Airflow does not bound them: 3.0.6
# and 3.2.2 install with later pydantic and fastapi and then fail every task. Our own dependencies come after
# that, of today.
RELEASED = {"2.11.2": "2026-03-14", "3.0.6": "2025-08-29", "3.1.8": "2026-03-11", "3.2.2": "2026-06-15"}
# 3.0 draws the connection form of a provider only where the FAB provider has brought wtforms. The other version is that
# of Airflow's official constraints, which managed Airflows enforce; it lacks what later ones offer to providers.
BESIDES = {"3.0.6": ["apache-airflow-providers-fab", "apache-airflow-providers-common-compat==1.7.3"]}
# 2.11 and 3.0 stop at Python 3.12, and so does the Redis of the group `distributed`.
UP_TO_3_12 = ">=3.11,<3.13"
PYTHONS = {"2.11.2": UP_TO_3_12, "3.0.6": UP_TO_3_12, FLOORS: UP_TO_3_12, "distributed": UP_TO_3_12}


def run(*command: str | Path, env: dict[str, str] | None = None) -> None:
    """Run a command and stop this program if it fails."""
    words = [str(word) for word in command]
    print("+", *words, flush=True)
    code = subprocess.run(words, check=False, cwd=ROOT, env=env).returncode
    if code:
        raise SystemExit(f"{words[0]} ended with {code}")


def uv_environment() -> dict[str, str]:
    """
    Return the environment for uv, with what the machine has told pip about its index and certificates.

    uv does not read pip's configuration, and on a machine behind a mirror only pip may know of it.
    """
    env = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    told = {"UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_CONFIG_FILE"} & env.keys()
    settings = pip_settings()
    if not told and "index-url" in settings:
        env["UV_DEFAULT_INDEX"] = settings["index-url"]
    if "cert" in settings:
        env.setdefault("SSL_CERT_FILE", settings["cert"])
    # An interpreter that the machine has is better than one to download.
    env.setdefault("UV_PYTHON_PREFERENCE", "system")
    # A cache on another file system cannot be linked from, and uv would say so for every package.
    env.setdefault("UV_LINK_MODE", "copy" if not same_device() else "hardlink")
    return env


def pip_settings() -> dict[str, str]:
    """Return what pip's environment variables and files say, by names such as ``index-url``."""
    # Not `pip config get`: older ones leave out the file of the whole machine.
    command = [str(TOOLS / "bin" / "python"), "-m", "pip", "config", "list"]
    listed = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    found = {}
    # The last one wins, and a variable of the environment over every file.
    for section in ("global", "install", ":env:"):
        for line in listed.splitlines():
            key, _, value = line.partition("=")
            if key.startswith(f"{section}."):
                found[key[len(section) + 1 :]] = str(ast.literal_eval(value))
    return found


def same_device() -> bool:
    """Return whether uv's cache and this checkout are on one file system."""
    cache = Path(os.environ.get("UV_CACHE_DIR") or Path.home() / ".cache")
    while not cache.exists():
        cache = cache.parent
    return cache.stat().st_dev == ROOT.stat().st_dev


def make_tools() -> None:
    """Make the environment that holds uv, if it is not there yet."""
    if (TOOLS / "bin" / "uv").exists():
        return
    if sys.version_info < (3, 11):
        raise SystemExit(f"Python 3.11 or later is needed, {sys.executable} is {sys.version.split()[0]}")
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        raise SystemExit(
            f"{sys.executable} cannot make virtual environments: install python3-venv, or say make PYTHON=..."
        ) from None
    run(sys.executable, "-m", "venv", "--clear", TOOLS)
    run(TOOLS / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv>=0.7")


def make(folder: Path, airflow: str, groups: list[str]) -> None:
    """
    Fill an environment with an Airflow, this checkout and groups of `pyproject.toml`.

    :param folder: where the environment is or shall be
    :param airflow: exact version of Airflow, or "floors" for the least of everything that is declared
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
    # Without bytecode every process of Airflow would take three more seconds to start.
    install: list[str | Path] = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python]
    chosen = [word for group in groups for word in ("--group", group)]
    if airflow == FLOORS:
        least = ("--resolution", "lowest-direct", "--exclude-newer", RELEASED["2.11.2"])
        run(*install, "--editable", ROOT, *least, env=env)
        run(*install, *chosen, env=env)
        return
    pinned = f"apache-airflow=={airflow}"
    if airflow in RELEASED:
        run(*install, pinned, *BESIDES.get(airflow, []), "--exclude-newer", RELEASED[airflow], env=env)
    run(*install, pinned, "--editable", ROOT, *chosen, env=env)


def make_locked(folder: Path, lock: Path) -> None:
    """
    Fill an environment with exactly what a file lists.

    :param folder: where the environment is or shall be
    :param lock: requirements with versions and hashes
    """
    make_tools()
    env = uv_environment()
    uv, python = TOOLS / "bin" / "uv", folder / "bin" / "python"
    if not python.exists():
        run(uv, "venv", "--quiet", "--python", f"{sys.version_info[0]}.{sys.version_info[1]}", folder, env=env)
    run(uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, lock, env=env)


def main() -> None:
    """Read the command line and make the environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--airflow", default=NEWEST, choices=[*RELEASED, NEWEST, FLOORS])
    parser.add_argument("--group", action="append", default=[], help="a dependency group of pyproject.toml")
    parser.add_argument("--locked", type=Path, help="a file of requirements with hashes, and nothing else")
    options = parser.parse_args()
    if options.locked:
        make_locked(options.folder.absolute(), options.locked)
        return
    make(options.folder.absolute(), options.airflow, options.group)


if __name__ == "__main__":
    main()
