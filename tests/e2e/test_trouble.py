"""Ways in which a run cannot even begin: the exit code, and a message that helps."""

import socket

import pytest

from support.clients import KEY
from support.programs import Ebskeep, run


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_no_credentials_is_a_failure_that_says_so(moto):
    ended = run("plan", "--endpoint-url", moto.url, "--region", "eu-west-1").expect(1)
    assert "credential" in ended.stderr.lower(), ended
    assert ended.stdout == ""


def test_an_endpoint_where_nobody_listens_is_a_failure_that_names_it():
    port = closed_port()
    ended = Ebskeep(f"http://127.0.0.1:{port}", KEY)("plan").expect(1)
    assert str(port) in ended.stderr, ended
    assert ended.stdout == ""


@pytest.mark.parametrize(
    "arguments, named",
    [
        (["plan", "copy-everything"], "copy-everything"),
        (["plan", "--no-such-flag"], "--no-such-flag"),
        (["apply", "--now", "2026-01-01T00:00:00Z"], "--now"),
        (["plan", "--now", "yesterday"], "yesterday"),
        (["plan", "--max-delete", "lots"], "lots"),
        (["plan", "--default-retention", "-1d"], "-1d"),
        (["apply", "--plan", "/nonexistent/plan.json", "--yes"], "/nonexistent/plan.json"),
        (["plan", "--inventory", "/nonexistent/inventory.json"], "/nonexistent/inventory.json"),
        ([], "Usage"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_names_what_is_wrong(moto, arguments, named):
    variables = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "eu-west-1"}
    ended = run(*arguments, AWS_ENDPOINT_URL=moto.url, **variables).expect(2)
    assert named in ended.stderr, ended
    assert ended.stdout == ""


def test_the_endpoint_may_come_from_the_environment(moto):
    variables = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "eu-west-1"}
    run("plan", AWS_ENDPOINT_URL=moto.url, **variables).expect(0)
