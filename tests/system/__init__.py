# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Tests that start a whole Airflow. Slow, and therefore few: what can be seen without one is tested elsewhere."""

from __future__ import annotations
