# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The demo recording: a valid picture that shows the complete output in order."""

from __future__ import annotations

import re
import sys
from xml.etree import ElementTree

import pytest

from scripts.record_demo import ROWS, SPEED, draw, record
from tests.docs.pages import DOCS

TEXT = "{http://www.w3.org/2000/svg}text"


def texts(picture: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(picture).iter(TEXT))


def test_all_lines_are_present_in_order() -> None:
    lines = texts(draw("make demo", [(1.0, "a <b> & c"), (2.0, ""), (2.0, "d")]))
    assert [line.text for line in lines] == ["$ make demo", "a <b> & c", "d"]


def test_lines_appear_at_recorded_times() -> None:
    lines = texts(draw("make demo", [(1.0, "first"), (6.0, "second")]))
    durations = [float(re.findall(r"animation-duration:([\d.]+)s", line.attrib["style"])[0]) for line in lines]
    assert durations == pytest.approx([0, 1 / SPEED, 6 / SPEED], abs=0.005)


def test_last_frame_stays_visible() -> None:
    picture = draw("make demo", [(float(row), f"line {row}") for row in range(1, ROWS + 10)])
    (resting,) = re.findall(r"\.page \{ transform: translateY\(-(\d+)px\)", picture)
    last = float(texts(picture)[-1].attrib["y"])
    (view,) = re.findall(r'<svg x="\d+" y="\d+" width="\d+" height="(\d+)">', picture)
    assert 0 < last - float(resting) <= float(view)


def test_command_is_recorded() -> None:
    lines = record([sys.executable, "-c", "print('one'); print('two')"])
    assert [text for _, text in lines] == ["one", "two"]
    assert sorted(seconds for seconds, _ in lines) == [seconds for seconds, _ in lines]


def test_failed_demo_makes_no_picture() -> None:
    with pytest.raises(SystemExit):
        record([sys.executable, "-c", "raise SystemExit(3)"])


def test_committed_picture_shows_successful_demo() -> None:
    lines = [line.text or "" for line in texts((DOCS / "images" / "demo.svg").read_text(encoding="utf-8"))]
    assert lines[0] == "$ make demo"
    assert "nothing is left running" in lines[-1]
    assert any("The gate is open" in line for line in lines)
    assert not any(re.search(r"  failed\b", line) for line in lines)
