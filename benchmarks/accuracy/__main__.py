# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Run the accuracy simulations and print the tables; fail if a guaranteed configuration opens early.

One simulation has destinations only, the other one whole pipelines.

Usage: ``python -m benchmarks.accuracy``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.accuracy.configurations import CONFIGURATIONS, OBSERVED
from benchmarks.accuracy.exporter_behavior import CONVENTIONS
from benchmarks.accuracy.faults import FAULTS
from benchmarks.accuracy.pipeline_report import pipeline_tables
from benchmarks.accuracy.pipeline_trial import PIPELINE_CONFIGURATIONS
from benchmarks.accuracy.pipeline_verdicts import PipelineVerdict, pipeline_verdicts
from benchmarks.accuracy.report import tables
from benchmarks.accuracy.verdicts import Verdict, parallel_verdicts
from benchmarks.doc_sections import replace_section

RESULTS = "accuracy"
PIPELINE_RESULTS = "pipeline accuracy"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line.

    :param arguments: command line arguments.
    :returns: 1 if a guaranteed configuration opened early, else 0.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("--rounds", type=int, default=25, help="destinations per fault and convention; 0: skip them")
    parser.add_argument("--pipeline-rounds", type=int, default=10, help="pipelines per fault; 0: skip them")
    parser.add_argument("--seed", type=int, default=1, help="random seed")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="also write the tables to this page")
    options = parser.parse_args(arguments)
    violations = 0
    if options.rounds:
        verdicts = parallel_verdicts(options.seed, options.rounds, CONFIGURATIONS)
        _show(options.write, RESULTS, f"{summary(options.seed, options.rounds, verdicts)}\n\n{tables(verdicts)}")
        violations += len(broken_guarantees(verdicts))
    if options.pipeline_rounds:
        found = pipeline_verdicts(options.seed, options.pipeline_rounds, parallel=True)
        text = f"{pipeline_summary(options.seed, options.pipeline_rounds, found)}\n\n{pipeline_tables(found)}"
        _show(options.write, PIPELINE_RESULTS, text)
        violations += len(broken_pipeline_guarantees(found))
    if violations:
        print(f"\n{violations} waits of guaranteed configurations opened early", file=sys.stderr)
    return 1 if violations else 0


def _show(page: Path | None, section: str, text: str) -> None:
    print(text, end="\n\n")
    if page:
        replace_section(page, section, text)


def broken_pipeline_guarantees(verdicts: Sequence[PipelineVerdict]) -> list[PipelineVerdict]:
    """Return the verdicts of guaranteed waits that opened early under a covered fault, against the responses."""
    guaranteed = {config.name for config in PIPELINE_CONFIGURATIONS if config.guaranteed}
    return [one for one in verdicts if one.config in guaranteed and one.covered and one.contradicted]


def pipeline_summary(seed: int, rounds: int, verdicts: Sequence[PipelineVerdict]) -> str:
    """Summarize the simulation of pipelines."""
    pipelines = len({one.seed for one in verdicts})
    return (
        f"`python -m benchmarks.accuracy --rounds 0 --seed {seed} --pipeline-rounds {rounds}`: {pipelines:,} "
        f"pipelines, {len(verdicts):,} waits."
    )


def broken_guarantees(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return the verdicts of guaranteed configurations that opened early under a covered fault."""
    return [one for one in verdicts if one.config.guaranteed and one.fault.covered and one.early is not None]


def summary(seed: int, rounds: int, verdicts: Sequence[Verdict]) -> str:
    """Summarize the simulation and the confidence bound that a count of zero implies."""
    destinations = rounds * len(FAULTS) * len(CONVENTIONS)
    configs = sum(config.guaranteed for config in CONFIGURATIONS)
    waits = sum(one.config is OBSERVED and one.fault.covered for one in verdicts)
    # With no event in n independent trials, a share of more than 3/n is ruled out at 95 %.
    return (
        f"`python -m benchmarks.accuracy --seed {seed} --rounds {rounds}`: {destinations:,} destinations, "
        f"{len(verdicts):,} waits. The {configs} guaranteed configurations opened early in "
        f"{len(broken_guarantees(verdicts))} waits. Each configuration has {waits:,} waits; zero early openings among "
        f"them mean a rate below {300 / waits:.2f} % (95 % confidence) under these fault rates."
    )


if __name__ == "__main__":
    raise SystemExit(main())
