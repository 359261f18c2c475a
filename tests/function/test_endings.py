"""How an invocation ends that did not do all it should: the types of errors that
alarms are built on, each with the result as its message.
"""

from support.worlds import backups, instance, volume

# The contract's: at most 200 KB.
LIMIT = 200 * 1000
RESULT = "ebskeep.result/1"


def test_refused_when_a_check_refuses_the_plan(start, account):
    of = instance(account, Name="web", Backup="Yes")
    # The original tool's: no slot, so nothing foresaw their end.
    backups(account, of, [0, *range(10, 16)], by="the original")
    answer = start().invoke({"job": "expire", "max-delete": 5})
    assert answer.error_type == "Refused", answer
    assert answer.json()["schema"] == RESULT
    assert len(account.snapshots()) == 7


def test_partial_when_some_of_it_was_done(start, account):
    of = instance(account, Name="web", Backup="Yes")
    *_, victim = backups(account, of, [1, 20, 30])
    # Without its mark it is not deleted; and no mark is to be waited for.
    account.refuse("CreateTags", resource=victim)
    answer = start().invoke({"job": "expire"})
    assert answer.error_type == "Partial", answer
    assert answer.json()["schema"] == RESULT
    assert victim in answer.error_message
    assert len(account.snapshots()) == 2


def test_partial_when_one_region_of_two_is_denied(start, account):
    for region in ("eu-west-1", "us-east-1"):
        instance(account, region, Name="web")
    account.refuse("DescribeSnapshots", region="us-east-1")
    answer = start().invoke({"regions": ["eu-west-1", "us-east-1"], "retention_days": 2})
    assert answer.error_type == "Partial", answer
    assert "us-east-1" in answer.error_message
    assert (len(account.snapshots("eu-west-1")), answer.json()["schema"]) == (1, RESULT)


def test_failed_when_nothing_of_it_was_done(start, account):
    instance(account, Name="web", Backup="Yes")
    for action in ("CreateSnapshot", "CreateSnapshots"):
        account.refuse(action)
    answer = start().invoke({"job": "create"})
    assert answer.error_type == "Failed", answer
    assert answer.json()["schema"] == RESULT
    assert account.snapshots() == []


def test_unfinished_when_there_is_no_time_left_to_begin(start, account):
    """No new work in the last 20 s."""
    for _ in range(2):
        volume(account, Backup="Yes")
    answer = start().invoke({"job": "create"}, seconds=15)
    assert answer.error_type == "Unfinished", answer
    assert account.snapshots() == []
    function = start()
    assert function.invoke({"job": "create"}).error_type is None, "it is safe to call again"
    assert len(account.snapshots()) == 2


def test_40_000_snapshots_all_denied_still_answer_within_the_limit(start, account):
    of = volume(account, Backup="Yes")
    backups(account, of, [0, *[20] * 40_000])
    for action in ("CreateTags", "DeleteSnapshot"):
        account.refuse(action)
    # Time to list them all and to be denied for a while, not to the end.
    limits = {"max-delete": 50_000, "max-delete-percent": 100}
    answer = start().invoke({"job": "expire", **limits}, seconds=60)
    assert answer.error_type in ("Unfinished", "Failed"), answer.body[:2000]
    assert len(answer.body) <= LIMIT
    result = answer.json()
    assert (result["schema"], result["truncated"]) == (RESULT, True)
    (place,) = result["places"]
    assert sum(place["outcomes"].values()) == 40_000
    assert place["outcomes"]["denied"] > 0 and place["outcomes"]["done"] == 0
    assert len(account.snapshots()) == 40_001
