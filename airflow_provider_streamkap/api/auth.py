# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Access tokens: parse the token response and compute when to refresh."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_streamkap.api.errors import StreamkapResponseError

#: Seconds before expiry at which a token is refreshed, as in Streamkap's own client; less for short-lived tokens.
MAX_REFRESH_LEAD = 60.0

# A longer token does not fit into a header.
_VALID_TOKEN = re.compile(r"[!-~]{1,16000}")
# A token with a shorter lifetime would be refreshed with every request.
_MIN_LIFETIME = 5.0


@dataclass(frozen=True)
class Token:
    """An access token.

    :param access: the token itself.
    :param refresh_at: session clock time from which the token is refreshed; None if its lifetime is unknown.
    """

    access: str = field(repr=False)
    refresh_at: float | None = None


def parse_token(payload: Any, requested_at: float) -> Token:
    """Parse a token response.

    :param payload: the response's JSON value.
    :param requested_at: session clock time at which the token was requested.
    :raises StreamkapResponseError: the response has no usable token.
    """
    access = payload.get("accessToken") if isinstance(payload, dict) else None
    # The token becomes a header value: other characters cannot be sent, or would end the header early.
    if not isinstance(access, str) or not _VALID_TOKEN.fullmatch(access):
        raise StreamkapResponseError("the token response has no usable accessToken")
    lifetime = _lifetime(payload.get("expiresIn"))
    return Token(access, None if lifetime is None else requested_at + lifetime - min(MAX_REFRESH_LEAD, lifetime / 10))


def _lifetime(value: Any) -> float | None:
    """Return a token's lifetime in seconds, or None if the value is missing or not usable."""
    try:
        seconds = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and seconds >= _MIN_LIFETIME else None
