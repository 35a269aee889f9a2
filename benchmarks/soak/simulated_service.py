# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""Run a simulated Streamkap service with changing lag and random faults, in its own process.

``python -m benchmarks.soak.simulated_service ARGUMENTS``, where ARGUMENTS is the JSON of plan and clock, prints its
Airflow connection. It then prints its counters for each line on standard input, and stops at the end of input.
"""

from __future__ import annotations

import json
import sys
import threading
from random import Random

from airflow_provider_streamkap.testing import Fault, StreamkapSimulator, scenarios
from benchmarks.fast_loop import FastClock
from benchmarks.soak.plan import Plan

METRICS = "/metrics"
#: Token lifetime in seconds, short enough for several refreshes per run.
TOKEN_LIFETIME = 900.0

# Faults, and the number of requests that each affects.
FAULTS = (
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


class SimulatedService:
    """The simulator, and the faults injected into it.

    :param plan: parameters of the run.
    :param clock: clock of the simulator.
    """

    def __init__(self, plan: Plan, clock: FastClock) -> None:
        self.plan = plan
        self.clock = clock
        self.random = Random(f"{plan.seed}/world")
        self.revoked = 0
        self.faults = 0
        self.simulator = StreamkapSimulator(clock=clock.time, token_lifetime=TOKEN_LIFETIME)
        for kind in ("cycling", "stalled", "flapping", "timestamped"):
            for id_ in plan.ids(kind):
                self.simulator.add(id_, self._scenario(kind))

    def _scenario(self, kind: str) -> scenarios.Scenario:
        period = self.random.uniform(240, 900)
        match kind:
            case "stalled":
                return scenarios.stalled()
            case "flapping":
                return scenarios.flapping(period=period, lag=90, other_lag=120, other_status="Broken")
        return scenarios.flapping(period=period, lag=0, other_lag=70)

    def inject_faults(self, done: threading.Event) -> None:
        """Inject faults at random times until ``done`` is set."""
        while not done.wait(self.random.expovariate(1 / 30) / self.clock.speed):
            self.inject_fault()

    def inject_fault(self) -> None:
        """Revoke all tokens or inject one random fault."""
        random = self.random.random()
        if random < 0.1:
            self.revoked += 1
            self.simulator.revoke_tokens()
            return
        self.faults += 1
        if random < 0.15:
            # Reject the credentials once: waits that need a new token at this time fail.
            self.simulator.inject(Fault.status(401), path="/auth/access-token", times=1)
            self.simulator.revoke_tokens()
        else:
            fault, times = self.random.choice(FAULTS)
            self.simulator.inject(fault, path=METRICS, times=times)

    def counters(self) -> dict[str, int]:
        """Return the counters of requests and faults so far."""
        return {
            "requests": self.simulator.count(METRICS),
            "tokens": self.simulator.token_calls,
            "connections": self.simulator.connections,
            "revoked": self.revoked,
            "faults": self.faults,
        }


def main() -> None:
    """Run the service with the arguments from the command line."""
    arguments = json.loads(sys.argv[1])
    service = SimulatedService(Plan(**arguments["plan"]), FastClock(**arguments["clock"]))
    done = threading.Event()
    with service.simulator:
        # The timeout is in simulated seconds, so that hanging requests end soon.
        print(service.simulator.airflow_connection(timeout=60, max_attempts=3), flush=True)
        injector = threading.Thread(target=service.inject_faults, args=(done,))
        injector.start()
        for _ in sys.stdin:
            print(json.dumps(service.counters()), flush=True)
        done.set()
        injector.join()


if __name__ == "__main__":
    main()
