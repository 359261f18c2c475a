"""What goes and what stays, of snapshots that moto dates in the past."""

from datetime import datetime, timedelta, timezone

import pytest

from support.clients import client, every, tag_list, tagged

NOW = datetime.now(timezone.utc)


def day(days: int) -> str:
    """The UTC date that many days from now."""
    return str((NOW + timedelta(days=days)).date())


LEGACY = {"Type": "Automated"}
OURS = {"Type": "Automated", "ebskeep:deployment": "default", "ebskeep:retention": "7"}


def slot(days_ago: int) -> dict[str, str]:
    return {"ebskeep:slot": f"{day(-days_ago)}T00:00:00Z"}


# name: (days ago, tags, verdict, the rule that decides)
SNAPSHOTS = {
    "original tool's, due today": (7, LEGACY | {"DeleteOn": day(0)}, "delete", None),
    "original tool's, missed for weeks": (40, LEGACY | {"DeleteOn": day(-33)}, "delete", None),
    "original tool's, due tomorrow": (6, LEGACY | {"DeleteOn": day(1)}, "keep", "delete-on"),
    "a fork's, lower case": (9, {"Type": "automated", "DeleteOn": day(-2)}, "delete", None),
    "ours, past its age": (9, OURS | slot(9) | {"DeleteOn": day(-2)}, "delete", None),
    "ours, within its age": (3, OURS | slot(3) | {"DeleteOn": day(4)}, "keep", "delete-on"),
    "the newest good one": (0, OURS | slot(0) | {"DeleteOn": day(7)}, "keep", "newest-good"),
    "KeepForever first": (20, {"KeepForever": "no"} | LEGACY | {"DeleteOn": day(-13)}, "keep", "keep-forever"),
    "KeepForever between": (21, LEGACY | {"KeepForever": "", "DeleteOn": day(-14)}, "keep", "keep-forever"),
    "KeepForever last": (22, LEGACY | {"DeleteOn": day(-15), "keep_forever": "x"}, "keep", "keep-forever"),
    "held": (23, LEGACY | {"DeleteOn": day(-16), "KeepUntil": day(5)}, "keep", "hold"),
    "held until long ago": (24, LEGACY | {"DeleteOn": day(-17), "KeepUntil": day(-3)}, "delete", None),
    "DeleteOn nobody understands": (25, OURS | slot(25) | {"DeleteOn": "next week"}, "keep", "delete-on"),
    "made by hand": (30, {"Name": "before the upgrade"}, "ignore", "not-ours"),
    "made by hand, with a date": (30, {"DeleteOn": day(-1)}, "ignore", "not-ours"),
    "Lifecycle Manager's": (30, LEGACY | {"DeleteOn": day(-1), "dlm:managed": "true"}, "ignore", "not-ours"),
    "another deployment's": (30, OURS | slot(30) | {"ebskeep:deployment": "staging"}, "ignore", "not-ours"),
    "tagged without a date": (30, LEGACY, "ignore", "not-ours"),
}


@pytest.fixture
def world(moto):
    """The snapshots of the table, all of one volume that exists: name → id."""
    ec2 = client("ec2", moto.url)
    run = ec2.run_instances(
        ImageId="ami-12345678",
        InstanceType="t3.nano",
        MinCount=1,
        MaxCount=1,
        **tagged("instance", {"Name": "db", "Backup": "Yes", "Retention": "7"}),
    )
    volume = run["Instances"][0]["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    ids = {}
    for name, (days_ago, marks, _, _) in SNAPSHOTS.items():
        snapshot = ec2.create_snapshot(VolumeId=volume, Description=name)["SnapshotId"]
        # One by one: the order in which tags come back is the order of writing.
        for key, value in marks.items():
            ec2.create_tags(Resources=[snapshot], Tags=tag_list({key: value}))
        # A minute short of whole days, so that the newest is not in the future.
        moto.date_snapshot(snapshot, NOW - timedelta(days=days_ago, minutes=1))
        ids[name] = snapshot
    return ids


def left(moto) -> set[str]:
    snapshots = every(client("ec2", moto.url), "describe_snapshots", "Snapshots", OwnerIds=["self"])
    return {snapshot["SnapshotId"] for snapshot in snapshots}


def expected(world, *verdicts: str) -> set[str]:
    return {world[name] for name, (_, _, verdict, _) in SNAPSHOTS.items() if verdict in verdicts}


def test_each_snapshot_gets_the_verdict_of_the_table_with_its_reason(world, ebskeep):
    plan = ebskeep.json("plan", "expire")
    assert plan["schema"] == "ebskeep.plan/1"
    assert plan["jobs"] == ["expire"]
    verdicts = {entry["snapshot_id"]: entry for entry in plan["snapshots"]}
    assert set(verdicts) == set(world.values())
    wrong = []
    for name, (_, _, verdict, rule) in SNAPSHOTS.items():
        entry = verdicts[world[name]]
        rules = [reason["rule"] for reason in entry["reasons"]]
        if entry["verdict"] != verdict or not rules or (rule and rule not in rules):
            wrong.append((name, verdict, rule, entry))
    assert not wrong


def test_apply_deletes_what_the_plan_says_and_nothing_else(world, ebskeep, moto):
    report = ebskeep.json("apply", "expire", "--yes")
    assert report["schema"] == "ebskeep.report/1"
    assert left(moto) == expected(world, "keep", "ignore")
    again = ebskeep.json("apply", "expire", "--yes")
    assert again["actions"] == []
    assert left(moto) == expected(world, "keep", "ignore")


def test_what_is_not_ours_is_not_even_marked(world, ebskeep, moto):
    ec2 = client("ec2", moto.url)
    ids = sorted(expected(world, "keep", "ignore"))
    before = ec2.describe_snapshots(SnapshotIds=ids)["Snapshots"]
    ebskeep("apply", "expire", "--yes").expect(0)
    assert ec2.describe_snapshots(SnapshotIds=ids)["Snapshots"] == before


def test_without_a_terminal_deletion_needs_yes(world, ebskeep, moto):
    ended = ebskeep("apply", "expire").expect(2)
    assert "--yes" in ended.stderr
    assert left(moto) == set(world.values())


@pytest.mark.proves("6.26")
@pytest.mark.parametrize("arguments, code", [([], 0), (["--detailed-exitcode"], 5)])
def test_a_plan_changes_nothing_and_says_if_something_would_change(world, ebskeep, moto, arguments, code):
    ebskeep("plan", "expire", *arguments).expect(code)
    assert left(moto) == set(world.values())


def test_an_image_of_ours_keeps_its_snapshots(moto, ebskeep):
    ec2 = client("ec2", moto.url)
    run = ec2.run_instances(
        ImageId="ami-12345678", InstanceType="t3.nano", MinCount=1, MaxCount=1, **tagged("instance", {"Backup": "Yes"})
    )
    instance = run["Instances"][0]
    image = ec2.create_image(InstanceId=instance["InstanceId"], Name="golden")["ImageId"]
    described = ec2.describe_images(ImageIds=[image])["Images"][0]
    used = {m["Ebs"]["SnapshotId"] for m in described["BlockDeviceMappings"] if "Ebs" in m}
    # Backups of the same volume, one of them newer, so that only the image keeps.
    volume = instance["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    newest = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    older = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    for snapshot, days_ago in [(newest, 1), (older, 10), *((s, 20) for s in used)]:
        marks = LEGACY | {"DeleteOn": day(1 - days_ago), "ebskeep:slot": f"{day(-days_ago)}T00:00:00Z"}
        ec2.create_tags(Resources=[snapshot], Tags=tag_list(marks))
        moto.date_snapshot(snapshot, NOW - timedelta(days=days_ago, minutes=1))
    ebskeep("apply", "expire", "--yes").expect(0)
    assert used
    assert left(moto) == used | {newest}
