# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The fault matrix: every fault, its outcome at the metrics and the token call, and what a hook raises.

``docs/errors.md`` shows it, and ``test_matrix.py`` checks every cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any, Final, Literal

from airflow_provider_streamkap.testing import Fault
from tests.faults.outcomes import BEHAVIOURS, Behaviour

Place = Literal["metrics", "token"]

PLACES: Final[tuple[Place, ...]] = ("metrics", "token")
LARGE: Final = 32 * 1024 * 1024 + 1


@dataclass(frozen=True)
class Effect:
    """The outcome of a fault at one of the two calls.

    :param behaviour: name of the outcome.
    :param error: class that a hook raises; None if it raises nothing.
    """

    behaviour: str
    error: str | None = None

    @property
    def outcomes(self) -> Behaviour:
        """The behaviour of this name."""
        return BEHAVIOURS[self.behaviour]


@dataclass(frozen=True)
class Row:
    """One fault.

    :param name: its name in the documentation.
    :param fault: the server's response; None if the fault occurs before the server is reached (see ``arrange``).
    :param at: the outcome, by call.
    :param arrange: name of an additional setup.
    """

    name: str
    fault: Callable[[], Fault] | None
    at: dict[Place, Effect]
    arrange: str = ""


def _row(
    name: str,
    fault: Callable[[], Fault],
    behaviour: str,
    error: str | None = None,
    *,
    token: tuple[str, str | None] | None = None,
    **more: Any,
) -> Row:
    """Create a row; the outcome at the token call is the same unless given."""
    effect = Effect(behaviour, error)
    return Row(name, fault, {"metrics": effect, "token": Effect(*token) if token else effect}, **more)


def _status(status: int, **more: Any) -> Callable[[], Fault]:
    return lambda: Fault.status(status, **more)


# A 4xx from the token call means rejected credentials, whatever the status.
_CREDENTIALS = ("permanent", "StreamkapAuthError")
_TROUBLE = {"detail": "Kafka Connect: request timed out"}
_DATES = {"Date": formatdate(1_800_000_000, usegmt=True), "Retry-After": formatdate(1_800_000_007, usegmt=True)}

CONNECTION, TIMEOUT, RESPONSE = "StreamkapConnectionError", "StreamkapTimeoutError", "StreamkapResponseError"
REQUEST, LIMIT, SERVER = "StreamkapRequestError", "StreamkapRateLimitError", "StreamkapServerError"

#: Faults in a server's response. A request meets them, so they can be counted.
SERVED: Final[tuple[Row, ...]] = (
    _row("reset before the header", Fault.reset, "retried", CONNECTION),
    _row("reset after the header", lambda: Fault.reset("body"), "retried", RESPONSE),
    _row("reset in the body", lambda: Fault.reset("middle"), "retried", RESPONSE),
    _row("closed before the header", Fault.drop, "retried", CONNECTION),
    _row("closed after the header", lambda: Fault.drop("body"), "retried", RESPONSE),
    _row("truncated", Fault.truncated, "retried", RESPONSE),
    _row("not JSON", Fault.not_json, "retried", RESPONSE),
    _row("JSON of the wrong shape", lambda: Fault.json([]), "retried", RESPONSE),
    _row("HTML with 200", lambda: Fault.html(200), "retried", RESPONSE),
    _row("HTML with 502", Fault.html, "retried", SERVER),
    _row("empty 200", Fault.empty, "retried", RESPONSE),
    _row("gzip-compressed response", Fault.gzip, "harmless"),
    _row("more than 32 MiB", lambda: Fault.oversized(LARGE, compressed=True), "permanent", RESPONSE),
    _row(
        "301 to another host",
        lambda: Fault.redirect("https://elsewhere.example/", 301),
        "permanent",
        "StreamkapRedirectError",
    ),
    _row("400", _status(400), "permanent", REQUEST, token=_CREDENTIALS),
    _row("401", _status(401), "token refreshed", "StreamkapAuthError", token=_CREDENTIALS),
    _row("403", _status(403), "permanent", "StreamkapPermissionError", token=_CREDENTIALS),
    Row(
        "404, and the destination exists",
        _status(404),
        {"metrics": Effect("no metrics yet", "StreamkapNotFoundError")},
    ),
    Row(
        "404, and the destination does not exist",
        _status(404),
        {"metrics": Effect("not found", "StreamkapNotFoundError")},
        arrange="nobody",
    ),
    Row(
        "404, and the credentials have no access to the destination",
        _status(404),
        {"metrics": Effect("not found", "StreamkapNotFoundError")},
        arrange="forbidden",
    ),
    Row("404 of the token request", _status(404), {"token": Effect(*_CREDENTIALS)}),
    Row("405 of the token request", _status(405), {"token": Effect("permanent", REQUEST)}),
    _row("408", _status(408), "not retried", REQUEST),
    _row("409", _status(409), "permanent", REQUEST, token=_CREDENTIALS),
    _row("422", _status(422), "permanent", REQUEST, token=_CREDENTIALS),
    _row("429", _status(429), "retried", LIMIT),
    _row("429, `Retry-After` of 7 seconds", _status(429, retry_after=7), "retried after 7 s", LIMIT),
    _row("429, `Retry-After` as a date in 7 seconds", _status(429, headers=_DATES), "retried after 7 s", LIMIT),
    _row("429, `Retry-After` of 30 years", _status(429, retry_after=10**9), "retried after 60 s", LIMIT),
    _row("429, invalid `Retry-After`", _status(429, retry_after="soon"), "retried", LIMIT),
    _row("500", _status(500), "not retried", SERVER),
    _row("500 whose detail names a transient failure", _status(500, body=_TROUBLE), "retried", SERVER),
    _row("502", _status(502), "retried", SERVER),
    _row("503", _status(503), "retried", SERVER),
    _row("503, `Retry-After` of 7 seconds", _status(503, retry_after=7), "retried after 7 s", SERVER),
    _row("504", _status(504), "retried", SERVER),
)


def _token(name: str, *without: str, **changes: Any) -> Row:
    return Row(name, lambda: Fault.changed(without, **changes), {"token": Effect("harmless")})


#: Tokens with a missing or invalid lifetime: they are used until they are rejected.
TOKENS: Final[tuple[Row, ...]] = (
    _token("a token without `expiresIn`", "expiresIn"),
    _token("`expiresIn` null", expiresIn=None),
    _token("`expiresIn` 0", expiresIn=0),
    _token("`expiresIn` negative", expiresIn=-3600),
    _token('`expiresIn` the string "3600"', expiresIn="3600"),
    _token('`expiresIn` the string "soon"', expiresIn="soon"),
)

#: A server that stops responding: the request fails after the connection's ``timeout``.
HANGING: Final[tuple[Row, ...]] = (
    _row("hangs before the header", Fault.hang, "retried", TIMEOUT),
    _row("hangs after the header", lambda: Fault.hang("body"), "retried", TIMEOUT),
    _row("hangs in the body", lambda: Fault.hang("middle"), "retried", TIMEOUT),
)


def _before(name: str, behaviour: str, arrange: str) -> Row:
    return Row(name, None, {"token": Effect(behaviour, CONNECTION)}, arrange=arrange)


#: Faults before the server is reached. They affect the first call, which is for the token.
BEFORE: Final[tuple[Row, ...]] = (
    _before("connection refused", "retried", "refused"),
    _before("DNS failure", "retried", "dns"),
    _before("TLS failure: the handshake fails", "retried", "handshake"),
    _before("TLS failure: certificate verification fails", "permanent", "certificate"),
)


def _clock(name: str, behaviour: str, arrange: str) -> Row:
    return Row(name, None, {"metrics": Effect(behaviour)}, arrange=arrange)


#: Clock changes on the client's machine, after a request for metrics has arrived.
CLOCKS: Final[tuple[Row, ...]] = (
    _clock("the wall clock is set forward by half an hour", "harmless", "wall ahead"),
    _clock("the wall clock is set back by half an hour", "harmless", "wall back"),
    _clock("the clock jumps ahead by two hours, as after system sleep", "token refreshed early", "slept"),
)

ROWS: Final = BEFORE + HANGING + SERVED + TOKENS + CLOCKS


def cells(rows: tuple[Row, ...]) -> Iterator[tuple[Row, Place, Effect]]:
    """Iterate over the rows by the affected call."""
    for row in rows:
        for place, effect in row.at.items():
            yield row, place, effect
