"""Running a program and saying what that took."""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from support.clients import key_of
from support.programs import environment
from support.sim_server import Account

REGION = "eu-west-1"


@dataclass(frozen=True)
class Took:
    """How a process ended, and what it took."""

    code: int
    seconds: float
    # The most memory that was resident at once.
    mib: float
    output: str

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s, {self.mib:.0f} MiB, exit code {self.code}"


def variables(account: Account) -> dict[str, str]:
    """What leads any AWS client into an account of a server."""
    return {
        "AWS_ACCESS_KEY_ID": key_of(account.id),
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": account.sim.url,
    }


# Whoever is forked counts the memory of the process that it was forked from as its
# own, so a small one starts what is measured, and tells what that took.
STARTER = """
import json, os, sys, time
began = time.monotonic()
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
took = [os.waitstatus_to_exitcode(status), time.monotonic() - began, usage.ru_maxrss / 1024]
with open(sys.argv[1], "w") as told:
    json.dump(took, told)
"""


def run(*command: str, **more: str) -> Took:
    """Runs it to its end. What takes less than 10 MiB counts as that."""
    with tempfile.NamedTemporaryFile("r") as told:
        small = [sys.executable, "-I", "-S", "-c", STARTER, told.name, *command]
        ended = subprocess.run(
            small,
            env=environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        )
        code, seconds, mib = json.load(told)
        return Took(code, seconds, mib, ended.stdout)


def resident(pid: int) -> float:
    """The most memory in MiB that a living process had resident so far."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


@dataclass(frozen=True)
class Calls:
    """The calls of an account, as the server saw them."""

    made: Counter
    throttled: int
    failed: Counter

    def __str__(self) -> str:
        made = ", ".join(f"{count} {name}" for name, count in sorted(self.made.items()))
        failed = ", ".join(f"{count} {name}" for name, count in sorted(self.failed.items())) or "none"
        share = 100 * self.throttled / max(1, self.made.total())
        return f"{made}; {self.throttled} throttled ({share:.1f} %); other failures: {failed}"


def calls(account: Account) -> Calls:
    """What was called in it so far."""
    log = account.sim.calls(account.id)
    codes = Counter(call["outcome"]["refused"] for call in log if "refused" in call["outcome"])
    throttled = codes.pop("RequestLimitExceeded", 0)
    return Calls(Counter(call["action"] for call in log), throttled, codes)


@contextmanager
def least_free() -> Iterator[list[float]]:
    """The least memory in MiB that was free for the asking meanwhile, as its one
    item: what a tree of processes takes is told by no one of them.
    """
    least, done = [available()], threading.Event()

    def watch() -> None:
        while not done.wait(0.2):
            least[0] = min(least[0], available())

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield least
    finally:
        done.set()
        watching.join()


def available() -> float:
    """Memory that is free for the asking, in MiB."""
    with open("/proc/meminfo", encoding="ascii") as meminfo:
        return next(int(line.split()[1]) / 1024 for line in meminfo if line.startswith("MemAvailable"))
