"""The accounts that are measured over."""

from datetime import datetime, timedelta, timezone

from support.sim_server import Account

from bench.measure import REGION

VOLUMES_EACH = 3


def fleet(account: Account, instances: int) -> list[str]:
    """So many instances tagged as LEGACY's users tag them, three volumes each; the
    ids of the volumes.
    """
    place = {"account": account.id, "region": REGION, "act": "run"}
    deeds = [
        place | {"volumes": {"/dev/sdf": 8, "/dev/sdg": 8}, "tags": {"Name": f"server-{n}", "Backup": "Yes", "Retention": "14"}}
        for n in range(instances)
    ]
    account.sim.post_many("act", deeds)
    return volumes(account)


def volumes(account: Account) -> list[str]:
    """All its volumes."""
    pages = account.ec2().get_paginator("describe_volumes").paginate(PaginationConfig={"PageSize": 1000})
    return [volume["VolumeId"] for page in pages for volume in page["Volumes"]]


def due(account: Account, snapshots: int) -> None:
    """So many snapshots past their time, twenty of each volume, and for each volume
    one of today that is not.
    """
    ids = fleet(account, -(-snapshots // (20 * VOLUMES_EACH)))
    now = datetime.now(timezone.utc)
    left = snapshots
    for volume in ids:
        old = min(20, left)
        left -= old
        account.put_snapshots(volume, [(now - timedelta(days=20 + n), marks(volume, now, now)) for n in range(old)])
        account.put_snapshots(volume, [(now - timedelta(minutes=1), marks(volume, now, now + timedelta(days=14)))])


def gone(account: Account, volumes: int, due: int) -> None:
    """Snapshots of 200 days ago of so many volumes that do not exist, of which so many are past
    their time and the 90 days for which the newest one stays after it; and one instance that is backed up.
    """
    fleet(account, 1)
    now = datetime.now(timezone.utc)
    start = now - timedelta(days=200)
    place = {"account": account.id, "region": REGION, "act": "put-snapshot"}
    deeds = []
    for n in range(volumes):
        volume = f"vol-{n:017x}"
        tags = marks(volume, start, now + timedelta(days=-100 if n < due else 100))
        deeds.append(place | {"volume": volume, "started": f"{start:%Y-%m-%dT%H:%M:%SZ}", "tags": tags})
    account.sim.post_many("act", deeds)


def marks(volume: str, begun: datetime, delete_on: datetime) -> dict[str, str]:
    """What `create` writes."""
    return {
        "Type": "Automated",
        "DeleteOn": f"{delete_on:%Y-%m-%d}",
        "ebskeep:slot": f"{begun:%Y-%m-%dT00:00:00Z}",
        "ebskeep:deployment": "default",
        "ebskeep:volume": volume,
    }


def many(account: Account, snapshots: int) -> None:
    """So many snapshots of as many days and volumes as a Region at its quota has: 50
    of each volume, those of `daily=30 weekly=20`, as `create` tags them.
    """
    ids = fleet(account, -(-snapshots // (50 * VOLUMES_EACH)))
    now = datetime.now(timezone.utc)
    ages = [*range(1, 31), *range(35, 35 + 20 * 7, 7)]
    left = snapshots
    for place, volume in enumerate(ids):
        taken = []
        for age in ages[: min(50, left)]:
            start = now - timedelta(days=age, seconds=place % 3_600)
            taken.append((start, marks(volume, start, start + timedelta(days=400))))
        left -= len(taken)
        account.put_snapshots(volume, taken)
