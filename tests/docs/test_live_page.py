# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The sample output on the page about the live service matches the command, run against the simulator."""

from __future__ import annotations

import re

import pytest

from airflow_provider_streamkap.testing import StreamkapSimulator, scenarios
from scripts.live.__main__ import main
from tests.docs.pages import SNIPPETS
from tests.testing.support import Clock

DESTINATION = "67ad6e0af08a2365c729ba81"


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    """Run the command against a simulated project whose clock advances only by sleeping."""
    clock = Clock()
    with StreamkapSimulator(clock=clock) as streamkap:
        streamkap.add("67ad6e0af08a2365c729ba79", scenarios.draining(lag=9000, rate=1))
        streamkap.add("67ad6e0af08a2365c729ba80", scenarios.paused(lag=0))
        orders = scenarios.pipeline(scenarios.source_idle(heartbeat="table", every=90))
        streamkap.add_pipeline("67ad6e0af08a2365c729bc01", "67ad6e0af08a2365c729bb01", DESTINATION, orders)
        clock.pass_by(1800)
        environ = {
            "STREAMKAP_HOST": streamkap.url,
            "STREAMKAP_CLIENT_ID": streamkap.client_id,
            "STREAMKAP_SECRET": streamkap.secret,
        }
        assert main([], environ, clock=clock, sleep=clock.pass_by) == 0
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8790", capsys.readouterr().out)


def test_documented_output_matches_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys) == (SNIPPETS / "live.txt").read_text(encoding="utf-8")
