"""A scene with everything we read in it, and the bodies that a server gives.

The same calls against every server: what one cannot do is in its table of
exceptions, with the reason, and fails once it can.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.client import BaseClient
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from support.clients import ACCOUNT, tag_list, tagged

AWKWARD = {
    "Name": "dätabase & <co> \"quoted\" 'single'",
    "Empty": "",
    "Blanks": " a  b ",
    "Entity": "&amp; &#65; ]]>",
    "日本": "語",
    "Long": "x" * 256,
}
UNKNOWN = "0" * 17
OURS = {"OwnerIds": ["self"]}
REGION = "eu-west-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/a/path/copies"


@dataclass(frozen=True)
class Body:
    """One answer as it came."""

    call: str
    status: int
    body: bytes


@dataclass
class Recorder:
    """Keeps every answer that a client gets."""

    server: str
    bodies: list[Body] = field(default_factory=list)

    def attach(self, client: BaseClient) -> None:
        service = client.meta.service_model.service_name
        client.meta.events.register(f"before-parse.{service}", self._keep)

    def _keep(self, operation_model: Any, response_dict: dict[str, Any], **_: Any) -> None:
        self.bodies.append(Body(operation_model.name, response_dict["status_code"], response_dict["body"]))

    def of(self, call: str, ok: bool = True) -> list[Body]:
        return [body for body in self.bodies if body.call == call and (body.status < 300) == ok]


def play(ec2: BaseClient, sts: BaseClient, image: str, advance: Callable[[], None]) -> dict[str, str]:
    """Sets the scene and looks at it. Returns the steps that were refused, by
    name, with the error code. `advance` lets time pass, if the server can.
    """
    refused: dict[str, str] = {}

    def step(name: str, call: Callable[..., Any], **arguments: Any) -> Any:
        try:
            return call(**arguments)
        except ClientError as error:
            refused[name] = error.response["Error"]["Code"]
        except ResponseParserError:
            # moto answers what it does not know with an HTML page.
            refused[name] = "no XML"
        return None

    sts.get_caller_identity()
    sts.assume_role(RoleArn=ROLE, RoleSessionName="ebskeep", ExternalId="an id")
    ec2.describe_regions()
    for look in (ec2.describe_instances, ec2.describe_volumes, ec2.describe_images):
        look()
    ec2.describe_snapshots(**OURS)

    data = [{"DeviceName": f"/dev/sd{x}", "Ebs": {"VolumeSize": 5}} for x in "fg"]
    run = ec2.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, BlockDeviceMappings=data, **tagged("instance", AWKWARD | {"Backup": "Yes"})
    )["Instances"][0]
    bare = ec2.run_instances(ImageId=image, MinCount=6, MaxCount=6)["Instances"]
    ec2.stop_instances(InstanceIds=[bare[0]["InstanceId"]])
    ec2.terminate_instances(InstanceIds=[bare[1]["InstanceId"]])
    volume = ec2.create_volume(AvailabilityZone="eu-west-1a", Size=3, **tagged("volume", AWKWARD))["VolumeId"]
    encrypted = ec2.create_volume(AvailabilityZone="eu-west-1a", Size=1, Encrypted=True)["VolumeId"]
    ec2.create_volume(AvailabilityZone="eu-west-1a", Size=1)
    advance()
    ec2.attach_volume(VolumeId=encrypted, InstanceId=run["InstanceId"], Device="/dev/sdh")
    advance()

    one = ec2.create_snapshot(VolumeId=volume, Description="ü <&>", **tagged("snapshot", AWKWARD))["SnapshotId"]
    ec2.describe_snapshots(**OURS)
    ec2.create_snapshot(VolumeId=encrypted)
    later = []
    for _ in range(4):
        # AWS takes one of a volume in 15 s.
        advance()
        later.append(ec2.create_snapshot(VolumeId=volume)["SnapshotId"])
    source = {"SourceRegion": REGION, "SourceSnapshotId": one}
    step("copy", ec2.copy_snapshot, **source, Description="ü <&>", **tagged("snapshot", AWKWARD))
    permission = {"SnapshotId": one, "Attribute": "createVolumePermission"}
    step("sharing", ec2.describe_snapshot_attribute, **permission)
    two = {"OperationType": "add", "UserIds": ["444455556666", "111122223333"]}
    step("share", ec2.modify_snapshot_attribute, **permission, **two)
    step("sharing", ec2.describe_snapshot_attribute, **permission)
    step("unshare", ec2.modify_snapshot_attribute, **permission, OperationType="remove", UserIds=["444455556666"])
    many = ec2.create_snapshots(
        InstanceSpecification={"InstanceId": run["InstanceId"], "ExcludeBootVolume": True},
        Description="a set",
        **tagged("snapshot", {"Type": "Automated"}),
    )["Snapshots"]
    advance()
    ec2.create_tags(Resources=[many[0]["SnapshotId"]], Tags=tag_list({"a": "1", "b": ""}))
    ec2.delete_tags(Resources=[many[0]["SnapshotId"]], Tags=[{"Key": "a"}])
    ec2.delete_snapshot(SnapshotId=many[1]["SnapshotId"])
    for archived in later[:2]:
        ec2.modify_snapshot_tier(SnapshotId=archived, StorageTier="archive")
    advance()
    ec2.describe_snapshot_tier_status(Filters=[{"Name": "snapshot-id", "Values": later[:2]}])
    ec2.restore_snapshot_tier(SnapshotId=later[0], TemporaryRestoreDays=3)
    ec2.restore_snapshot_tier(SnapshotId=later[1], PermanentRestore=True)
    step("describe locks", ec2.describe_locked_snapshots)
    for which, how in [
        (0, {"LockMode": "governance", "ExpirationDate": "2040-01-01T00:00:00Z"}),
        (1, {"LockMode": "compliance", "LockDuration": 1}),
        (2, {"LockMode": "compliance", "LockDuration": 36500, "CoolOffPeriod": 72}),
        (3, {"LockMode": "governance", "LockDuration": 2}),
    ]:
        step("lock", ec2.lock_snapshot, SnapshotId=later[which], **how)
    step("unlock", ec2.unlock_snapshot, SnapshotId=later[2])
    step("delete locked", ec2.delete_snapshot, SnapshotId=later[3])
    root = {"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": one}}
    images = [
        ec2.register_image(Name=f"image {n}", RootDeviceName="/dev/xvda", BlockDeviceMappings=[root])["ImageId"]
        for n in range(3)
    ]
    step("EnableImageDeprecation", ec2.enable_image_deprecation, ImageId=images[1], DeprecateAt="2027-01-01T00:00:00Z")
    step("DisableImageDeprecation", ec2.disable_image_deprecation, ImageId=images[0])
    ec2.disable_image(ImageId=images[2])
    ec2.disable_image(ImageId=images[0])
    ec2.enable_image(ImageId=images[0])
    made = ec2.create_image(InstanceId=run["InstanceId"], Name="made of an instance")["ImageId"]
    advance()
    ec2.deregister_image(ImageId=made)
    ec2.start_instances(InstanceIds=[bare[0]["InstanceId"]])
    advance()
    ec2.stop_instances(InstanceIds=[bare[0]["InstanceId"]])
    advance()
    ec2.detach_volume(VolumeId=encrypted, InstanceId=run["InstanceId"], Device="/dev/sdh")
    advance()
    ec2.delete_volume(VolumeId=encrypted)
    advance()

    for look, whose in [
        (ec2.describe_instances, {}),
        (ec2.describe_volumes, {}),
        (ec2.describe_snapshots, OURS),
        (ec2.describe_snapshot_tier_status, {}),
    ]:
        look(**whose)
        page = look(MaxResults=5, **whose)
        while token := page.get("NextToken"):
            page = look(MaxResults=5, NextToken=token, **whose)
    ec2.describe_snapshots(SnapshotIds=[one])
    step("describe locks", ec2.describe_locked_snapshots)
    step("describe locks", ec2.describe_locked_snapshots, SnapshotIds=[later[0], later[1]])
    ec2.describe_images(Owners=["self"])
    step("IncludeDisabled", ec2.describe_images, Owners=["self"], IncludeDeprecated=True, IncludeDisabled=True)

    step("unknown volume", ec2.describe_volumes, VolumeIds=[f"vol-{UNKNOWN}"])
    step("unknown instance", ec2.describe_instances, InstanceIds=[f"i-{UNKNOWN}"])
    step("unknown snapshot", ec2.describe_snapshots, SnapshotIds=[f"snap-{UNKNOWN}"])
    step("unknown image", ec2.describe_images, ImageIds=[f"ami-{UNKNOWN}"])
    step("snapshot of nothing", ec2.create_snapshot, VolumeId=f"vol-{UNKNOWN}")
    step("set of nothing", ec2.create_snapshots, InstanceSpecification={"InstanceId": f"i-{UNKNOWN}"})
    step("delete nothing", ec2.delete_snapshot, SnapshotId=f"snap-{UNKNOWN}")
    step("tag nothing", ec2.create_tags, Resources=[f"snap-{UNKNOWN}"], Tags=tag_list({"a": "b"}))
    step("copy nothing", ec2.copy_snapshot, SourceRegion=REGION, SourceSnapshotId=f"snap-{UNKNOWN}")
    nothing = {"SnapshotId": f"snap-{UNKNOWN}", "Attribute": "createVolumePermission"}
    step("share nothing", ec2.modify_snapshot_attribute, **nothing, OperationType="add", UserIds=["111122223333"])
    step("sharing of nothing", ec2.describe_snapshot_attribute, **nothing)
    step("untag nothing", ec2.delete_tags, Resources=[f"snap-{UNKNOWN}"], Tags=[{"Key": "a"}])
    step("delete in use", ec2.delete_snapshot, SnapshotId=one)
    step("dry run", ec2.delete_snapshot, SnapshotId=one, DryRun=True)
    return refused
