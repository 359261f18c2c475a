"""Copies over three Regions of moto, looked at with boto3."""

from datetime import datetime, timedelta, timezone

import pytest

from support.clients import KEY, client, every, tag_list, tagged, tags
from support.programs import Ebskeep

NEAR, FAR = "eu-central-1", "us-east-1"


def listed(moto, region):
    return every(client("ec2", moto.url, region), "describe_snapshots", "Snapshots", OwnerIds=["self"])


def volume(moto, destinations, **more):
    wanted = {"Name": "db", "Team": "blue", "Backup": "Yes", "Retention": "7", "Copy_Dest": destinations}
    made = client("ec2", moto.url).create_volume(
        AvailabilityZone="eu-west-1a", Size=2, **tagged("volume", wanted), **more
    )
    return made["VolumeId"]


def one(snapshots):
    assert len(snapshots) == 1, snapshots
    return snapshots[0]


@pytest.mark.proves("5.25")
def test_a_snapshot_is_copied_to_each_region_once_with_all_it_needs(moto, ebskeep):
    of = volume(moto, f"{NEAR} {FAR}")
    ebskeep("apply", "create").expect(0)
    ebskeep("apply", "copy").expect(0)
    source = one(listed(moto, "eu-west-1"))
    copies = {region: one(listed(moto, region)) for region in (NEAR, FAR)}
    for copy in copies.values():
        said = tags(copy)
        assert said["Source_SnapshotId"] == source["SnapshotId"]
        assert (said["ebskeep:source-region"], said["ebskeep:source-account"]) == ("eu-west-1", source["OwnerId"])
        assert (said["ebskeep:volume"], said["Name"], said["Type"]) == (of, tags(source)["Name"], "Automated")
        assert (said["ebskeep:retention"], said["DeleteOn"]) == ("7", tags(source)["DeleteOn"])
        assert "ebskeep:copy-to" not in said, "it is not copied on"
        assert copy["Description"].endswith(f"(copy of {source['SnapshotId']} from eu-west-1)")
        assert not copy["Encrypted"]

    # moto's copies are good at once, and the next run sees that they are.
    ebskeep("apply", "copy").expect(0)
    assert tags(one(listed(moto, "eu-west-1")))["ebskeep:copied-to"] == f"{NEAR} {FAR}"
    # What expired there is not copied again.
    client("ec2", moto.url, NEAR).delete_snapshot(SnapshotId=copies[NEAR]["SnapshotId"])
    report = ebskeep.json("apply", "copy")
    assert report["schema"] == "ebskeep.report/1"
    assert listed(moto, NEAR) == []
    assert one(listed(moto, FAR))["SnapshotId"] == copies[FAR]["SnapshotId"]


def test_a_hold_on_the_primary_reaches_its_copy(moto, ebskeep):
    volume(moto, NEAR)
    ebskeep("apply", "create").expect(0)
    ebskeep("apply", "copy").expect(0)
    source = one(listed(moto, "eu-west-1"))
    held = tag_list({"KeepForever": "true"})
    client("ec2", moto.url).create_tags(Resources=[source["SnapshotId"]], Tags=held)
    ebskeep("apply", "copy").expect(0)
    assert "KeepForever" in tags(one(listed(moto, NEAR)))


def test_an_encrypted_snapshot_is_copied_under_the_key_of_its_destination(moto, ebskeep):
    key = client("kms", moto.url, NEAR).create_key()["KeyMetadata"]["Arn"]
    volume(moto, f"{NEAR} {FAR}", Encrypted=True)
    ebskeep("apply", "create").expect(0)
    ebskeep("apply", "copy", "--copy-kms-key", f"{NEAR}={key}").expect(0)
    named, default = one(listed(moto, NEAR)), one(listed(moto, FAR))
    assert named["Encrypted"] and default["Encrypted"]
    assert named["KmsKeyId"] == key
    assert default.get("KmsKeyId") != key


def test_the_destination_expires_a_copy_by_itself(moto, ebskeep):
    """The primary is gone, and its Region is not asked."""
    volume(moto, NEAR)
    ebskeep("apply", "create").expect(0)
    ebskeep("apply", "copy").expect(0)
    source, copy = one(listed(moto, "eu-west-1")), one(listed(moto, NEAR))
    client("ec2", moto.url).delete_snapshot(SnapshotId=source["SnapshotId"])
    there = Ebskeep(moto.url, KEY, NEAR)

    there("apply", "expire", "--yes").expect(0)
    assert one(listed(moto, NEAR))["SnapshotId"] == copy["SnapshotId"], "its seven days are not over"

    long_ago = datetime.now(timezone.utc) - timedelta(days=200)
    moto.date_snapshot(copy["SnapshotId"], long_ago, NEAR)
    ages = {"ebskeep:started": long_ago.strftime("%Y-%m-%dT%H:%M:%SZ"), "DeleteOn": long_ago.strftime("%Y-%m-%d")}
    client("ec2", moto.url, NEAR).create_tags(Resources=[copy["SnapshotId"]], Tags=tag_list(ages))
    there("apply", "expire", "--yes").expect(0)
    assert len(listed(moto, NEAR)) == 1, "no mark says that its volume is deleted"

    gone = {"ebskeep:source-gone": f"{ages['ebskeep:started']} {source['VolumeId']}"}
    client("ec2", moto.url, NEAR).create_tags(Resources=[copy["SnapshotId"]], Tags=tag_list(gone))
    there("apply", "expire", "--yes").expect(0)
    assert listed(moto, NEAR) == []
