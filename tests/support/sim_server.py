"""Our own EC2, served by `ebskeep demo --serve`, and its control endpoints."""

import json
import re
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from support.programs import PATIENCE, environment, program

# The one image that every Region of it has from Amazon (crates/sim, builtin.rs).
IMAGE = "ami-0a3a201d1f6a2e8c5"


class Sim:
    """A running server."""

    def __init__(self, url: str) -> None:
        self.url = url

    def control(self, path: str, body: Any = None) -> Any:
        """GET, or POST if there is a body, of `/_sim/<path>`."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_sim/{path}", data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def advance(self, **time_passed: float) -> None:
        """Lets time pass: `minutes=10`."""
        seconds = int(timedelta(**time_passed).total_seconds())
        self.control("clock", {"advance": f"{seconds}s"})


@contextmanager
def sim_server() -> Iterator[Sim]:
    """A server on a free port, gone afterwards."""
    with tempfile.TemporaryFile("w+") as talk:
        process = subprocess.Popen(
            [program("EBSKEEP_BIN"), "demo", "--serve", "127.0.0.1:0"],
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=talk,
            stderr=subprocess.STDOUT,
        )
        try:
            yield Sim(_address(process, talk))
        finally:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen, talk: Any) -> str:
    """The address it says it listens on."""
    until = time.monotonic() + PATIENCE
    said = ""
    while time.monotonic() < until:
        talk.seek(0)
        said = talk.read()
        if found := re.search(r"http://127\.0\.0\.1:\d+", said):
            return found[0]
        assert process.poll() is None, f"`ebskeep demo --serve` ended with {process.returncode}:\n{said}"
        time.sleep(0.05)
    raise AssertionError(f"`ebskeep demo --serve` named no address:\n{said}")
