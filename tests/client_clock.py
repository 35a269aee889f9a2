# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Replace the clock of this process's clients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow_provider_streamkap.hooks._clients import ClientClock, shared_clients


@contextmanager
def use_client_clock(clock: ClientClock) -> Iterator[None]:
    """Use another clock, and no clients, tokens or lookups from outside, inside the block."""
    before = dict(vars(shared_clients))
    shared_clients.clock = clock
    shared_clients.reset()
    try:
        yield
    finally:
        vars(shared_clients).update(before)
