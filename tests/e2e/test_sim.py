"""The command against our own EC2 over the wire: pages, and what goes wrong."""

from collections.abc import Iterator

import pytest

from support.clients import tags
from support.sim_server import Account, Sim, sim_server
from support.worlds import backups, by_age, instance, volume


@pytest.fixture(scope="module")
def sim() -> Iterator[Sim]:
    with sim_server() as sim:
        sim.control("rules", {"buckets": False, "completes-after": "0s"})
        yield sim


@pytest.fixture
def account(sim: Sim) -> Account:
    return sim.new_account()


def test_2500_snapshots_in_pages_of_1000(account):
    of = volume(account, Backup="Yes")
    backups(account, of, [1] * 2_480 + [20] * 20)
    assert len(account.snapshots()) == 2_500
    plan = account.ebskeep().json("plan", "expire")
    assert (plan["summary"]["snapshots"], plan["summary"]["delete"]) == (2_500, 20)
    listings = [call for call in account.sim.calls(account.id) if call["action"] == "DescribeSnapshots"]
    ours = listings[-3:]
    assert [call["params"].get("MaxResults") for call in ours] == ["1000"] * 3
    assert ["NextToken" in call["params"] for call in ours] == [False, True, True]

    report = account.ebskeep().json("apply", "expire", "--yes")
    assert report["outcomes"]["done"] == 20
    assert len(account.snapshots()) == 2_480
    assert account.ebskeep().json("plan", "expire")["actions"] == []


def test_a_set_is_taken_in_one_call_and_tagged_member_by_member(account):
    of = instance(account, Name="db", Backup="Yes", Retention="14")
    ec2 = account.ec2()
    (one,) = [i for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]]
    extra = volume(account, Retention="3", Name="data")
    ec2.attach_volume(VolumeId=extra, InstanceId=one["InstanceId"], Device="/dev/sdf")
    account.ebskeep().json("apply", "create", "--yes")
    made = {snapshot["VolumeId"]: tags(snapshot) for snapshot in account.snapshots()}
    assert set(made) == {of, extra}
    assert (made[of]["ebskeep:retention"], made[extra]["ebskeep:retention"]) == ("14", "3")
    assert made[of]["ebskeep:set"] == made[extra]["ebskeep:set"]
    actions = [call["action"] for call in account.sim.calls(account.id)]
    assert actions.count("CreateSnapshots") == 1
    assert "CreateSnapshot" not in actions


def test_a_denied_region_among_allowed_ones(account):
    """The others go on; exit code 3."""
    for region in ("eu-west-1", "us-east-1"):
        volume(account, region, Backup="Yes")
    account.refuse("DescribeSnapshots", region="us-east-1")
    ended = account.ebskeep()("apply", "create", "--region", "us-east-1", "--yes").expect(3)
    assert "us-east-1" in ended.stderr + ended.stdout
    made = [call["region"] for call in account.sim.calls(account.id) if call["action"] == "CreateSnapshot"]
    assert made == ["eu-west-1"]


def test_several_regions_are_several_plans(account):
    volume(account, Backup="Yes")
    plans = account.ebskeep().json("plan", "--region", "us-east-1")
    assert plans["schema"] == "ebskeep.plans/1"
    assert [plan["region"] for plan in plans["plans"]] == ["eu-west-1", "us-east-1"]
    assert [len(plan["actions"]) for plan in plans["plans"]] == [1, 0]


def test_a_plan_that_deletes_unforeseen_much_is_refused(account):
    of = volume(account, Backup="Yes")
    # The original tool's: no slot, so nothing foresaw their end.
    backups(account, of, [0, *[20] * 101], by="the original")
    ended = account.ebskeep()("apply", "expire", "--yes").expect(4)
    assert "101" in ended.stderr + ended.stdout
    assert len(account.snapshots()) == 102
    account.ebskeep()("apply", "expire", "--yes", "--max-delete", "101", "--max-delete-percent", "100").expect(0)
    assert len(account.snapshots()) == 1


def test_what_somebody_else_deletes_meanwhile_is_done_already(account):
    of = volume(account, Backup="Yes")
    backups(account, of, [0, 20])
    account.fault({"refuse": {"code": "InvalidSnapshot.NotFound"}}, action="DeleteSnapshot")
    report = account.ebskeep().json("apply", "expire", "--yes")
    assert report["outcomes"]["already-done"] == 1


def test_an_answer_that_is_lost_makes_no_second_snapshot(account):
    volume(account, Backup="Yes")
    account.fault("lost-after", action="CreateSnapshot")
    account.ebskeep()("apply", "create", "--yes")
    account.ebskeep()("apply", "create", "--yes").expect(0)
    assert len(account.snapshots()) == 1


@pytest.mark.waits
def test_one_denied_deletion_stops_nothing_else(account):
    of = volume(account, Backup="Yes")
    _, _, victim, _ = backups(account, of, [0, 20, 30, 40])
    account.refuse("DeleteSnapshot", resource=victim)
    report = account.ebskeep().json("apply", "expire", "--yes", code=3)
    assert (report["conclusion"], report["outcomes"]["done"], report["outcomes"]["denied"]) == ("partial", 2, 1)
    left = by_age(account)
    assert [snapshot["SnapshotId"] for snapshot in left[1:]] == [victim]
    assert "ebskeep:deleted" not in tags(left[1]), "its mark is taken off again, after a minute"
