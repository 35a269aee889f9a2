# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Host names for the parts of the cluster, which run on one machine and would all be recorded under its name."""

from __future__ import annotations

import os

VARIABLE = "PART_OF_CLUSTER"


def of_part() -> str:
    """Return the name of the part that this process belongs to."""
    return os.environ.get(VARIABLE, "cluster")
