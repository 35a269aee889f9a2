# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A wait for resources by name shows the names, keeps them between processes, and can switch to new ids."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_provider_streamkap.api.errors import StreamkapNotFoundError
from airflow_provider_streamkap.api.query import DESTINATION, PIPELINE
from airflow_provider_streamkap.gate.conditions import DestinationGate, SourceGate
from airflow_provider_streamkap.gate.pipeline import PipelineParts, PipelinePoll
from airflow_provider_streamkap.gate.reading import Reading
from airflow_provider_streamkap.gate.source import SourceReading
from airflow_provider_streamkap.gate.spec import WaitSpec
from airflow_provider_streamkap.gate.wait import Failed, ResourceWait, Succeeded

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = DestinationGate(lag_source="latest")
GOOD, LAGGING = Reading("Active", 0), Reading("Active", 7)
GONE = StreamkapNotFoundError("no such destination", status=404)


def start(names: dict[str, str], **spec: Any) -> ResourceWait:
    return ResourceWait(WaitSpec(tuple(names), LATEST, names=names, **spec))


def test_names_survive_serialization() -> None:
    spec = start({"d1": "orders", "d2": "Köln"}).spec
    stored = json.loads(json.dumps(spec.to_dict()))
    assert WaitSpec.from_dict(stored) == spec
    del stored["names"]
    without = WaitSpec.from_dict(stored)
    assert (without.names, without.label("d1")) == ({}, "d1")


def test_label() -> None:
    spec = start({"d1": "two\nlines"}).spec
    assert (spec.label("d1"), spec.label("d2"), spec.kind) == ("two lines (d1)", "d2", DESTINATION)


def test_single_resource_is_shown_by_name() -> None:
    wait = start({"d1": "orders"}, started=0, deadline=100)
    step = wait.advance({"d1": LAGGING}, 10)
    assert "Poll 1: orders (d1) not ready: lag 7 > 0" in str(wait.progress(step, 10))
    step = wait.advance({"d1": LAGGING}, 100)
    assert isinstance(step, Failed)
    assert step.message.startswith("Timed out waiting for orders (d1). ")
    step = wait.advance({"d1": GOOD}, 110)
    assert "orders (d1) ready" in str(wait.progress(step, 110))


def test_several_resources_are_shown_by_name() -> None:
    wait = start({"d1": "orders", "d2": "users"})
    step = wait.advance({"d1": LAGGING, "d2": GOOD}, 10)
    assert "not ready: orders (d1): lag 7 > 0" in str(wait.progress(step, 10))
    step = wait.advance({"d1": LAGGING, "d2": GONE}, 20)
    assert isinstance(step, Failed)
    assert step.message.startswith("destination users (d2) could not be read: no such destination")


def test_fallback_warning_shows_the_name() -> None:
    wait = ResourceWait(WaitSpec(("d1",), DestinationGate(), names={"d1": "orders"}))
    for now in (0, 60, 120):
        at = EPOCH + timedelta(seconds=now)
        wait.advance({"d1": Reading("Active", 0, None, (), at)}, now)
    assert "The timeseries of orders (d1) had no lag points" in wait.warnings[0]


def test_other_ids_can_replace_the_first_ones() -> None:
    wait = start({"d1": "orders", "d2": "users"}, confirmations=1)
    wait.replace_resources({"d9": "orders", "d2": "users"})
    assert [target.resource_id for target in wait.targets()] == ["d9", "d2"]
    assert wait.advance({"d9": GOOD, "d2": GOOD}, 0) == Succeeded(("d9", "d2"))
    assert wait.spec.label("d9") == "orders (d9)"


def test_pipeline_is_shown_by_name_although_it_was_passed_by_id() -> None:
    parts = {"p1": PipelineParts("s1", "d1", name="shop to orders"), "p2": PipelineParts("s1", "d1")}
    gate = DestinationGate(lag_source="timeseries")
    for id_, label in (("p1", "shop to orders (p1)"), ("p2", "p2")):
        spec = WaitSpec((id_,), gate, source_gate=SourceGate(), pipelines=parts)
        assert (spec.label(id_), spec.kind) == (label, PIPELINE)
        wait = ResourceWait(spec)
        values: dict[str, Any] = {"state": "Streaming", "connected": True, "snapshot_running": False}
        source = SourceReading(points=(), observed_at=EPOCH, **values)
        step = wait.advance({id_: PipelinePoll(source, Reading("Active", 7, None, (), EPOCH))}, 0)
        assert f"Poll 1: {label} not ready: " in str(wait.progress(step, 0))
