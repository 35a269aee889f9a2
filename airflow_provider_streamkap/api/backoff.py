# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Pause all requests that share these credentials while a ``Retry-After`` is in effect."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from airflow_provider_streamkap.api.errors import StreamkapError, StreamkapHTTPError, StreamkapRateLimitError

#: Maximum ``Retry-After`` in seconds; longer values are capped.
MAX_RETRY_AFTER = 60.0

# With these status codes, Retry-After applies to the whole service and not to one resource.
_SHARED_STATUSES = frozenset({429, 503})


class SharedBackoff:
    """The time until which no request is sent.

    :param clock: monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until = -math.inf

    def record(self, error: StreamkapError) -> None:
        """Start or extend the pause if an error has a ``Retry-After`` for the whole service.

        :param error: any error.
        """
        if isinstance(error, StreamkapHTTPError) and error.status in _SHARED_STATUSES and error.retry_after:
            self._until = max(self._until, self._clock() + min(error.retry_after, MAX_RETRY_AFTER))

    def delays(self, left: Callable[[], float]) -> Iterator[float]:
        """Yield the seconds to sleep before sending a request, until no pause is left.

        :param left: returns the seconds left until the call's deadline.
        :raises StreamkapRateLimitError: the pause ends after the deadline.
        """
        slept_until = None
        # Another response can extend the pause during the sleep.
        while (until := self._until) != slept_until and (seconds := until - self._clock()) > 0:
            if seconds >= left():
                raise StreamkapRateLimitError(
                    f"request not sent: Retry-After is in effect for another {seconds:.1f} s, longer than the time "
                    "left for this call",
                    retry_after=seconds,
                )
            yield seconds
            slept_until = until
