"""Are the server's buckets AWS's? Measured from outside by plain loops of boto3,
which makes one call after the other, without retries, as fast as they go.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from bench.measure import REGION
from support.clients import key_of
from support.sim_server import Account, Sim

# AWS's buckets, from docs/facts.md: what is called, calls a full one holds, calls it
# gains each second. What is asked for is not there: that is found out after the bucket.
BUCKETS: list[tuple[str, dict[str, Any], int, int]] = [
    ("describe_snapshots", {"OwnerIds": ["self"], "MaxResults": 5}, 100, 20),
    ("describe_volumes", {}, 50, 10),
    ("create_snapshot", {"VolumeId": "vol-0123456789abcdef0"}, 100, 5),
    ("create_snapshots", {"InstanceSpecification": {"InstanceId": "i-0123456789abcdef0"}}, 100, 5),
    ("delete_snapshot", {"SnapshotId": "snap-0123456789abcdef0"}, 100, 5),
    ("create_tags", {"Resources": ["snap-0123456789abcdef0"], "Tags": [{"Key": "a", "Value": "b"}]}, 100, 10),
    ("delete_tags", {"Resources": ["snap-0123456789abcdef0"], "Tags": [{"Key": "a"}]}, 100, 10),
    ("copy_snapshot", {"SourceRegion": REGION, "SourceSnapshotId": "snap-0123456789abcdef0"}, 50, 5),
]
SECONDS = 60
LOOPS = 4


def client(account: Account) -> Any:
    """boto3 without retries."""
    once = Config(retries={"total_max_attempts": 1}, max_pool_connections=LOOPS * len(BUCKETS))
    given = {"aws_access_key_id": key_of(account.id), "aws_secret_access_key": "secret"}
    return boto3.client("ec2", region_name=REGION, endpoint_url=account.sim.url, config=once, **given)


def loop(ec2: Any, operation: str, arguments: dict[str, Any], began: float) -> list[tuple[float, bool]]:
    """When each call was answered, and whether the bucket let it through."""
    answers = []
    while (at := time.monotonic() - began) < SECONDS:
        try:
            getattr(ec2, operation)(**arguments)
            passed = True
        except ClientError as error:
            passed = error.response["Error"]["Code"] != "RequestLimitExceeded"
        answers.append((at, passed))
    return answers


def measured(answers: list[tuple[float, bool]]) -> tuple[float, float]:
    """Burst and refill: the line through what had passed by the time that the bucket
    was first empty, and at the end.
    """
    answers = sorted(answers)
    empty = next(at for at, passed in answers if not passed)
    passing = [at for at, passed in answers if passed]
    later = [at for at in passing if at > empty]
    refill = (len(later) - 1) / (later[-1] - later[0])
    return len(passing) - refill * passing[-1], refill


def buckets(sim: Sim) -> list[str]:
    """Whether the server's buckets are AWS's; if not, no figure counts."""
    ec2 = client(sim.new_account())
    began = time.monotonic()
    with ThreadPoolExecutor(LOOPS * len(BUCKETS)) as pool:
        loops = [
            [pool.submit(loop, ec2, operation, arguments, began) for _ in range(LOOPS)]
            for operation, arguments, _, _ in BUCKETS
        ]
        answers = [[answer for one in many for answer in one.result()] for many in loops]
    rows, right = [], True
    for (operation, _, burst, refill), seen in zip(BUCKETS, answers):
        held, gained = measured(seen)
        right &= abs(held / burst - 1) <= 0.02 and abs(gained / refill - 1) <= 0.02
        rows.append(f"| {operation} | {burst} | {held:.1f} | {refill} | {gained:.2f} | {len(seen)} |")
    assert right, "\n".join(["these are not AWS's buckets, so no figure counts:", *rows])
    return ["| call | burst | measured | refill | measured | calls |", "|---|---|---|---|---|---|", *rows]
