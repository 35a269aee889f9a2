# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Compare responses with the provider's assumptions, without sending requests.

The provider works whether or not an assumption holds. The findings show which settings suit the actual service, and
which statements of the documentation can be made stronger.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_streamkap.api.errors import StreamkapError, single_line
from airflow_provider_streamkap.api.query import ResourceKind

#: Statuses from the API reference or the vendor's own code.
KNOWN_STATUSES = frozenset(
    {
        "active",
        "paused",
        "stopped",
        "broken",
        "starting",
        "unassigned",
        "unknown",
        "pending",
        "pending update",
    }
)
# Token lifetime from which the refresh lead is constant: the client refreshes after 90 % of the lifetime, or one
# minute before expiry if that is later.
_LONG_LIFETIME = 600.0


@dataclass(frozen=True)
class Response:
    """A raw response of the service.

    :param status: HTTP status code; None if there was no response.
    :param body: parsed JSON body; None if it is not JSON.
    :param headers: headers with lowercase names.
    :param error: why there was no response.
    """

    status: int | None
    body: Any = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    error: str = ""

    @property
    def good(self) -> bool:
        """Whether the status code is 2xx."""
        return self.status is not None and 200 <= self.status < 300

    def __str__(self) -> str:
        return self.error if self.status is None else str(self.status)


@dataclass(frozen=True)
class Finding:
    """One row of the table.

    :param assumption: the assumption to check.
    :param found: the actual behavior of the service.
    :param consequence: what it means for users of the provider.
    :param holds: whether the assumption holds; None if inconclusive.
    """

    assumption: str
    found: str
    consequence: str
    holds: bool | None


def refused_credentials(error: StreamkapError | None) -> Finding:
    """Check the response to made-up credentials.

    :param error: error raised by the client; None if the credentials were accepted.
    """
    assumption = "Rejected credentials get a specific 4xx"
    if error is None:
        return Finding(assumption, "made-up credentials were accepted", "do not trust this host", False)
    detail = single_line(error.detail)
    found = f"{error.status or 'no response'} ({type(error).__name__}){f': {detail}' if detail else ''}"
    if error.status is None:
        return Finding(assumption, found, "inconclusive: try again", None)
    if error.permanent:
        return Finding(assumption, found, "the task fails at once and is not retried", True)
    often = "is retried up to max_attempts" if error.transient else "counts as a failed poll"
    return Finding(assumption, found, f"a wrong secret {often} before the task fails", False)


def token_lifetime(response: Response) -> Finding:
    """Check the reported token lifetime.

    :param response: response to the token call.
    """
    assumption = "expiresIn is the token lifetime in seconds"
    body = response.body if isinstance(response.body, dict) else {}
    seconds = body.get("expiresIn")
    if not response.good:
        return Finding(assumption, str(response), "inconclusive: try again", None)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
        what = "no expiresIn" if seconds is None else f"expiresIn is {type(seconds).__name__}, not a positive number"
        return Finding(assumption, what, "a token is used until a 401, which costs one more request", False)
    lead = min(60.0, seconds / 10)
    short = f"; long waits request a token about every {seconds - lead:.0f} s" if seconds < _LONG_LIFETIME else ""
    return Finding(assumption, f"{seconds:g} s", f"refreshed {lead:g} s before expiry{short}", True)


def unknown_metrics(response: Response) -> Finding:
    """Check the metrics of an unknown destination.

    :param response: response to the metrics request.
    """
    assumption = "Metrics of an unknown id return 404"
    if response.status is None or response.status in (401, 403):
        return Finding(assumption, str(response), "inconclusive: metrics cannot be read", None)
    if response.status == 404:
        return Finding(assumption, "404", "a wait on a mistyped id fails at once with a clear error", True)
    if response.good:
        data = response.body.get("data") if isinstance(response.body, dict) else None
        known = isinstance(data, dict) and any(value is not None for value in data.values())
        what = "with values" if known else "without values"
        consequence = "a mistyped id pairs like a destination of which nothing is known: a wait on it lasts until its"
        return Finding(assumption, f"{response} {what}", f"{consequence} timeout", False)
    # The reference documents a plain 500 for a missing plugin, which may be this case.
    ends = "fails at once" if response.status < 500 else "fails after max_poll_failures polls"
    return Finding(assumption, str(response), f"a wait on a mistyped id {ends}", False)


def unknown_resource(kind: ResourceKind, response: Response) -> Finding:
    """Check the response for an unknown destination or pipeline.

    :param kind: the kind of the resource.
    :param response: response to the request for it.
    """
    assumption = f"An unknown {kind.name} returns 404, or 200 with an empty result"
    if response.status is None or response.status in (401, 403):
        return Finding(assumption, str(response), f"inconclusive: {kind.name}s cannot be read", None)
    either = f"get_{kind.name} raises StreamkapNotFoundError in both cases"
    if response.status == 404:
        return Finding(assumption, "404", either, True)
    if response.good and isinstance(response.body, dict) and response.body.get("result") == []:
        return Finding(assumption, f"{response} with an empty result", either, True)
    return Finding(assumption, str(response), f"get_{kind.name} does not raise StreamkapNotFoundError", False)


def listing(response: Response) -> Finding:
    """Check the paging fields of a list.

    :param response: response to the list request.
    """
    assumption = "Lists return total and has_next, or null for both"
    if not response.good or not isinstance(response.body, dict):
        return Finding(assumption, str(response), "inconclusive: destinations cannot be listed", None)
    returned = [name for name in ("total", "has_next") if response.body.get(name) is not None]
    found = f"returns {' and '.join(returned)}" if returned else "null for both"
    return Finding(assumption, found, "list_destinations stops at a short page in either case", True)


def statuses(seen: list[str]) -> Finding:
    """Check for unknown connector statuses.

    :param seen: statuses of the project's destinations and sources.
    """
    assumption = "Statuses are among the known ones"
    named = sorted({status for status in seen if status})
    if not named:
        return Finding(assumption, "none", "inconclusive: no connector has a status", None)
    new = [status for status in named if status.casefold() not in KNOWN_STATUSES]
    if not new:
        return Finding(assumption, single_line(", ".join(named)), "no new statuses", True)
    return Finding(
        assumption, single_line(f"new: {', '.join(new)}"), "waits continue in this status; see fail_on_status", False
    )


def support(responses: list[Response]) -> Finding:
    """Check for request ids, which Streamkap support can look up.

    :param responses: all responses.
    """
    assumption = "Responses have an X-Request-Id"
    received = [response for response in responses if response.status is not None]
    carrying = sum("x-request-id" in response.headers for response in received)
    if not received:
        return Finding(assumption, "no responses", "inconclusive", None)
    found = f"{carrying} of {len(received)} responses"
    if carrying:
        return Finding(assumption, found, "included in errors and logs: quote it to Streamkap support", True)
    return Finding(assumption, found, "quote the time and URL of an error instead", False)


def limits(responses: list[Response]) -> Finding:
    """Check for rate limits.

    :param responses: all responses.
    """
    assumption = "No rate limit headers"
    names = sorted(
        {name for response in responses for name in response.headers if "ratelimit" in name or "rate-limit" in name}
    )
    if any(response.status == 429 for response in responses):
        return Finding(assumption, "429 after a few requests", "raise poke_interval and lower max_concurrency", False)
    if names:
        return Finding(
            assumption, single_line(", ".join(names)), "headers are ignored; Retry-After of a 429 is honored", False
        )
    return Finding(assumption, "none, and no 429", "a rate limit is visible only as a 429, which is retried", True)
