# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The commands, links and code of the README are valid."""

from __future__ import annotations

import json
import re
import shlex

from airflow_provider_streamkap._compat import Connection
from airflow_provider_streamkap.hooks._connection import parse_connection
from tests.docs.pages import ROOT, SNIPPETS

README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Return the README's code blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def test_dag_matches_tested_example() -> None:
    (shown,) = blocks("python")
    tested = (SNIPPETS / "after_streamkap.py").read_text(encoding="utf-8")
    assert tested.split("\n", 4)[4] == shown


def test_dag_declares_its_tasks() -> None:
    (shown,) = blocks("python")
    namespace: dict[str, object] = {"__name__": "readme"}
    exec(compile(shown, "README.md", "exec"), namespace)
    declare = namespace["after_streamkap"]
    assert callable(declare)
    assert set(declare().task_ids) == {"wait_until_drained", "transform"}


def test_connection_is_valid() -> None:
    (line,) = [line for block in blocks("shell") for line in block.splitlines() if line.startswith("export")]
    name, _, value = shlex.split(line)[1].partition("=")
    assert name == "AIRFLOW_CONN_STREAMKAP_DEFAULT"
    given = json.loads(value)
    conn = Connection(conn_id="streamkap_default", **given)
    assert parse_connection(conn, {}, {}).settings.credentials.client_id == "my-client-id"


def test_commands_exist() -> None:
    commands = [line for block in blocks("shell") for line in block.splitlines() if line.startswith("make ")]
    assert {command.split()[1] for command in commands} == {"demo", "test"}
    for command in commands:
        assert re.search(rf"^{command.split()[1]}:", MAKEFILE, re.MULTILINE)


def test_versions_match_tested_versions() -> None:
    (tested,) = re.findall(r"^AIRFLOWS := (.*)$", MAKEFILE, re.MULTILINE)
    (shown,) = re.findall(r"is tested with ([^A-Z]+)\.\s", README)
    assert re.findall(r"[\d.]+\d", shown) == tested.split()


def test_links_resolve() -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)|src=\"([^\"]+)\"", README)
    local = [target for pair in targets for target in pair if target and "://" not in target]
    assert local
    assert [target for target in local if not (ROOT / target).exists()] == []
