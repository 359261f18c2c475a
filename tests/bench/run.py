"""Measures the built programs against our own EC2 over loopback, with AWS's buckets
and 80 ms a call: `cargo xtask bench NAME…`. It reports; nothing here is a test.
"""

import json
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import wraps
from pathlib import Path

from support.programs import program
from support.sim_server import Account, Sim, sim_server

from bench import clone, files, function, worlds
from bench.buckets import buckets
from bench.measure import Took, calls, run, variables

HERE = Path(__file__).parent
CALL = {"latency": "80ms", "completes-after": "0s"}


def ebskeep(account: Account, *arguments: str) -> Took:
    """The command, released."""
    return run(program("EBSKEEP_BIN"), *arguments, **variables(account))


def baseline(account: Account, script: str) -> Took:
    """One of the Python programs."""
    return run(sys.executable, str(HERE / script), **variables(account))


def beside(who: str, account: Account, took: Took, ideal: float, there: str) -> list[str]:
    """One side of a comparison."""
    last = took.output.strip().splitlines()[-1:]
    said = f"; it said {last[0][:160]!r}" if took.code else ""
    return [f"* {who}: {took}, {took.seconds / ideal:.3f} of {ideal:.0f} s{said}", f"  * {calls(account)}", f"  * {there}"]


def both(ours: Callable[[], Took], theirs: Callable[[], Took]) -> tuple[Took, Took]:
    """Side by side, each in an account of its own: neither needs the processor for
    long, and each waits for its own buckets.
    """
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(ours), pool.submit(theirs)
        return first.result(), second.result()


def create(sim: Sim) -> list[str]:
    """Snapshots of 1,000 instances with three volumes each."""
    us, them = sim.new_account(), sim.new_account()
    for account in (us, them):
        worlds.fleet(account, 1_000)
    ours, theirs = both(
        lambda: ebskeep(us, "apply", "create", "--api-share", "100", "--format", "json"),
        lambda: baseline(them, "baseline_creator.py"),
    )

    def there(account: Account) -> str:
        made = account.snapshots()
        return f"snapshots: {len(made)}, of them with tags: {sum(1 for snapshot in made if snapshot.get('Tags'))}"

    # CreateSnapshots, one for each instance, has a bucket of 100 that gains 5 a second:
    # 180 s. What only one snapshot of a set is tagged with is a CreateTags of its own:
    # 3,000 from a bucket of 100 that gains 10, meanwhile. One by one there are 3,000
    # CreateSnapshot.
    return [
        *beside("ebskeep", us, ours, max((1_000 - 100) / 5, (3_000 - 100) / 10), there(us)),
        *beside("Python", them, theirs, (3_000 - 100) / 5, there(them)),
    ]


def expire(sim: Sim) -> list[str]:
    """2,000 snapshots that are due to go."""
    us, them = sim.new_account(), sim.new_account()
    for account in (us, them):
        worlds.due(account, 2_000)
    before = len(us.snapshots())
    limits = ("--max-delete", "10000", "--max-delete-percent", "100")
    ours, theirs = both(
        lambda: ebskeep(us, "apply", "expire", "--yes", *limits, "--api-share", "100", "--format", "json"),
        lambda: baseline(them, "baseline_manager.py"),
    )

    def there(account: Account) -> str:
        return f"deleted: {before - len(account.snapshots())}"

    ideal = (2_000 - 100) / 5
    return [*beside("ebskeep", us, ours, ideal, there(us)), *beside("Python", them, theirs, ideal, there(them))]


def listing(sim: Sim) -> list[str]:
    """100,000 snapshots, a second for each page of 1,000."""
    account = sim.new_account()
    worlds.many(account, 100_000)
    sim.control("rules", {"latency": "1s"})
    planned = ebskeep(account, "plan", "expire", "--format", "json")
    sim.control("rules", CALL)
    plan = json.loads(planned.output[planned.output.index("{") :])
    # Each call is told when it had been on its way for its second.
    pages = [call["at"] for call in sim.calls(account.id) if call["action"] == "DescribeSnapshots"]
    first, last = datetime.fromisoformat(min(pages)), datetime.fromisoformat(max(pages))
    return [
        f"* the listing: {(last - first).total_seconds() + 1:.1f} s, the whole process: {planned}",
        f"  * {calls(account)}",
        f"  * of {plan['summary']['snapshots']} snapshots; findings: {[f['code'] for f in plan['findings']]}",
    ]


GONE, DUE_OF_GONE = 7_685, 100


def gone(sim: Sim) -> list[str]:
    """7,685 volumes that no longer exist, each with an old snapshot; 100 of those are due."""
    def asked(account: Account) -> int:
        return sum(1 for call in sim.calls(account.id) if call["action"] == "DescribeVolumes")

    rows = []
    for command in (("plan", "create"), ("watch",), ("plan", "expire")):
        account = sim.new_account()
        worlds.gone(account, GONE, DUE_OF_GONE)
        before = asked(account)
        took = ebskeep(account, *command, "--api-share", "100", "--format", "json")
        most = 1 if command != ("plan", "expire") else 1 + 40 + DUE_OF_GONE
        number = asked(account) - before
        rows += [
            f"* {' '.join(command)}: {took}; DescribeVolumes: {number}, of {most} that are promised at most",
            f"  * {calls(account)}",
        ]
    return rows


def over_the_wire(measure: Callable[[Sim], list[str]]) -> Callable[[], list[str]]:
    """The same with a server of its own."""

    @wraps(measure)
    def measured() -> list[str]:
        with sim_server() as sim:
            sim.control("rules", CALL | {"snapshots-per-region": 1_000_000})
            return measure(sim)

    return measured


MEASURES: dict[str, Callable[[], list[str]]] = {
    "buckets": over_the_wire(buckets),
    "create": over_the_wire(create),
    "expire": over_the_wire(expire),
    "list": over_the_wire(listing),
    "gone": over_the_wire(gone),
    "files": files.measure,
    "function": over_the_wire(function.measure),
    "clone": clone.measure,
}


# What is measured over these counts only where the server's buckets are AWS's.
OVER_BUCKETS = {"create", "expire", "list", "gone"}


def main(names: Iterable[str]) -> None:
    names = list(names)
    if OVER_BUCKETS & {*names} and "buckets" not in names:
        names.insert(0, "buckets")
    for name in names:
        print(f"\n── {name}: {(MEASURES[name].__doc__ or '').strip()}", flush=True)
        print("\n".join(MEASURES[name]()), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or MEASURES)
