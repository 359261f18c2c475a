"""A saved plan is a list of intentions, not of permissions."""

import json
from datetime import datetime, timedelta, timezone

import pytest

from support.clients import client, every, tag_list, tagged

NOW = datetime.now(timezone.utc)


@pytest.fixture
def world(moto):
    """Three backups of one volume: one to go, one to stay, one made by hand."""
    ec2 = client("ec2", moto.url)
    volume = ec2.create_volume(
        AvailabilityZone="eu-west-1a", Size=8, **tagged("volume", {"Backup": "weekly", "Retention": "7"})
    )["VolumeId"]
    ids = {"volume": volume}
    for name, days_ago, ours in [("goes", 10, True), ("stays", 2, True), ("foreign", 30, False)]:
        snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
        start = NOW - timedelta(days=days_ago, minutes=1)
        if ours:
            marks = {"Type": "Automated", "DeleteOn": str((start + timedelta(days=7)).date())}
            marks["ebskeep:slot"] = start.strftime("%Y-%m-%dT00:00:00Z")
            ec2.create_tags(Resources=[snapshot], Tags=tag_list(marks))
        moto.date_snapshot(snapshot, start)
        ids[name] = snapshot
    return ids


@pytest.fixture
def saved(world, ebskeep, tmp_path):
    """The file of a plan for expire."""
    file = tmp_path / "plan.json"
    ebskeep("plan", "expire", "--out", str(file)).expect(0)
    return file


def left(moto) -> set[str]:
    snapshots = every(client("ec2", moto.url), "describe_snapshots", "Snapshots", OwnerIds=["self"])
    return {snapshot["SnapshotId"] for snapshot in snapshots}


def everything(world) -> set[str]:
    return {world[name] for name in ("goes", "stays", "foreign")}


def test_a_saved_plan_is_carried_out(world, saved, ebskeep, moto):
    ebskeep("apply", "--plan", str(saved), "--yes").expect(0)
    assert left(moto) == everything(world) - {world["goes"]}


def test_what_somebody_else_did_meanwhile_shows_as_a_difference(world, saved, ebskeep, moto):
    client("ec2", moto.url).create_tags(Resources=[world["goes"]], Tags=tag_list({"KeepForever": "yes"}))
    ended = ebskeep("apply", "--plan", str(saved), "--yes").expect(4)
    assert world["goes"] in ended.stdout + ended.stderr, "the first difference is named"
    assert left(moto) == everything(world)


@pytest.mark.parametrize("victim", ["stays", "foreign", "unknown"])
def test_a_deletion_written_into_a_plan_is_refused(world, saved, ebskeep, moto, victim):
    victim = world.get(victim, "snap-0123456789abcdef0")
    plan = json.loads(saved.read_text())
    (action,) = [a for a in plan["actions"] if a["action"] == "delete-snapshot"]
    plan["actions"].append(action | {"snapshot_id": victim})
    saved.write_text(json.dumps(plan))
    ended = ebskeep("apply", "--plan", str(saved), "--yes").expect(4)
    assert victim in ended.stdout + ended.stderr
    assert left(moto) == everything(world)


@pytest.mark.proves("6.29")
def test_a_plan_older_than_an_hour_is_refused(world, saved, ebskeep, moto):
    plan = json.loads(saved.read_text())
    plan["now"] = (datetime.fromisoformat(plan["now"].replace("Z", "+00:00")) - timedelta(minutes=61)).isoformat()
    saved.write_text(json.dumps(plan))
    ebskeep("apply", "--plan", str(saved), "--yes").expect(4)
    assert left(moto) == everything(world)


def test_a_damaged_plan_is_wrong_input_and_the_line_is_named(world, saved, ebskeep, moto):
    lines = json.dumps(json.loads(saved.read_text()), indent=2).splitlines()
    number = next(n for n, line in enumerate(lines) if '"actions"' in line)
    lines[number] = lines[number].replace(":", "")
    saved.write_text("\n".join(lines))
    ended = ebskeep("apply", "--plan", str(saved), "--yes").expect(2)
    assert f"line {number + 1}" in ended.stderr, ended
    assert left(moto) == everything(world)


def test_a_plan_for_elsewhere_is_not_carried_out_here(world, saved, ebskeep, moto):
    plan = json.loads(saved.read_text())
    plan["account"] = "999999999999"
    saved.write_text(json.dumps(plan))
    assert ebskeep("apply", "--plan", str(saved), "--yes").code in (2, 4)
    assert left(moto) == everything(world)
