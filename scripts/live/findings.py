# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What an answer says about an assumption: pure, answers are handed in.

The provider is written to be right under either answer. What is found out here tells which settings make sense with
the service as it is, and whether the documentation may claim more than it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_streamkap.api.errors import StreamkapError, single_line

#: Statuses that have been seen in the reference or in the vendor's own code.
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
# The lead with which a token is renewed, as in the client: a tenth of its life, at most a minute.
_LONG_LIFE = 600.0


@dataclass(frozen=True)
class Answer:
    """One answer of the service, as it came.

    :param status: HTTP status; None: there was no answer.
    :param body: its JSON value; None where it was none.
    :param headers: names in lower case.
    :param trouble: why there was no answer.
    """

    status: int | None
    body: Any = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    trouble: str = ""

    @property
    def good(self) -> bool:
        """Whether it is a 2xx."""
        return self.status is not None and 200 <= self.status < 300

    def __str__(self) -> str:
        return self.trouble if self.status is None else str(self.status)


@dataclass(frozen=True)
class Finding:
    """One row of the table.

    :param assumption: what the contract leaves open, and what is assumed.
    :param found: what the service does.
    :param consequence: what follows for whoever uses the provider.
    :param holds: whether the assumption holds; None: could not be told.
    """

    assumption: str
    found: str
    consequence: str
    holds: bool | None


def refused_credentials(error: StreamkapError | None) -> Finding:
    """Judge what made-up credentials lead to.

    :param error: what the client raised at its one attempt; None: they were accepted.
    """
    assumption = "Refused credentials get a 4xx that says so"
    if error is None:
        return Finding(assumption, "made-up credentials were accepted", "do not trust this host", False)
    said = single_line(error.detail)
    found = f"{error.status or 'no answer'} ({type(error).__name__}){f': {said}' if said else ''}"
    if error.status is None:
        return Finding(assumption, found, "not told: ask again", None)
    if error.permanent:
        return Finding(assumption, found, "a task fails at once, and Airflow does not retry it", True)
    often = "is retried up to max_attempts" if error.transient else "counts as a poll that failed"
    return Finding(assumption, found, f"a wrong secret {often} before the task fails", False)


def token_lifetime(answer: Answer) -> Finding:
    """Judge how long a token is said to live.

    :param answer: that of the token call.
    """
    assumption = "expiresIn tells in seconds how long a token lives"
    body = answer.body if isinstance(answer.body, dict) else {}
    seconds = body.get("expiresIn")
    if not answer.good:
        return Finding(assumption, str(answer), "not told: ask again", None)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
        what = "no expiresIn" if seconds is None else f"expiresIn is {type(seconds).__name__}, no number above 0"
        return Finding(assumption, what, "a token is used until a 401, which costs one more request", False)
    lead = min(60.0, seconds / 10)
    short = f"; each long wait signs in about every {seconds - lead:.0f} s" if seconds < _LONG_LIFE else ""
    return Finding(assumption, f"{seconds:g} s", f"renewed {lead:g} s before its end{short}", True)


def unknown_metrics(answer: Answer) -> Finding:
    """Judge what the metrics call says to an id that nobody has.

    :param answer: its answer.
    """
    assumption = "Metrics of an unknown id are a 404"
    if answer.status is None or answer.status in (401, 403):
        return Finding(assumption, str(answer), "not told: the metrics could not be asked for", None)
    if answer.status == 404:
        return Finding(assumption, "404", "a wait on a mistyped id fails at once, with an error that says so", True)
    if answer.good:
        data = answer.body.get("data") if isinstance(answer.body, dict) else None
        known = isinstance(data, dict) and any(value is not None for value in data.values())
        what = "with values" if known else "without values"
        consequence = "a mistyped id looks like a destination of which nothing is known: a wait on it lasts until its"
        return Finding(assumption, f"{answer} {what}", f"{consequence} timeout", False)
    # A plain 500 is documented for a plugin that is not found, and may be this.
    ends = "fails at once" if answer.status < 500 else "fails after max_poll_failures polls"
    return Finding(assumption, str(answer), f"a wait on a mistyped id {ends}", False)


def unknown_destination(answer: Answer) -> Finding:
    """Judge what is said of a destination that nobody has.

    :param answer: that of the call for one destination.
    """
    assumption = "An unknown destination is a 404, or 200 with an empty result"
    if answer.status is None or answer.status in (401, 403):
        return Finding(assumption, str(answer), "not told: destinations could not be asked for", None)
    either = "get_destination raises StreamkapNotFoundError, as with the other answer"
    if answer.status == 404:
        return Finding(assumption, "404", either, True)
    if answer.good and isinstance(answer.body, dict) and answer.body.get("result") == []:
        return Finding(assumption, f"{answer} with an empty result", either, True)
    return Finding(assumption, str(answer), "get_destination raises another error than StreamkapNotFoundError", False)


def listing(answer: Answer) -> Finding:
    """Judge whether a list tells how long it is.

    :param answer: that of the call that lists destinations.
    """
    assumption = "A list tells total and has_next, or null for both"
    if not answer.good or not isinstance(answer.body, dict):
        return Finding(assumption, str(answer), "not told: list_destinations does not work here", None)
    told = [name for name in ("total", "has_next") if answer.body.get(name) is not None]
    found = f"tells {' and '.join(told)}" if told else "null for both"
    return Finding(assumption, found, "list_destinations ends at a short page, whatever is told", True)


def statuses(seen: list[str]) -> Finding:
    """Judge which statuses the project's destinations have.

    :param seen: statuses as they came.
    """
    assumption = "Statuses are those that have been seen elsewhere"
    named = sorted({status for status in seen if status})
    if not named:
        return Finding(assumption, "none", "not told: no destination with a status", None)
    new = [status for status in named if status.casefold() not in KNOWN_STATUSES]
    if not new:
        return Finding(assumption, single_line(", ".join(named)), "none is new", True)
    return Finding(
        assumption, single_line(f"also {', '.join(new)}"), "a wait goes on while it lasts; see fail_on_status", False
    )


def support(answers: list[Answer]) -> Finding:
    """Judge whether an answer can be looked up by the vendor's support.

    :param answers: all that came.
    """
    assumption = "Answers carry X-Request-Id"
    came = [answer for answer in answers if answer.status is not None]
    carrying = sum("x-request-id" in answer.headers for answer in came)
    if not came:
        return Finding(assumption, "no answers", "not told", None)
    found = f"{carrying} of {len(came)} do"
    if carrying:
        return Finding(assumption, found, "errors and logs show it: quote it to Streamkap's support", True)
    return Finding(assumption, found, "errors show none: quote their time and URL instead", False)


def limits(answers: list[Answer]) -> Finding:
    """Judge whether a limit of requests announces itself.

    :param answers: all that came.
    """
    assumption = "No limit of requests is announced"
    names = sorted(
        {name for answer in answers for name in answer.headers if "ratelimit" in name or "rate-limit" in name}
    )
    if any(answer.status == 429 for answer in answers):
        return Finding(assumption, "429 after a few requests", "raise poke_interval and lower max_concurrency", False)
    if names:
        return Finding(
            assumption, single_line(", ".join(names)), "they are not read; a 429 with Retry-After is obeyed", False
        )
    return Finding(assumption, "none, and no 429", "a limit shows by a 429, which is retried", True)
