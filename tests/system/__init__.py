# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Tests that start a whole Airflow. Slow, so they cover only what cannot be tested without one."""

from __future__ import annotations
