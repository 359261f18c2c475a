"""What users have today, to measure against: the original's creator, written anew
from what docs/legacy.md says that it does. boto3 with its default retries; no line
of it is the original's. It ends at the first error, as that does.
"""

from collections import defaultdict
from datetime import datetime, timedelta, timezone

import boto3


def main() -> None:
    ec2 = boto3.client("ec2")
    found = ec2.describe_instances(Filters=[{"Name": "tag:Backup", "Values": ["Yes"]}])
    instances = [instance for reservation in found["Reservations"] for instance in reservation["Instances"]]
    print(f"{len(instances)} instances")
    made = defaultdict(list)
    for instance in instances:
        tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
        days = int(tags.get("Retention", 7))
        for device in instance["BlockDeviceMappings"]:
            if "Ebs" not in device:
                continue
            volume = device["Ebs"]["VolumeId"]
            described = f"{tags.get('Name', '')} - {volume} ({device['DeviceName']})"
            made[days].append(ec2.create_snapshot(VolumeId=volume, Description=described)["SnapshotId"])
    for days, snapshots in made.items():
        delete_on = datetime.now(timezone.utc).date() + timedelta(days=days)
        marks = [{"Key": "DeleteOn", "Value": f"{delete_on:%Y-%m-%d}"}, {"Key": "Type", "Value": "Automated"}]
        ec2.create_tags(Resources=snapshots, Tags=marks)


if __name__ == "__main__":
    main()
