"""Our own EC2, served by `ebskeep demo --serve`, and its control endpoints."""

import http.client
import itertools
import json
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from botocore.client import BaseClient

from support.clients import client, every, key_of
from support.programs import PATIENCE, Ebskeep, environment, program

# The one image that every Region of it has from Amazon (crates/sim, builtin.rs).
IMAGE = "ami-0a3a201d1f6a2e8c5"


class Sim:
    """A running server."""

    def __init__(self, url: str) -> None:
        self.url = url
        # Kept open: a scene may be a hundred thousand deeds.
        self._line = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)
        self._accounts = (f"{number:012}" for number in itertools.count(100000000001))

    def post_many(self, path: str, bodies: list[Any]) -> list[Any]:
        """As many `control`s, sent without waiting for each answer."""
        answers: list[Any] = []
        host = urlsplit(self.url)
        with socket.create_connection((host.hostname, host.port), timeout=PATIENCE) as line, line.makefile("rb") as said:
            for start in range(0, len(bodies), 100):
                batch = [json.dumps(body).encode() for body in bodies[start : start + 100]]
                head = f"POST /_sim/{path} HTTP/1.1\r\nHost: {host.netloc}\r\nContent-Length: "
                line.sendall(b"".join(f"{head}{len(body)}\r\n\r\n".encode() + body for body in batch))
                for body in batch:
                    status = said.readline()
                    headers = http.client.parse_headers(said)
                    text = said.read(int(headers["content-length"]))
                    assert status.startswith(b"HTTP/1.1 200"), f"{body!r}: {status!r} {text!r}"
                    answers.append(json.loads(text))
        return answers

    def new_account(self) -> "Account":
        """An account with nothing in it, so that tests share a server."""
        return Account(self, next(self._accounts))

    def control(self, path: str, body: Any = None) -> Any:
        """GET, or POST if there is a body, of `/_sim/<path>`."""
        method, data = ("GET", None) if body is None else ("POST", json.dumps(body))
        self._line.request(method, f"/_sim/{path}", data, {"Content-Type": "application/json"})
        answer = self._line.getresponse()
        text = answer.read()
        assert answer.status == 200, f"{method} /_sim/{path} {data}: {answer.status} {text!r}"
        return json.loads(text)

    def advance(self, **time_passed: float) -> None:
        """Lets time pass: `minutes=10`."""
        seconds = int(timedelta(**time_passed).total_seconds())
        self.control("clock", {"advance": f"{seconds}s"})

    def calls(self, account: str) -> list[dict[str, Any]]:
        """The calls that were made as an account."""
        return [call for call in self.control("calls") if call["account"] == account]


@dataclass(frozen=True)
class Account:
    """One account of a running server."""

    sim: Sim
    id: str

    def ec2(self, region: str = "eu-west-1") -> BaseClient:
        """boto3 in it."""
        return client("ec2", self.sim.url, region, self.id)

    def ebskeep(self, region: str = "eu-west-1") -> Ebskeep:
        """The command in it."""
        return Ebskeep(self.sim.url, key_of(self.id), region)

    def fault(self, what: Any, **when: Any) -> None:
        """Something goes wrong on the next call in it, or as `when` says."""
        self.sim.control("fault", {"when": {"account": self.id, **when}, "what": what})

    def refuse(self, action: str, code: str = "UnauthorizedOperation", **when: Any) -> None:
        """Every call of an action is refused."""
        self.fault({"refuse": {"code": code}}, action=action, times=None, **when)

    def put_snapshots(self, volume: str, snapshots: list[tuple[datetime, dict[str, str]]]) -> list[str]:
        """Completed snapshots with a past: when they began, and tags. Their ids."""
        place = {"account": self.id, "region": "eu-west-1", "act": "put-snapshot", "volume": volume}
        deeds = [place | {"started": f"{start:%Y-%m-%dT%H:%M:%SZ}", "tags": tags} for start, tags in snapshots]
        return [made["id"] for made in self.sim.post_many("act", deeds)]

    def snapshots(self, region: str = "eu-west-1") -> list[dict[str, Any]]:
        """Every snapshot it has."""
        return every(self.ec2(region), "describe_snapshots", "Snapshots", OwnerIds=["self"])


@contextmanager
def sim_server() -> Iterator[Sim]:
    """A server on a free port, gone afterwards."""
    with tempfile.TemporaryFile("w+") as talk:
        process = subprocess.Popen(
            [program("EBSKEEP_BIN"), "demo", "--serve", "127.0.0.1:0", "--empty"],
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
