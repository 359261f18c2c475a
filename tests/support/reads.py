"""What our types read of each answer, in boto3's names; held against botocore's
reading by the parity tests and against sim's writing by the oracle.
"""

from datetime import datetime, timezone
from typing import Any

Shape = dict[str, Any]

TAGS: Shape = {"Key": str, "Value": str}

# Lists are written as what they hold; the wire says which they are.
READS: dict[str, Shape] = {
    "DescribeInstances": {
        "NextToken": str,
        "Reservations": {
            "Instances": {
                "InstanceId": str,
                "State": {"Name": str},
                "RootDeviceName": str,
                "BlockDeviceMappings": {"DeviceName": str, "Ebs": {"VolumeId": str}},
                "Tags": TAGS,
            },
        },
    },
    "DescribeVolumes": {
        "NextToken": str,
        "Volumes": {
            "VolumeId": str,
            "State": str,
            "Size": int,
            "Attachments": {"InstanceId": str, "Device": str, "State": str, "AttachTime": datetime},
            "OutpostArn": str,
            "AvailabilityZone": str,
            "Tags": TAGS,
        },
    },
    "DescribeSnapshots": {
        "NextToken": str,
        "Snapshots": {
            "SnapshotId": str,
            "OwnerId": str,
            "VolumeId": str,
            "StartTime": datetime,
            "State": str,
            "StateMessage": str,
            "VolumeSize": int,
            "StorageTier": str,
            "RestoreExpiryTime": datetime,
            "OutpostArn": str,
            "AvailabilityZone": str,
            "Encrypted": bool,
            "Description": str,
            "Tags": TAGS,
        },
    },
    "DescribeImages": {
        "NextToken": str,
        "Images": {"ImageId": str, "State": str, "BlockDeviceMappings": {"Ebs": {"SnapshotId": str}}},
    },
    "DescribeLockedSnapshots": {
        "NextToken": str,
        "Snapshots": {"SnapshotId": str, "LockState": str, "LockExpiresOn": datetime},
    },
    "DescribeSnapshotTierStatus": {
        "NextToken": str,
        "SnapshotTierStatuses": {
            "SnapshotId": str,
            "StorageTier": str,
            "ArchivalCompleteTime": datetime,
            "RestoreExpiryTime": datetime,
            "LastTieringOperationStatus": str,
        },
    },
    "CreateSnapshot": {"SnapshotId": str, "VolumeId": str},
    "CreateSnapshots": {"Snapshots": {"SnapshotId": str, "VolumeId": str}},
    "CopySnapshot": {"SnapshotId": str},
    "DescribeSnapshotAttribute": {"CreateVolumePermissions": {"UserId": str}},
    "ModifySnapshotAttribute": {},
    "DeleteSnapshot": {},
    "CreateTags": {},
    "DeleteTags": {},
    "DescribeRegions": {"Regions": {"RegionName": str}},
    "GetCallerIdentity": {"Account": str, "Arn": str},
    # What the calls of the session are signed with shows; its secret and its end do not.
    "AssumeRole": {"Credentials": {"AccessKeyId": str, "SessionToken": str}},
}

# Calls of the adapter by the service that they are of.
STS_CALLS = {"GetCallerIdentity", "AssumeRole"}

# What an absent member means, where our types have no "absent".
MEANS_ABSENT = {"Description": "", "StateMessage": "", "NextToken": "", "StorageTier": "standard", "Encrypted": False}


def project(value: Any, shape: Any) -> Any:
    """Only what is read, in one form: no absent or empty members, lists of tags
    by key, times in UTC.
    """
    if isinstance(value, list):
        items = [project(item, shape) for item in value]
        if shape is TAGS:
            return sorted(items, key=lambda tag: tag["Key"])
        return [item for item in items if item != {}]
    if isinstance(shape, dict):
        kept = {name: project(value[name], inner) for name, inner in shape.items() if value.get(name) is not None}
        return {
            name: one
            for name, one in kept.items()
            if one not in ([], {}) and not (name in MEANS_ABSENT and one == MEANS_ABSENT[name])
        }
    if shape is datetime:
        instant = value if isinstance(value, datetime) else datetime.fromisoformat(value.replace("Z", "+00:00"))
        return instant.astimezone(timezone.utc)
    assert isinstance(value, shape), f"{value!r} is not {shape.__name__}"
    return value


def members(shape: Shape, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The paths of all leaves."""
    leaves = []
    for name, inner in shape.items():
        leaves += members(inner, (*path, name)) if isinstance(inner, dict) else [(*path, name)]
    return leaves
