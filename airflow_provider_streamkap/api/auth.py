# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""An access token: what the token call's answer says of it, and from when on it is renewed."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_streamkap.api.errors import StreamkapResponseError

#: Seconds before its expiry at which a token is renewed, as in the vendor's own client; less for short lives.
MAX_LEAD = 60.0

# Longer ones fit into no header; what claims to live shorter would be renewed with every request.
_VISIBLE = re.compile(r"[!-~]{1,16000}")
_SHORTEST_LIFE = 5.0


@dataclass(frozen=True)
class Token:
    """An access token.

    :param access: the token itself.
    :param renew_at: time of the session's clock from which on it is renewed; None: its life is unknown.
    """

    access: str = field(repr=False)
    renew_at: float | None = None


def parse_token(payload: Any, asked_at: float) -> Token:
    """Take the token out of an answer.

    :param payload: the answer's JSON value.
    :param asked_at: time of the session's clock at which it was asked for.
    :raises StreamkapResponseError: if it holds none that can be sent.
    """
    access = payload.get("accessToken") if isinstance(payload, dict) else None
    # It becomes a header: anything but visible ASCII could not be sent, or would end the header early.
    if not isinstance(access, str) or not _VISIBLE.fullmatch(access):
        raise StreamkapResponseError("the token call's answer holds no usable accessToken")
    lifetime = _lifetime(payload.get("expiresIn"))
    return Token(access, None if lifetime is None else asked_at + lifetime - min(MAX_LEAD, lifetime / 10))


def _lifetime(value: Any) -> float | None:
    """Seconds that a token lives; None where the answer does not say anything sensible."""
    try:
        seconds = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and seconds >= _SHORTEST_LIFE else None
