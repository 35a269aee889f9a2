# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The page on faults shows the same table as the fault matrix."""

from __future__ import annotations

import re

import pytest

from airflow_provider_streamkap.api import errors
from tests.docs.pages import DOCS, table
from tests.faults import docs_tables
from tests.faults.matrix import ROWS
from tests.faults.outcomes import ATTEMPTS, FAILURES

TEXT = (DOCS / "errors.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("shown", [docs_tables.faults, docs_tables.outcomes])
def test_tables_match_fault_matrix(shown: object) -> None:
    assert callable(shown)
    # To update the page, run `python -m tests.faults.docs_tables` and paste its output.
    assert shown() in TEXT


def test_every_fault_is_listed_once() -> None:
    assert len(table("errors.md", "fault")) == len(ROWS)
    for row in ROWS:
        for meeting in row.at.values():
            assert meeting.error is None or hasattr(errors, meeting.error)


def test_settings_match_fault_matrix() -> None:
    assert re.findall(r"`(\w+)` of (\d+)", TEXT) == [
        ("max_attempts", str(ATTEMPTS)),
        ("max_poll_failures", str(FAILURES)),
    ]
