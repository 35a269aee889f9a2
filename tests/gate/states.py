# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Access to the state inside a wait."""

from __future__ import annotations

from airflow_provider_streamkap.gate.state import ResourceState
from airflow_provider_streamkap.gate.wait import ResourceWait


def state_of(wait: ResourceWait) -> ResourceState:
    """Return the state of the only destination of a wait."""
    (state,) = wait.resources.values()
    assert isinstance(state, ResourceState)
    return state
