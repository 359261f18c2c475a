"""Copies in a second account, and keys that cannot be used, over our own EC2."""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest

from support.clients import tagged, tags
from support.sim_server import Account, Sim, sim_server

HOME, AWAY = "eu-west-1", "us-east-1"


@pytest.fixture(scope="module")
def sim() -> Iterator[Sim]:
    with sim_server() as sim:
        # Nothing completes by itself: see `finish`.
        sim.control("rules", {"buckets": False, "completes-after": "10h"})
        yield sim


def act(account: Account, region: str, **deed) -> None:
    account.sim.control("act", {"account": account.id, "region": region, **deed})


def finish(account: Account, region: str = HOME) -> None:
    """Everything pending there comes to its end."""
    for snapshot in account.snapshots(region):
        if snapshot["State"] == "pending":
            act(account, region, act="finish", snapshot=snapshot["SnapshotId"])


def backed_up(account: Account, destination: str, **more) -> dict:
    """A good backup that is wanted elsewhere."""
    marks = {"Name": "db", "Backup": "daily", "Retention": "7", "Copy_Dest": destination}
    account.ec2().create_volume(AvailabilityZone=f"{HOME}a", Size=1, **tagged("volume", marks), **more)
    account.ebskeep()("apply", "create").expect(0)
    finish(account)
    (primary,) = account.snapshots()
    return primary


def shared_with(account: Account, snapshot: dict) -> list[str]:
    answer = account.ec2().describe_snapshot_attribute(
        SnapshotId=snapshot["SnapshotId"], Attribute="createVolumePermission"
    )
    return [permission["UserId"] for permission in answer["CreateVolumePermissions"]]


def results(report: dict) -> list[tuple[str, str]]:
    """What was done, and how that ended."""
    return [(report["actions"][one["action"]]["action"], one["outcome"]) for one in report["results"]]


@pytest.mark.proves("6.90", "6.91")
def test_a_copy_in_another_account_is_shared_for_just_as_long_as_it_takes(sim):
    ours, theirs = sim.new_account(), sim.new_account()
    there = f"{theirs.id}/{AWAY}"
    primary = backed_up(ours, there)
    assert results(ours.ebskeep().json("apply", "copy")) == [("copy-snapshot", "done")]
    assert shared_with(ours, primary) == [theirs.id]
    assert tags(ours.snapshots()[0])["ebskeep:shared-with"] == there
    (copy,) = theirs.snapshots(AWAY)
    assert (copy["State"], copy["OwnerId"], tags(copy)["ebskeep:source-account"]) == ("pending", theirs.id, ours.id)

    assert ours.ebskeep().json("apply", "copy")["actions"] == [], "it is under way, and AWS still reads the source"
    assert shared_with(ours, primary) == [theirs.id]

    finish(theirs, AWAY)
    assert sorted(results(ours.ebskeep().json("apply", "copy"))) == [("mark-copied", "done"), ("unshare", "done")]
    assert shared_with(ours, primary) == []
    said = tags(ours.snapshots()[0])
    assert "ebskeep:shared-with" not in said
    assert said["ebskeep:copied-to"] == there
    assert [snapshot["State"] for snapshot in theirs.snapshots(AWAY)] == ["completed"]
    assumed = {call["params"]["RoleArn"] for call in sim.calls(ours.id) if call["action"] == "AssumeRole"}
    assert assumed == {f"arn:aws:iam::{theirs.id}:role/ebskeep-copy"}
    assert ours.ebskeep().json("apply", "copy")["actions"] == []


@pytest.mark.proves("6.92")
def test_what_somebody_else_shared_stays_shared(sim):
    ours, theirs, others = (sim.new_account() for _ in range(3))
    primary = backed_up(ours, f"{theirs.id}/{AWAY}")
    for account in (theirs, others):
        act(ours, HOME, act="share", snapshot=primary["SnapshotId"], **{"with": account.id})
    for _ in range(3):
        ours.ebskeep()("apply", "copy").expect(0)
        finish(theirs, AWAY)
    assert tags(ours.snapshots()[0])["ebskeep:copied-to"] == f"{theirs.id}/{AWAY}"
    assert sorted(shared_with(ours, primary)) == sorted([theirs.id, others.id])


def test_a_role_is_shown_the_external_id_and_one_that_refuses_holds_up_nothing_else(sim):
    ours, theirs = sim.new_account(), sim.new_account()
    act(theirs, HOME, act="demand-external-id", role="copies", **{"external-id": "e-1"})
    primary = backed_up(ours, f"{theirs.id}/{HOME} {AWAY}")
    refused = ours.ebskeep()("apply", "copy", "--copy-role", "copies", "--format", "json")
    refused.expect(3)
    report = refused.json()
    assert results(report) == [("copy-snapshot", "done")], "the copy in our own account"
    (finding,) = [one for one in report["findings"] if one["code"] == "destination-not-listed"]
    assert theirs.id in finding["resource"] and "AccessDenied" in str(finding), finding
    assert shared_with(ours, primary) == []

    report = ours.ebskeep().json("apply", "copy", "--copy-role", "copies", "--copy-external-id", "e-1")
    assert results(report) == [("copy-snapshot", "done")]
    assert len(theirs.snapshots(HOME)) == 1


@pytest.mark.proves("6.89", "6.81")
def test_a_key_that_cannot_be_used_is_told_in_awss_words_and_tried_three_times_a_day(sim):
    ours, theirs = sim.new_account(), sim.new_account()
    there, key = f"{theirs.id}/{AWAY}", "alias/theirs"
    source_key = f"arn:aws:kms:{HOME}:{ours.id}:key/1"
    backed_up(ours, there, Encrypted=True, KmsKeyId=source_key)
    act(theirs, AWAY, act="deny-key", key=key)
    copying = ("apply", "copy", "--copy-kms-key", f"{there}={key}", "--format", "json")
    for _ in range(3):
        assert ("copy-snapshot", "done") in results(ours.ebskeep()(*copying).json())
        finish(theirs, AWAY)
    assert [snapshot["StateMessage"] for snapshot in theirs.snapshots(AWAY)] == ["Given key ID is not accessible"] * 3
    report = ours.ebskeep()(*copying).json()
    assert ("copy-snapshot", "done") not in results(report)
    (finding,) = [one for one in report["findings"] if one["code"] == "copy-failing"]
    assert "Given key ID is not accessible" in str(finding)
    assert all(snapshot["Encrypted"] for snapshot in theirs.snapshots(AWAY))


def test_a_snapshot_under_the_accounts_own_key_is_refused_with_the_remedy(sim):
    ours, theirs = sim.new_account(), sim.new_account()
    primary = backed_up(ours, f"{theirs.id}/{AWAY}", Encrypted=True)
    ended = ours.ebskeep()("apply", "copy")
    ended.expect(1)
    said = " ".join(ended.stdout.split())
    assert "aws/ebs" in said and "customer managed key" in said, said
    assert shared_with(ours, primary) == [] and theirs.snapshots(AWAY) == []
    # What was noted before the share was tried is taken back.
    ours.ebskeep()("apply", "copy")
    assert "ebskeep:copied-to" not in tags(ours.snapshots()[0])


@pytest.mark.proves("6.88")
def test_a_copy_expires_where_it_is_while_its_sources_region_is_unreachable(sim):
    ours, lost = sim.new_account(), "eu-west-2"
    now = datetime.now(timezone.utc)
    marks = {"Type": "Automated", "ebskeep:volume": "vol-00000000000000001", "ebskeep:retention": "3"}
    marks |= {"ebskeep:source-region": lost, "ebskeep:source-account": ours.id, "ebskeep:deployment": "default"}
    ids = []
    for days in (20, 10, 1):
        begun = now - timedelta(days=days)
        own = {
            "Source_SnapshotId": f"snap-{days:017x}",
            "ebskeep:started": f"{begun:%Y-%m-%dT%H:%M:%SZ}",
            "ebskeep:slot": f"{begun:%Y-%m-%dT00:00:00Z}",
            "DeleteOn": f"{begun + timedelta(days=3):%Y-%m-%d}",
        }
        deed = {"account": ours.id, "region": AWAY, "act": "put-snapshot", "volume": "vol-ffffffff"}
        deed |= {"started": own["ebskeep:started"], "tags": marks | own}
        ids.append(sim.control("act", deed)["id"])
    act(ours, lost, act="disable-region")
    try:
        ours.ebskeep(AWAY)("apply", "expire", "--yes", "--max-delete-percent", "100").expect(0)
    finally:
        act(ours, lost, act="enable-region")
    assert [snapshot["SnapshotId"] for snapshot in ours.snapshots(AWAY)] == [ids[-1]]
    assert {call["region"] for call in sim.calls(ours.id) if call["service"] == "ec2"} == {AWAY}
