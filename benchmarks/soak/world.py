# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The other process: a simulated Streamkap whose tides run and to which, now and then, something happens.

``python -m benchmarks.soak.world ARGUMENTS``, where ARGUMENTS is the JSON of plan and clock. Prints its Airflow
connection, answers every line of its standard input with what it was asked so far, and serves until that ends.
"""

from __future__ import annotations

import json
import sys
import threading
from random import Random

from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from benchmarks.haste import HastyClock
from benchmarks.soak.plan import Plan

METRICS = "/metrics"
#: Seconds for which a token is good: several lives of a token in one of the triggerer.
TOKEN_LIFE = 900.0

# What goes wrong, and for how many requests.
TROUBLES = (
    (Fault.status(503), 8),
    (Fault.status(500, body={"detail": "Request timed out"}), 4),
    (Fault.status(429, retry_after=5), 4),
    (Fault.html(502), 4),
    (Fault.not_json(), 3),
    (Fault.reset(), 4),
    (Fault.drop(), 3),
    (Fault.reset("middle"), 3),
    (Fault.truncated(), 3),
    (Fault.hang(), 2),
    (Fault.hang("body"), 2),
    (Fault.gzip(), 20),
)


class World:
    """The simulator, and what happens to it.

    :param plan: of the life.
    :param clock: by which it runs.
    """

    def __init__(self, plan: Plan, clock: HastyClock) -> None:
        self.plan = plan
        self.clock = clock
        self.chance = Random(f"{plan.seed}/world")
        self.revoked = 0
        self.troubles = 0
        self.simulator = StreamkapSimulator(clock=clock.time, token_lifetime=TOKEN_LIFE)
        for kind in ("tides", "stuck", "frail", "dated"):
            for id_ in plan.ids(kind):
                self.simulator.add(id_, self._scenario(kind))

    def _scenario(self, kind: str) -> scenarios.Scenario:
        period = self.chance.uniform(240, 900)
        match kind:
            case "stuck":
                return scenarios.stalled()
            case "frail":
                return scenarios.flapping(period=period, lag=90, other_lag=120, other_status="Broken")
        return scenarios.flapping(period=period, lag=0, other_lag=70)

    def live(self, done: threading.Event) -> None:
        """Let things happen until it is done."""
        while not done.wait(self.chance.expovariate(1 / 30) / self.clock.speed):
            self.happen()

    def happen(self) -> None:
        """Let one thing happen."""
        chance = self.chance.random()
        if chance < 0.1:
            self.revoked += 1
            self.simulator.revoke_tokens()
            return
        self.troubles += 1
        if chance < 0.15:
            # The credentials are refused for a few calls: waits that need a token just then end.
            self.simulator.inject(Fault.status(401), path="/auth/access-token", times=1)
            self.simulator.revoke_tokens()
        else:
            fault, times = self.chance.choice(TROUBLES)
            self.simulator.inject(fault, path=METRICS, times=times)

    def told(self) -> dict[str, int]:
        """Tell what it was asked so far, and what has happened."""
        return {
            "requests": self.simulator.count(METRICS),
            "tokens": self.simulator.token_calls,
            "connections": self.simulator.connections,
            "revoked": self.revoked,
            "troubles": self.troubles,
        }


def main() -> None:
    """Serve what the command line says."""
    arguments = json.loads(sys.argv[1])
    world = World(Plan(**arguments["plan"]), HastyClock(**arguments["clock"]))
    done = threading.Event()
    with world.simulator:
        # A request that hangs is given up soon: the time-out is kept in seconds of the triggerer's time.
        print(world.simulator.airflow_connection(timeout=60, max_attempts=3), flush=True)
        happening = threading.Thread(target=world.live, args=(done,))
        happening.start()
        for _ in sys.stdin:
            print(json.dumps(world.told()), flush=True)
        done.set()
        happening.join()


if __name__ == "__main__":
    main()
