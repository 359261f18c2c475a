"""The function beside a Python one: how long until it asks for its first event, how
long until it has answered that, and the memory that takes.
"""

import json
import statistics
import subprocess
import sys
import threading
import time
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bench import worlds
from bench.measure import resident, variables
from support.lambda_runtime import ARN, Handler, configured
from support.programs import PATIENCE, environment, program
from support.sim_server import Account, Sim

STARTS = 15
INSTANCES = 50
# More than a function can delete by then.
DUE, DEADLINE = 50_000, 120


class _Api(ThreadingHTTPServer):
    """The Runtime API, as far as one event needs it."""

    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Whoever is killed hangs up: that is how it is meant."""

    def __init__(self, job: str, seconds: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.event, self.seconds, self.ended = json.dumps({"job": job}).encode(), seconds, ""
        self.asked, self.answered, self.given = threading.Event(), threading.Event(), False
        self.at: dict[str, float] = {}


class _Handler(Handler):
    server: _Api

    def do_GET(self) -> None:
        if self.server.given:
            # There is no second event.
            time.sleep(PATIENCE)
            return
        self.server.given = True
        self.server.at["asked"] = time.monotonic()
        self.server.asked.set()
        self.send(
            200,
            self.server.event,
            {
                "Lambda-Runtime-Aws-Request-Id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
                "Lambda-Runtime-Deadline-Ms": str(int((time.time() + self.server.seconds) * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": ARN,
            },
        )

    def do_POST(self) -> None:
        said = json.loads(self.body() or "null")
        self.server.ended = said.get("errorType", "Done") if isinstance(said, dict) else "Done"
        self.server.at.setdefault("answered", time.monotonic())
        self.send(202, b"{}")
        self.server.answered.set()


def once(
    command: list[str], account: Account, answer: bool, job: str = "create", within: int = 900, ends: str = "Done"
) -> tuple[float, float]:
    """Seconds from the start to the first `/next`, or to the answer, which is to be had
    within so many seconds and to end so; and MiB.
    """
    api = _Api(job, within)
    threading.Thread(target=api.serve_forever, daemon=True).start()
    given = variables(account) | configured(api)
    began = time.monotonic()
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, env=environment(**given), **quiet)
    try:
        assert (api.answered if answer else api.asked).wait(PATIENCE), f"{command} never did"
        assert not answer or api.ended == ends, f"it ended as {api.ended}"
        return api.at["answered" if answer else "asked"] - began, resident(process.pid)
    finally:
        process.kill()
        process.wait()
        api.shutdown()
        api.server_close()


def row(who: str, command: list[str], sim: Sim) -> list[str]:
    """Starts, over and over in an account where nothing is due, and one answer."""
    empty = sim.new_account()
    starts = [once(command, empty, answer=False) for _ in range(STARTS)]
    busy = sim.new_account()
    worlds.fleet(busy, INSTANCES)
    seconds, mib = once(command, busy, answer=True)
    made = len(busy.snapshots())
    first, spread = statistics.median(s for s, _ in starts), (min(s for s, _ in starts), max(s for s, _ in starts))
    return [
        f"* {who}: asks for its first event after {1000 * first:.0f} ms "
        f"({1000 * spread[0]:.0f} to {1000 * spread[1]:.0f} of {STARTS}), "
        f"with {statistics.median(m for _, m in starts):.1f} MiB; "
        f"{made} snapshots of {INSTANCES} instances answered after {seconds:.1f} s, with {mib:.1f} MiB"
    ]


def measure(sim: Sim) -> list[str]:
    """The function beside a Python one, and over as many snapshots as a Region has."""
    script = Path(__file__).parent / "baseline_function.py"
    ours = [program("EBSKEEP_BOOTSTRAP")]
    full = sim.new_account()
    worlds.many(full, 100_000)
    rows = [*row("ebskeep", ours, sim), *row("Python", [sys.executable, str(script)], sim)]
    seconds, mib = once(ours, full, answer=True, job="expire")
    rows.append(f"* ebskeep, `expire` over 100,000 snapshots: {seconds:.1f} s, with {mib:.0f} MiB of a function's 256")
    full = sim.new_account()
    worlds.due(full, DUE)
    before = len(full.snapshots())
    seconds, mib = once(ours, full, answer=True, job="expire", within=DEADLINE, ends="Unfinished")
    gone = before - len(full.snapshots())
    return [
        *rows,
        f"* ebskeep, `expire` of {DUE:,} snapshots with {DEADLINE} s left: stops after {seconds:.1f} s, "
        f"{gone} deleted, with {mib:.0f} MiB",
    ]
