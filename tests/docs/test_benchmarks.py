# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Tables that benchmarks print and insert into pages, and the claims of the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.cost.crowd import Figures
from benchmarks.cost.plan import Crowd
from benchmarks.cost.report import Results, tables
from benchmarks.pages import marks, write


def rows(text: str, heading: str) -> list[dict[str, str]]:
    """Parse the table below a heading."""
    after = text[text.index(heading) :].splitlines()
    first = next(number for number, line in enumerate(after) if line.startswith("|"))
    table = []
    for line in after[first:]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split("|")])
    return [dict(zip(table[0], row, strict=True)) for row in table[2:]]


def test_results_are_inserted_between_page_markers(tmp_path: Path) -> None:
    begin, end = marks("some")
    page = tmp_path / "page.md"
    page.write_text(f"before\n{begin}\nold\n{end}\nafter\n", encoding="utf-8")
    write(page, "some", "new")
    assert page.read_text(encoding="utf-8") == f"before\n{begin}\n\nnew\n\n{end}\nafter\n"
    with pytest.raises(ValueError, match="no place for the results"):
        write(page, "others", "new")


def test_figures_are_computed_per_wait_and_poll() -> None:
    crowd = Crowd("streamkap", 1_000, 100, 10.0)
    figures = Figures(
        requests=200, seconds=20.0, connections=7, tokens=1, cpu=0.4, lag_p99=0.002, lag_max=0.01, fired=1_000
    )
    sleeping, memory = Figures(traced=2048.0), Figures(traced=6144.0, rss=8192.0)
    lines = tables(
        Results(
            bare={"requests": 0.001, "aiohttp": 0.0004},
            side_by_side={"a thousand": [(crowd, figures)]},
            growth=[(Crowd("streamkap", 100, 100, 10.0, moving=True), figures)],
            memory=[(Crowd("idle", 10, 1, 1.0), sleeping), (Crowd("streamkap", 10, 1, 1.0), memory)],
        )
    )
    assert "requests 1.00 ms, aiohttp 0.40 ms" in lines
    (row,) = rows(lines, "a thousand")
    assert (row["requests a second"], row["destinations / interval"]) == ("10.0", "10.0")
    # 1,000 waits poll twice in 20 s.
    assert (row["processor ms per wait and poll"], row["in bare requests"]) == ("0.200", "0.50")
    assert row["share of one processor"] == "2.0%"
    assert [row["beyond one that sleeps"] for row in rows(lines, "**Memory**")] == ["0.0", "4.0"]
    assert "the lag changes at every poll" in lines


PAGE = (Path(__file__).parents[2] / "docs" / "performance.md").read_text(encoding="utf-8")
OURS = "StreamkapDestinationTrigger"
SIZES = ("**1,000 waits on 100 destinations, every 10 s**", "**10,000 waits on 1,000 destinations, every 60 s**")


@pytest.mark.parametrize("size", SIZES)
def test_page_shows_one_poll_for_all_waits_of_destination(size: str) -> None:
    ours, *_ = (row for row in rows(PAGE, size) if row["trigger"] == OURS)
    (http,) = (row for row in rows(PAGE, size) if row["trigger"] == "HttpSensorTrigger")
    assert float(ours["requests a second"]) <= 1.1 * float(ours["destinations / interval"])
    assert ours["tokens"] == "1"
    cost = "processor ms per wait and poll"
    assert float(ours[cost]) <= float(http[cost]) / 20
    assert float(ours["in bare requests"]) < 1
    late, _ = ours["loop late: p99, most (ms)"].split(", ")
    assert float(late) < 20
    assert ours["fired"] == ours["waits"]


@pytest.mark.parametrize("size", SIZES)
def test_page_shows_comparisons(size: str) -> None:
    names = {row["trigger"].partition(",")[0] for row in rows(PAGE, size)}
    assert names == {OURS, "HttpSensorTrigger", "FivetranTrigger"}


def test_page_shows_every_mode_succeeding() -> None:
    assert {row["ended as"] for row in rows(PAGE, "| way to wait")} == {"success"}
    crowd = {row["figure"]: row["value"] for row in rows(PAGE, "| figure")}
    assert crowd["ended as"] == "200 success"


def test_page_shows_lists_read_concurrently() -> None:
    measured = rows(PAGE, "| task | destinations |")
    assert {row["task"] for row in measured} == {"operator", "sensor, one poll", "deferrable sensor, first look"}
    assert max(float(row["ratio"]) for row in measured) <= 1.5
