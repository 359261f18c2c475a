"""moto, in a process of its own or in this one."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"

from moto.ec2.models import ec2_backends  # noqa: E402  (moto must see the variable above)
from moto.server import ThreadedMotoServer  # noqa: E402

from support.clients import ACCOUNT  # noqa: E402

SERVE = Path(__file__).parent.parent / "serve_moto.py"


@contextmanager
def moto_process() -> Iterator[str]:
    """The URL of a moto server as others run it: a process."""
    with subprocess.Popen(
        [sys.executable, str(SERVE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdin and server.stdout
        try:
            yield server.stdout.readline().strip()
        finally:
            server.stdin.close()


class MotoHere:
    """moto in this process, so that a test can reach behind the API."""

    def __init__(self, server: ThreadedMotoServer) -> None:
        host, port = server.get_host_and_port()
        self.url = f"http://{host}:{port}"

    def date_snapshot(self, snapshot: str, start: datetime, region: str = "eu-west-1") -> None:
        """Makes a snapshot begin in the past, which no API can."""
        ec2_backends[ACCOUNT][region].snapshots[snapshot].start_time = start

    def reset(self) -> None:
        """Forgets everything."""
        for backend in ec2_backends[ACCOUNT].values():
            backend.reset()


@contextmanager
def moto_here() -> Iterator[MotoHere]:
    # A line for each request, on the terminal of whoever runs the tests.
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield MotoHere(server)
    finally:
        server.stop()
