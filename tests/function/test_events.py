"""Each shape of event, and what the function does with it."""

from datetime import datetime, timezone

import pytest

from support.clients import tags
from support.worlds import backups, by_age, instance, volumes_of

EVENTBRIDGE = {
    "version": "0",
    "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "123456789012",
    "time": "2026-01-01T00:00:00Z",
    "region": "eu-west-1",
    "resources": ["arn:aws:events:eu-west-1:123456789012:rule/daily"],
    "detail": {},
}


def lasts(snapshot) -> int:
    """For how many days it is kept by its DeleteOn."""
    begun = snapshot["StartTime"].astimezone(timezone.utc).date()
    return (datetime.strptime(tags(snapshot)["DeleteOn"], "%Y-%m-%d").date() - begun).days


# (event, variables, days kept): create is done.
CREATES = {
    "a job": ({"job": "create"}, {}, 7),
    "a job beats the variable": ({"job": "create"}, {"EBSKEEP_JOB": "expire"}, 7),
    "a setting beside it": ({"job": "create", "default-retention": "3"}, {}, 3),
    "a setting beats the variable": ({"job": "create", "default-retention": "3"}, {"EBSKEEP_DEFAULT_RETENTION": "4"}, 3),
    "a setting by variable": ({"job": "create"}, {"EBSKEEP_DEFAULT_RETENTION": "4"}, 4),
    "empty, by variable": ({}, {"EBSKEEP_JOB": "create"}, 7),
    "EventBridge, by variable": (EVENTBRIDGE, {"EBSKEEP_JOB": "create"}, 7),
}


@pytest.mark.parametrize("event, variables, days", CREATES.values(), ids=CREATES)
def test_create(start, account, event, variables, days):
    volume = instance(account, Name="web", Backup="Yes")
    instance(account, Name="no backup")
    answer = start(**variables).invoke(event)
    assert answer.error_type is None, answer
    assert answer.json()["schema"] == "ebskeep.result/1"
    (snapshot,) = account.snapshots()
    assert snapshot["VolumeId"] == volume
    assert tags(snapshot)["Type"] == "Automated"
    assert lasts(snapshot) == days


@pytest.mark.parametrize("event, variables", [({"job": "expire"}, {}), (EVENTBRIDGE, {"EBSKEEP_JOB": "expire"})])
def test_expire(start, account, event, variables):
    volume = instance(account, Name="web", Backup="Yes")
    newest, newer, *_ = backups(account, volume, [1, 5, 20, 30])
    answer = start(**variables).invoke(event)
    assert answer.error_type is None, answer
    assert [snapshot["SnapshotId"] for snapshot in by_age(account)] == [newest, newer]


@pytest.mark.proves("6.31", "6.32")
def test_autosnap_backs_up_every_running_instance_in_its_regions(start, account):
    """That tool knows no opt-in tag."""
    regions = ("eu-west-1", "us-east-1")
    untagged = {region: instance(account, region, Name="untagged") for region in regions}
    instance(account, Name="excluded", Backup="No")
    instance(account, "eu-central-1", Name="elsewhere")
    answer = start().invoke({"regions": list(regions), "retention_days": 2})
    assert answer.error_type is None, answer
    assert "autosnap" in answer.body.decode(), "the answer says that it counted untagged instances"
    for region in regions:
        (snapshot,) = account.snapshots(region)
        assert snapshot["VolumeId"] == untagged[region]
        assert lasts(snapshot) == 2
    assert volumes_of(account, "eu-central-1") == []


@pytest.mark.proves("6.31")
def test_autosnap_expires_after_it_has_created(start, account):
    volume = instance(account, Name="untagged")
    _, gone = backups(account, volume, [1, 20], days=2)
    answer = start().invoke({"regions": ["eu-west-1"], "retention_days": 2})
    assert answer.error_type is None, answer
    left = [snapshot["SnapshotId"] for snapshot in by_age(account)]
    assert len(left) == 2 and gone not in left


# (event, variables, what the message must name): nothing is done.
NONSENSE = {
    "an unknown job": ({"job": "defragment"}, {}, "defragment"),
    "an unknown setting": ({"job": "create", "max-delte": 5}, {}, "max-delte"),
    "a setting's bad value": ({"job": "create", "max-delete": "lots"}, {}, "lots"),
    "no job anywhere": ({}, {}, "EBSKEEP_JOB"),
    "an unknown job in the variable": ({}, {"EBSKEEP_JOB": "tidy"}, "tidy"),
    "autosnap with nonsense": ({"regions": ["eu-west-1"], "retention_days": "two"}, {}, "retention_days"),
}


@pytest.mark.parametrize("event, variables, named", NONSENSE.values(), ids=NONSENSE)
def test_an_event_that_makes_no_sense_is_an_error_that_names_it(start, account, event, variables, named):
    instance(account, Name="web", Backup="Yes")
    answer = start(**variables).invoke(event)
    assert answer.error_type == "Failed", answer
    assert named in answer.error_message
    assert account.snapshots() == []


def test_each_decision_that_changes_something_is_one_json_line(start, account):
    backed_up = instance(account, Name="web", Backup="Yes")
    _, old = backups(account, backed_up, [2, 30])
    function = start()
    assert function.invoke({"job": "create"}).error_type is None
    assert function.invoke({"job": "expire"}).error_type is None
    new = by_age(account)[0]["SnapshotId"]
    for snapshot in (new, old):
        lines = [line for line in function.log_lines() if snapshot in str(line)]
        assert len(lines) == 1, function.log()
        assert backed_up in str(lines[0])


def test_one_function_serves_many_invocations(start, account):
    instance(account, Name="web", Backup="Yes")
    function = start()
    for _ in range(3):
        assert function.invoke({"job": "create"}).error_type is None
    assert len(account.snapshots()) == 1
