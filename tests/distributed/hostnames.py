# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The names of the machines: the parts run on one, and would all go by its name in Airflow's records."""

from __future__ import annotations

import os

VARIABLE = "PART_OF_CLUSTER"


def of_part() -> str:
    """Give the name of the part that this process belongs to."""
    return os.environ.get(VARIABLE, "cluster")
