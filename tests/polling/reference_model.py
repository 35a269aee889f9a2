# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""A second, naive implementation of the poller: no event loop, no tasks, no futures."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf


@dataclass
class ReadingRequest:
    """One follower's request: a reading that started no earlier than this, due by then."""

    follower: int
    not_before: float
    due: float


@dataclass
class Round:
    """The results that a follower has received so far in its current round."""

    wanted: tuple[str, ...]
    got: dict[str, tuple[object, float]] = field(default_factory=dict)
    bug: BaseException | None = None

    @property
    def done(self) -> bool:
        """Whether all results have arrived, or an unexpected exception."""
        return self.bug is not None or len(self.got) == len(self.wanted)


@dataclass
class Model:
    """The poller as a table.

    :param limit: maximum number of concurrent polls.
    """

    limit: int
    time: float
    followed: dict[int, tuple[str, ...]] = field(default_factory=dict)
    rounds: dict[int, Round] = field(default_factory=dict)
    asks: dict[str, list[ReadingRequest]] = field(default_factory=dict)
    queue: list[str] = field(default_factory=list)
    under_way: dict[str, float] = field(default_factory=dict)

    def destinations(self) -> set[str]:
        """Return the destinations that have followers."""
        return {id_ for ids in self.followed.values() for id_ in ids}

    def join(self, follower: int, ids: tuple[str, ...]) -> None:
        """Add a follower."""
        self.followed[follower] = ids

    def ask(self, follower: int, not_before: float, due: float) -> None:
        """Start a round for a follower."""
        self.rounds[follower] = Round(self.followed[follower])
        for id_ in self.followed[follower]:
            self.asks.setdefault(id_, []).append(ReadingRequest(follower, not_before, max(not_before, due)))
        self.advance()

    def stop_asking(self, follower: int) -> None:
        """Cancel a follower's round."""
        self.rounds.pop(follower, None)
        for asks in self.asks.values():
            asks[:] = [request for request in asks if request.follower != follower]

    def leave(self, follower: int) -> None:
        """Remove a follower. Destinations without followers are no longer polled."""
        self.stop_asking(follower)
        del self.followed[follower]
        left = self.destinations()
        self.queue = [id_ for id_ in self.queue if id_ in left]
        self.under_way = {id_: began for id_, began in self.under_way.items() if id_ in left}
        self.fill()
        self.advance()

    def finish(self, id_: str, what: object, bug: BaseException | None) -> None:
        """Complete a poll."""
        began = self.under_way.pop(id_)
        served = [request for request in self.asks[id_] if request.not_before <= began]
        self.asks[id_] = [request for request in self.asks[id_] if request.not_before > began]
        self.fill()
        for request in served:
            round_ = self.rounds[request.follower]
            if bug is not None:
                round_.bug = bug
            else:
                round_.got[id_] = (what, began)
        for request in served:
            if self.rounds[request.follower].bug is not None:
                for asks in self.asks.values():
                    asks[:] = [other for other in asks if other.follower != request.follower]
        self.advance()

    def fill(self) -> None:
        """Assign free slots to queued destinations."""
        while self.queue and len(self.under_way) < self.limit:
            self.under_way[self.queue.pop(0)] = self.time

    def next_due(self) -> tuple[float, str]:
        """Return the idle destination that is due next, and when."""
        at_rest = {id_: asks for id_, asks in self.asks.items() if id_ not in self.queue and id_ not in self.under_way}
        return min(((request.due, id_) for id_, asks in at_rest.items() for request in asks), default=(inf, ""))

    def advance(self, until: float | None = None) -> None:
        """Advance the time.

        :param until: up to this time; default: only what is due now.
        """
        until = self.time if until is None else until
        while (due := self.next_due())[0] <= until:
            self.time = max(self.time, due[0])
            self.queue.append(due[1])
            self.fill()
        self.time = until
