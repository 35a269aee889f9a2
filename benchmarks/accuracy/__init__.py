# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Does the gate open early? Thousands of simulated destinations whose truth is known, judged by the real gate.

``life`` and ``kafka`` create the hidden truth; ``faults``, ``habits`` and ``exporter`` create the metrics.
``trial`` runs a real wait on those metrics on a simulated clock, in each of the ``ways``. ``verdicts`` and ``report``
compare the end of each wait with the truth. ``make accuracy`` runs it all.
"""
