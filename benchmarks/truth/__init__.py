# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Does the gate open early? Thousands of simulated destinations whose truth is known, judged by the real gate.

``life`` and ``kafka`` make the hidden truth, ``faults``, ``habits`` and ``exporter`` what is told of it. ``trial`` lets
a real wait look at that on a simulated clock, in each of the ``ways``, and ``verdicts`` and ``report`` hold the end of
it against the truth. ``make truth`` runs it.
"""
