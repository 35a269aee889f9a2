# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Measure how often the gate opens too early, on simulated destinations with known ground truth.

``connector_timeline`` and ``kafka`` simulate the ground truth; ``faults``, ``exporter_behavior`` and ``exporter``
simulate the metrics. ``trial`` runs a real wait on those metrics with a simulated clock, once per configuration in
``configurations``. ``verdicts`` compares each outcome with the ground truth, and ``report`` formats the tables.

For whole pipelines, ``source_plan`` and ``source`` add the ground truth from the source's commits to Kafka,
``source_faults`` and ``source_exporter`` the source's metrics, and ``pipeline_trial``, ``pipeline_verdicts`` and
``pipeline_report`` the waits and tables. Run both with ``make accuracy``.
"""
