"""Small worlds in sim, one account each."""

from datetime import datetime, timedelta, timezone
from typing import Any

from support.clients import tagged
from support.sim_server import IMAGE, Account


def instance(account: Account, region: str = "eu-west-1", **marks: str) -> str:
    """Starts an instance with these tags; the id of its volume."""
    ec2 = account.ec2(region)
    started = ec2.run_instances(ImageId=IMAGE, MinCount=1, MaxCount=1, **tagged("instance", marks))["Instances"][0]
    seen = ec2.describe_instances(InstanceIds=[started["InstanceId"]])["Reservations"][0]["Instances"][0]
    return seen["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]


def volume(account: Account, region: str = "eu-west-1", **marks: str) -> str:
    """Makes an unattached volume with these tags."""
    made = account.ec2(region).create_volume(AvailabilityZone=f"{region}a", Size=1, **tagged("volume", marks))
    return made["VolumeId"]


def backups(account: Account, of: str, days_ago: list[int], days: int = 7, by: str = "ebskeep") -> list[str]:
    """Backups of a volume as taken in the past, to be kept that many days. The
    original tool knew no slots.
    """
    now = datetime.now(timezone.utc)
    taken = []
    for age in days_ago:
        start = now - timedelta(days=age, minutes=1)
        marks = {"Type": "Automated", "DeleteOn": f"{start + timedelta(days=days):%Y-%m-%d}"}
        if by == "ebskeep":
            marks |= {
                "ebskeep:slot": f"{start:%Y-%m-%dT00:00:00Z}",
                "ebskeep:deployment": "default",
                "ebskeep:volume": of,
            }
        taken.append((start, marks))
    return account.put_snapshots(of, taken)


def volumes_of(account: Account, region: str = "eu-west-1") -> list[str]:
    """The volumes that the account's snapshots are of, sorted."""
    return sorted(snapshot["VolumeId"] for snapshot in account.snapshots(region))


def by_age(account: Account) -> list[dict[str, Any]]:
    """The account's snapshots, newest first."""
    return sorted(account.snapshots(), key=lambda snapshot: snapshot["StartTime"], reverse=True)
