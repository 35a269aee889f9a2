# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Names of Airflow that only tests and benchmarks need, imported from where the installed version has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import DAG, Asset, dag, task
    from airflow.sdk.exceptions import TaskDeferred
else:
    try:
        from airflow.sdk import DAG, Asset, dag, task
    except ImportError:
        from airflow.datasets import Dataset as Asset
        from airflow.decorators import dag, task
        from airflow.models.dag import DAG
    try:
        from airflow.sdk.exceptions import TaskDeferred
    except ImportError:
        from airflow.exceptions import TaskDeferred

__all__ = ["DAG", "Asset", "TaskDeferred", "dag", "task"]
