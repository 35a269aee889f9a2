# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A certificate authority, generated for every test run."""

from __future__ import annotations

import ssl
from dataclasses import dataclass


@dataclass(frozen=True)
class Authority:
    """Certificates of a generated authority.

    :param bundle: path of its own certificate.
    :param context: for a server on 127.0.0.1, with a certificate of this authority.
    :param other: for a server with a certificate for another host.
    """

    bundle: str
    context: ssl.SSLContext
    other: ssl.SSLContext
