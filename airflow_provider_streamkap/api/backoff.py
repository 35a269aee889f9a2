# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Pause all requests that share these credentials while a ``Retry-After`` is in effect."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from airflow_provider_streamkap.api.errors import StreamkapError, StreamkapHTTPError, StreamkapRateLimitError

#: Seconds: the longest that a server's ``Retry-After`` is obeyed.
MAX_RETRY_AFTER = 60.0

# Too many requests, and service unavailable: what their Retry-After speaks of is the service, not one resource.
_MEANT_FOR_ALL = frozenset({429, 503})


class SharedBackoff:
    """Until when a service wants no request.

    :param clock: seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until = -math.inf

    def record(self, error: StreamkapError) -> None:
        """Take notice of an error that the service answered with.

        :param error: any error.
        """
        if isinstance(error, StreamkapHTTPError) and error.status in _MEANT_FOR_ALL and error.retry_after:
            self._until = max(self._until, self._clock() + min(error.retry_after, MAX_RETRY_AFTER))

    def delays(self, left: Callable[[], float]) -> Iterator[float]:
        """Give the seconds to sleep before a request may be sent, again and again until there are none.

        :param left: seconds that the call has left.
        :raises StreamkapRateLimitError: the call ends before it may send a request.
        """
        slept_until = None
        # Others may meanwhile have been put off further.
        while (until := self._until) != slept_until and (seconds := until - self._clock()) > 0:
            if seconds >= left():
                raise StreamkapRateLimitError(
                    f"not asked: the service wants no request for another {seconds:.1f} s (Retry-After)",
                    retry_after=seconds,
                )
            yield seconds
            slept_until = until
