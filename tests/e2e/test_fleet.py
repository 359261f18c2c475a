"""1,200 instances in moto, which pages instances for real."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest

from support.clients import KEY, client, every, tagged, tags
from support.programs import Ebskeep

INSTANCES = 1200
# Those backed up: spread over both pages, and fewer than the burst that AWS
# allows of CreateSnapshot, so that the test does not wait for tokens.
EVERY = 20


@pytest.fixture(scope="module")
def fleet(moto_url):
    """Instance id and volume id of those to be backed up, by name."""
    ec2 = client("ec2", moto_url)

    def start(number: int):
        name = f"web-{number}"
        marks = {"Name": name, "Team": "store"} | ({"Backup": "Yes", "Retention": "14"} if number % EVERY == 0 else {})
        run = ec2.run_instances(
            ImageId="ami-12345678", InstanceType="t3.nano", MinCount=1, MaxCount=1, **tagged("instance", marks)
        )
        instance = run["Instances"][0]
        return name, instance["InstanceId"], instance["BlockDeviceMappings"][0]["Ebs"]["VolumeId"], "Backup" in marks

    # One call each: moto pages reservations, not instances.
    with ThreadPoolExecutor(4) as pool:
        started = list(pool.map(start, range(INSTANCES)))
    assert len(started) == INSTANCES
    return {name: (instance, volume) for name, instance, volume, backed_up in started if backed_up}


def test_every_page_is_seen_and_every_tagged_instance_is_backed_up_once(moto_url, fleet):
    ec2, ebskeep = client("ec2", moto_url), Ebskeep(moto_url, KEY)
    first_page = ec2.describe_instances(MaxResults=1000)
    assert first_page.get("NextToken"), "moto no longer pages: this test shows nothing"
    first = {i["InstanceId"] for r in first_page["Reservations"] for i in r["Instances"]}
    wanted = {instance for instance, _ in fleet.values()}
    assert wanted & first and wanted - first, "there must be some to back up on both pages"

    report = ebskeep.json("apply", "--yes")

    assert report["schema"] == "ebskeep.report/1"
    snapshots = every(ec2, "describe_snapshots", "Snapshots", OwnerIds=["self"])
    assert sorted(s["VolumeId"] for s in snapshots) == sorted(volume for _, volume in fleet.values())
    by_volume = {snapshot["VolumeId"]: snapshot for snapshot in snapshots}
    today = datetime.now(timezone.utc).date()
    for name, (instance, volume) in fleet.items():
        snapshot, marks = by_volume[volume], tags(by_volume[volume])
        device = marks["ebskeep:device"]
        assert snapshot["Description"] == f"{name} - {volume} ({device})"
        slot = marks.pop("ebskeep:slot")
        assert re.fullmatch(rf"({today}|{today - timedelta(days=1)})T00:00:00Z", slot), slot
        deleted_on = marks.pop("DeleteOn")
        assert deleted_on in {str(today + timedelta(days=n)) for n in (13, 14)}, deleted_on
        assert marks == {
            "Type": "Automated",
            "Name": f"{name} {device}",
            "Team": "store",
            "ebskeep:deployment": "default",
            "ebskeep:volume": volume,
            "ebskeep:instance": instance,
            "ebskeep:device": device,
            "ebskeep:retention": "14",
        }

    again = ebskeep.json("apply", "--yes")
    assert again["actions"] == [], "a second run in the same slot has nothing to do"
    assert len(every(ec2, "describe_snapshots", "Snapshots", OwnerIds=["self"])) == len(fleet)
