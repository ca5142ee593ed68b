"""What idle connections cost: thousands are opened, each asks once, and then they do nothing."""

import asyncio
import dataclasses
import os
import ssl
import statistics
import sys

from contender import Contender, version

sys.path.append(os.path.join(os.path.dirname(__file__), "..", "..", "tests", "live"))

import idle  # noqa: E402: of tests/live


class Member:
    """A proxy that is started anew for each measurement, in clear and over TLS."""

    def __init__(self, name, binary, scenario, directory, upstream, pair):
        self.name, self.binary = name, binary
        self.start = lambda tls: Contender(
            name, binary, dataclasses.replace(scenario, tls=tls), directory, upstream, None, pair)
        self.cert, self.rounds = pair[0], []

    def measure(self, count):
        self.rounds.append({})
        for wire in ("clear", "tls"):
            context = ssl.create_default_context(cafile=self.cert) if wire == "tls" else None
            contender = self.start(wire == "tls")
            try:
                # `idle` asks it for its `resident()` memory and its `port`.
                contender.resident = lambda: contender.child.own() // 1024
                empty, full, _, failed, gone = asyncio.run(idle.measure(contender, count, context))
            finally:
                contender.stop()
            if failed or gone:
                raise RuntimeError(f"{self.name}: {failed} of {count} failed, {gone} were closed ({wire})")
            self.rounds[-1] |= {f"{wire}_empty": empty, f"{wire}_each": (full - empty) / count}

    def summary(self):
        median = {key: statistics.median(one[key] for one in self.rounds) for key in self.rounds[0]}
        return {"name": self.name, "version": version(self.name, self.binary), **median, "rounds": self.rounds}
