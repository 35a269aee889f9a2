# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A few minutes of a triggerer's life, lived in seconds: what they leave behind; and what counts as growth."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from benchmarks.doc_sections import markers
from benchmarks.soak import __main__ as command
from benchmarks.soak.plan import FULL
from benchmarks.soak.report import draw
from benchmarks.soak.sample import LEAK_METRICS, Sample, growth

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "soak-test.md"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="what a process holds is read from /proc")
def test_nothing_is_left_when_all_waits_have_gone() -> None:
    # In a process of its own, since everything in it is counted.
    asked = [sys.executable, "-m", "benchmarks.soak", "--quick"]
    done = subprocess.run(asked, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "Leaks: none." in done.stdout


def lived(of: Callable[[int], float]) -> list[Sample]:
    """Give the samples of an hour in which everything is as large as the minute says."""
    samples = []
    for minute in range(1, FULL.minutes + 1):
        figures: dict[str, Any] = {name: round(of(minute)) for name, _, _ in LEAK_METRICS}
        samples.append(Sample(minute=minute, begun=minute, requests=minute, **figures))
    return samples


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_what_does_not_grow_passes_however_much_it_trembles(noise: float) -> None:
    random = Random(1)
    assert command.grown(lived(lambda _: 1000 * (1 + noise * random.uniform(-1, 1))), FULL.settled) == []


def test_what_grows_fails_even_if_it_trembles() -> None:
    random = Random(2)
    grown = command.grown(lived(lambda minute: 1000 + 5 * minute + random.uniform(-50, 50)), FULL.settled)
    assert len(grown) == len(LEAK_METRICS)
    assert all("grew by" in line for line in grown)


def test_what_grows_before_the_waits_are_all_there_does_not_count() -> None:
    assert command.grown(lived(lambda minute: 100 * min(minute, FULL.settled)), FULL.settled) == []


def test_what_comes_near_to_its_bound_oftener_does_not_grow() -> None:
    assert command.grown(lived(lambda minute: 18 if minute % 5 == 0 or minute > 40 else 14), FULL.settled) == []


def test_growth_is_that_of_the_line() -> None:
    trend = growth([0, 1, 2, 3], [10, 12, 14, 16])
    assert (trend.mean, trend.hourly, trend.noise) == pytest.approx((13, 120, 0))
    assert trend.higher


def test_the_picture_is_a_picture() -> None:
    drawn = ET.fromstring(draw(FULL, lived(lambda _: 7)))
    assert len(drawn.findall("{http://www.w3.org/2000/svg}polyline")) == len(LEAK_METRICS)


def test_the_page_has_results_and_their_picture() -> None:
    text = PAGE.read_text(encoding="utf-8")
    begin, end = markers(command.RESULTS)
    results = text.partition(begin)[2].partition(end)[0]
    assert "Leaks: none." in results
    assert f"minutes at {FULL.speed:.0f}x speed" in results
    picture = (PAGE.parent / command.CHART).read_text(encoding="utf-8")
    # The one was drawn when the other was written.
    assert results.partition(" waits on ")[0].rpartition(" ")[2] in picture
