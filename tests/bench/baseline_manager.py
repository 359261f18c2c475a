"""What users have today, to measure against: the original's manager, written anew
from what docs/legacy.md says that it does. boto3 with its default retries; no line
of it is the original's. It reads one page, and ends at the first error, as that does.
"""

from datetime import datetime, timezone

import boto3


def main() -> None:
    ec2 = boto3.client("ec2")
    due = [
        {"Name": "tag:DeleteOn", "Values": [f"{datetime.now(timezone.utc):%Y-%m-%d}"]},
        {"Name": "tag:Type", "Values": ["Automated"]},
    ]
    snapshots = ec2.describe_snapshots(OwnerIds=["self"], Filters=due)["Snapshots"]
    print(f"{len(snapshots)} snapshots")
    for snapshot in snapshots:
        if all(tag["Key"] != "KeepForever" for tag in snapshot.get("Tags", [])):
            ec2.delete_snapshot(SnapshotId=snapshot["SnapshotId"])


if __name__ == "__main__":
    main()
