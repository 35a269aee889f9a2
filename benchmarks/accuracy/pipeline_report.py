# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Format the results for pipelines as Markdown tables that are also readable in a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from benchmarks.accuracy.pipeline_trial import (
    ASSUME_OBSERVED,
    DESTINATION_OBSERVED,
    NAIVE_SOURCE,
    PIPELINE_CONFIGURATIONS,
    PROOF_OBSERVED,
    PipelineConfiguration,
)
from benchmarks.accuracy.pipeline_verdicts import PipelineVerdict, open_share
from benchmarks.accuracy.report import span_text, table
from benchmarks.accuracy.source_faults import FAMILIES, HEARTBEATS, SOURCE_FAULTS
from benchmarks.accuracy.verdicts import quantile

#: Seconds within which the gate of an honest pipeline with a proof should open.
SOON = 300.0

_COMPARED = {
    "destination only": DESTINATION_OBSERVED,
    "naive": NAIVE_SOURCE,
    "assume": ASSUME_OBSERVED,
    "proof": PROOF_OBSERVED,
}
_PROOFS = {
    "table, every 10 s": "heartbeat table, captured, every 10 s",
    "table, every 60 s": "heartbeat table, captured, every 60 s",
    "other tables": "changes of other captured tables",
    "MySQL, MariaDB": "MySQL or MariaDB",
    "": "none",
    "own traffic": "changes of the pipeline's tables, every minute or more often",
}


def pipeline_tables(verdicts: Sequence[PipelineVerdict]) -> str:
    """Return all tables.

    :param verdicts: the verdicts.
    """
    return "\n\n".join(
        (
            f"**Waits**, over the {sum(fault.covered for fault in SOURCE_FAULTS)} faults that the guarantee covers",
            _by_configuration([one for one in verdicts if one.covered]),
            "**Source faults** with `observed_after`: early openings, then delay and deadline of `proof`",
            _by("fault", [fault.name for fault in SOURCE_FAULTS if fault.covered], verdicts, _fault),
            "**Undetectable source faults**: the same",
            _by("fault", [fault.name for fault in SOURCE_FAULTS if not fault.covered], verdicts, _fault),
            "**Databases**: the same, over the covered faults",
            _by("database", FAMILIES, [one for one in verdicts if one.covered], _family),
            "**Heartbeats**: the same, over the covered faults",
            _by("heartbeat", HEARTBEATS, [one for one in verdicts if one.covered], _heartbeat),
            "**Without a fault**, by what proves that the capture is up to date; all but the last are quiet: delay, "
            f"and share of the waits that opened within {SOON:.0f} s",
            _honest([one for one in verdicts if one.honest]),
        )
    )


def _fault(verdict: PipelineVerdict) -> str:
    return verdict.fault


def _family(verdict: PipelineVerdict) -> str:
    return verdict.family


def _heartbeat(verdict: PipelineVerdict) -> str:
    return verdict.heartbeat


def _by_configuration(verdicts: Sequence[PipelineVerdict]) -> str:
    rows = []
    for config in PIPELINE_CONFIGURATIONS:
        if some := [one for one in verdicts if one.config == config.name]:
            early = [one for one in some if one.early is not None]
            where = Counter(one.where for one in early)
            failed = Counter(one.failure for one in some if one.failure not in (None, "deadline"))
            rows.append(
                (
                    config.name,
                    _early(some),
                    ", ".join(f"{name} {where[name]}" for name in ("source", "queue", "Kafka") if where[name]),
                    str(sum(one.contradicted for one in early)) if early else "",
                    span_text(max((one.early for one in early if one.early is not None), default=None)),
                    *_delay(some),
                    _deadline(some),
                    ", ".join(f"{name} {count}" for name, count in sorted(failed.items(), key=str)),
                    str(sum(one.correctly_closed for one in some)),
                    f"{sum(one.requests for one in some) / len(some):.1f}",
                )
            )
    head = (
        "wait",
        "opened early",
        "the change was in",
        "contradicted",
        "worst",
        "delay (median)",
        "(95 %)",
        "deadline, but consumed",
        "failed",
        "correctly closed",
        "requests (mean)",
    )
    return table(head, rows)


def _by(
    title: str, names: Iterable[str], verdicts: Sequence[PipelineVerdict], key: Callable[[PipelineVerdict], str]
) -> str:
    rows = []
    for name in names:
        some = [one for one in verdicts if key(one) == name]
        compared = [_of(some, config) for config in _COMPARED.values()]
        rows.append((name, *map(_early, compared), *_delay(compared[-1]), _deadline(compared[-1])))
    return table((title, *_COMPARED, "delay (median)", "(95 %)", "deadline, but consumed"), rows)


def _honest(verdicts: Sequence[PipelineVerdict]) -> str:
    rows = []
    for proof, title in _PROOFS.items():
        some = [one for one in verdicts if one.proof == proof]
        cells = []
        for config in _COMPARED.values():
            compared = _of(some, config)
            cells += [_delay(compared)[0], f"{100 * open_share(compared, SOON):.0f} %" if compared else ""]
        rows.append((title, str(len(_of(some, DESTINATION_OBSERVED))), *cells))
    head = ("proof", "waits", *(text for name in _COMPARED for text in (f"{name}: delay (median)", "opened in time")))
    return table(head, rows)


def _of(verdicts: Sequence[PipelineVerdict], config: PipelineConfiguration) -> list[PipelineVerdict]:
    return [one for one in verdicts if one.config == config.name]


def _early(verdicts: Sequence[PipelineVerdict]) -> str:
    if not verdicts:
        return ""
    count = sum(one.early is not None for one in verdicts)
    return f"{count} of {len(verdicts)}" + (f" ({100 * count / len(verdicts):.1f} %)" if count else "")


def _delay(verdicts: Sequence[PipelineVerdict]) -> tuple[str, str]:
    late = tuple(sorted(one.late for one in verdicts if one.late is not None))
    return span_text(quantile(late, 0.5)), span_text(quantile(late, 0.95))


def _deadline(verdicts: Sequence[PipelineVerdict]) -> str:
    if not verdicts:
        return ""
    late = sum(one.failure == "deadline" and not one.correctly_closed for one in verdicts)
    return f"{100 * late / len(verdicts):.1f} %"
