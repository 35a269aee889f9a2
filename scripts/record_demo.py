# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Record the demo as an animated SVG: ``python -m scripts.record_demo`` writes ``docs/images/demo.svg``.

Runs ``python -m scripts.demo``, records when each line of output arrives, and draws a terminal that replays the lines
at a higher speed. Without animation support, the image shows the end of the output.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SPEED = 15
ROWS = 46
FONT, CHARACTER, LINE, EDGE = 13, 7.83, 17, 16
COLOURS = {"success": "#3fb950", "failed": "#f85149", "deferred": "#bc8cff", "up_for_reschedule": "#39c5cf"}

Line = tuple[float, str]


def record(command: Sequence[str]) -> list[Line]:
    """
    Run a command and return its output lines with their times in seconds.

    :raises SystemExit: if it fails
    """
    began = time.monotonic()
    lines: list[Line] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        for text in process.stdout:
            print(text, end="", flush=True)
            lines.append((time.monotonic() - began, text.rstrip()))
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed with exit code {process.returncode}")
    return lines


def draw(prompt: str, lines: Sequence[Line]) -> str:
    """Draw an animated terminal."""
    lines = [(0.0, f"$ {prompt}"), *lines]
    times = [seconds / SPEED for seconds, _ in lines]
    columns = max(len(text) for _, text in lines)
    width, height = round(columns * CHARACTER + 2 * EDGE), ROWS * LINE + 2 * EDGE
    rows = "\n".join(
        f'<text y="{(row + 1) * LINE - 4}" style="animation-duration:{times[row]:.2f}s{_colour(text)}">'
        f"{escape(text)}</text>"
        for row, (_, text) in enumerate(lines)
        if text
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>{escape(prompt)}, recorded at {SPEED}x speed</title>
<style>
text {{ font: {FONT}px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #c9d1d9;
  white-space: pre; animation: hidden 0s step-end backwards; }}
@keyframes hidden {{ from, to {{ opacity: 0; }} }}
.page {{ transform: translateY({-_scrolled(len(lines))}px); animation: scroll {times[-1]:.2f}s step-end backwards; }}
@keyframes scroll {{ {_scrolling(times)} }}
@media (prefers-reduced-motion: reduce) {{ text, .page {{ animation: none; }} }}
</style>
<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>
<svg x="{EDGE}" y="{EDGE}" width="{width - 2 * EDGE}" height="{height - 2 * EDGE}"><g class="page">
{rows}
</g></svg>
</svg>
"""


def _scrolled(shown: int) -> int:
    return max(shown - ROWS, 0) * LINE


def _scrolling(times: Sequence[float]) -> str:
    # The scroll position changes when a line arrives; several lines can arrive at the same time.
    steps: dict[str, int] = {}
    for row, seconds in enumerate(times):
        steps[f"{100 * seconds / times[-1]:.3f}"] = _scrolled(row + 1)
    return " ".join(f"{at}% {{ transform: translateY({-offset}px); }}" for at, offset in steps.items())


def _colour(text: str) -> str:
    words = text.split()
    colour = next((COLOURS[word] for word in words if word in COLOURS), None)
    return f";fill:{colour}" if colour and len(words) <= 4 else ""


def main() -> None:
    """Record the demo and write the image."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "demo.svg", help="default: %(default)s")
    options = parser.parse_args()
    lines = record([sys.executable, "-m", "scripts.demo"])
    options.out.write_text(draw("make demo", lines), encoding="utf-8")
    print(options.out)


if __name__ == "__main__":
    main()
