# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""What the poller ought to do, written down a second time and naively: no loop, no tasks, no futures."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf


@dataclass
class Asked:
    """One follower's question: a reading from then on, by then."""

    follower: int
    not_before: float
    due: float


@dataclass
class Round:
    """What a follower has got so far of the round that it waits for."""

    wanted: tuple[str, ...]
    got: dict[str, tuple[object, float]] = field(default_factory=dict)
    bug: BaseException | None = None

    @property
    def done(self) -> bool:
        """All have come, or a bug has."""
        return self.bug is not None or len(self.got) == len(self.wanted)


@dataclass
class Model:
    """The poller as a table.

    :param limit: destinations asked at once.
    """

    limit: int
    time: float
    followed: dict[int, tuple[str, ...]] = field(default_factory=dict)
    rounds: dict[int, Round] = field(default_factory=dict)
    asks: dict[str, list[Asked]] = field(default_factory=dict)
    queue: list[str] = field(default_factory=list)
    under_way: dict[str, float] = field(default_factory=dict)

    def destinations(self) -> set[str]:
        """Give those that somebody follows."""
        return {id_ for ids in self.followed.values() for id_ in ids}

    def join(self, follower: int, ids: tuple[str, ...]) -> None:
        """Somebody comes."""
        self.followed[follower] = ids

    def ask(self, follower: int, not_before: float, due: float) -> None:
        """A follower wants a round."""
        self.rounds[follower] = Round(self.followed[follower])
        for id_ in self.followed[follower]:
            self.asks.setdefault(id_, []).append(Asked(follower, not_before, max(not_before, due)))
        self.go_on()

    def stop_asking(self, follower: int) -> None:
        """A follower does not want its round any more."""
        self.rounds.pop(follower, None)
        for asks in self.asks.values():
            asks[:] = [asked for asked in asks if asked.follower != follower]

    def leave(self, follower: int) -> None:
        """A follower goes. What nobody follows is not asked any more."""
        self.stop_asking(follower)
        del self.followed[follower]
        left = self.destinations()
        self.queue = [id_ for id_ in self.queue if id_ in left]
        self.under_way = {id_: began for id_, began in self.under_way.items() if id_ in left}
        self.fill()
        self.go_on()

    def finish(self, id_: str, what: object, bug: BaseException | None) -> None:
        """A poll has come to its end."""
        began = self.under_way.pop(id_)
        served = [asked for asked in self.asks[id_] if asked.not_before <= began]
        self.asks[id_] = [asked for asked in self.asks[id_] if asked.not_before > began]
        self.fill()
        for asked in served:
            round_ = self.rounds[asked.follower]
            if bug is not None:
                round_.bug = bug
            else:
                round_.got[id_] = (what, began)
        for asked in served:
            if self.rounds[asked.follower].bug is not None:
                for asks in self.asks.values():
                    asks[:] = [other for other in asks if other.follower != asked.follower]
        self.go_on()

    def fill(self) -> None:
        """Give free slots to those that queue."""
        while self.queue and len(self.under_way) < self.limit:
            self.under_way[self.queue.pop(0)] = self.time

    def next_due(self) -> tuple[float, str]:
        """Say which destination at rest is due next, and when."""
        at_rest = {id_: asks for id_, asks in self.asks.items() if id_ not in self.queue and id_ not in self.under_way}
        return min(((asked.due, id_) for id_, asks in at_rest.items() for asked in asks), default=(inf, ""))

    def go_on(self, until: float | None = None) -> None:
        """Let the time pass.

        :param until: up to this moment; default: what is due now.
        """
        until = self.time if until is None else until
        while (due := self.next_due())[0] <= until:
            self.time = max(self.time, due[0])
            self.queue.append(due[1])
            self.fill()
        self.time = until
