# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Tables that benchmarks print and insert into pages, and the claims of the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.cost.measure import Measurements
from benchmarks.cost.plan import Workload
from benchmarks.cost.report import Results, tables
from benchmarks.doc_sections import markers, replace_section


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


def test_the_results_are_put_between_the_marks_of_a_page(tmp_path: Path) -> None:
    begin, end = markers("some")
    page = tmp_path / "page.md"
    page.write_text(f"before\n{begin}\nold\n{end}\nafter\n", encoding="utf-8")
    replace_section(page, "some", "new")
    assert page.read_text(encoding="utf-8") == f"before\n{begin}\n\nnew\n\n{end}\nafter\n"
    with pytest.raises(ValueError, match="no results section"):
        replace_section(page, "others", "new")


def test_the_figures_are_reckoned_for_each_wait_and_poll() -> None:
    workload = Workload("streamkap", 1_000, 100, 10.0)
    measured = Measurements(
        requests=200, seconds=20.0, connections=7, tokens=1, cpu=0.4, lag_p99=0.002, lag_max=0.01, fired=1_000
    )
    sleeping, memory = Measurements(traced=2048.0), Measurements(traced=6144.0, rss=8192.0)
    output = tables(
        Results(
            bare={"requests": 0.001, "aiohttp": 0.0004},
            side_by_side={"a thousand": [(workload, measured)]},
            growth=[(Workload("streamkap", 100, 100, 10.0, moving=True), measured)],
            memory=[(Workload("idle", 10, 1, 1.0), sleeping), (Workload("streamkap", 10, 1, 1.0), memory)],
        )
    )
    assert "requests 1.00 ms, aiohttp 0.40 ms" in output
    (row,) = rows(output, "a thousand")
    assert (row["requests/s"], row["destinations / interval"]) == ("10.0", "10.0")
    # 1,000 waits poll twice in 20 s.
    assert (row["CPU ms per wait and poll"], row["in bare requests"]) == ("0.200", "0.50")
    assert row["share of one CPU"] == "2.0%"
    assert [row["above idle trigger"] for row in rows(output, "**Memory**")] == ["0.0", "4.0"]
    assert "changing lag" in output


PAGE = (Path(__file__).parents[2] / "docs" / "performance.md").read_text(encoding="utf-8")
OURS = "StreamkapWaitTrigger"
SIZES = ("**1,000 waits on 100 destinations, every 10 s**", "**10,000 waits on 1,000 destinations, every 60 s**")


@pytest.mark.parametrize("size", SIZES)
def test_page_shows_one_poll_for_all_waits_of_destination(size: str) -> None:
    ours, *_ = (row for row in rows(PAGE, size) if row["trigger"] == OURS)
    (http,) = (row for row in rows(PAGE, size) if row["trigger"] == "HttpSensorTrigger")
    assert float(ours["requests/s"]) <= 1.1 * float(ours["destinations / interval"])
    assert ours["token calls"] == "1"
    cost = "CPU ms per wait and poll"
    assert float(ours[cost]) <= float(http[cost]) / 20
    assert float(ours["in bare requests"]) < 1
    late, _ = ours["loop lag: p99, max (ms)"].split(", ")
    assert float(late) < 20
    assert ours["fired"] == ours["waits"]


@pytest.mark.parametrize("size", SIZES)
def test_page_shows_comparisons(size: str) -> None:
    names = {row["trigger"].partition(",")[0] for row in rows(PAGE, size)}
    assert names == {OURS, "HttpSensorTrigger", "FivetranTrigger"}


def test_the_page_shows_every_way_to_wait_end_well() -> None:
    assert {row["final state"] for row in rows(PAGE, "| mode |")} == {"success"}
    mapped = {row["figure"]: row["value"] for row in rows(PAGE, "| figure")}
    assert mapped["final states"] == "200 success"


def test_page_shows_lists_read_concurrently() -> None:
    measured = rows(PAGE, "| task | destinations |")
    assert {row["task"] for row in measured} == {"operator", "sensor, one poll", "deferrable sensor, first poll"}
    assert max(float(row["ratio"]) for row in measured) <= 1.5
