"""What boto3 and the adapter would have sent for the same call; nothing is."""

from functools import cache

import boto3
from botocore.credentials import Credentials

from support.reads import STS_CALLS

REGION = "eu-west-1"
# The probe signs with these; without a token, with the first two alone.
CREDENTIALS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "session/token+with=signs")

AWKWARD = {
    "Name": "dätabase & <co> \"quoted\" 'single'",
    "Empty": "",
    "Blanks": " a  b ",
    "Signs": "a+b=c%20/d?e#f~g*h.i-j_k:l@m",
    "日本": "語",
    "Long": "x" * 256,
}


def tag_list(tags):
    """Sorted, as our type for tags is: order means nothing to AWS."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def tag_specification(tags):
    return [{"ResourceType": "snapshot", "Tags": tag_list(tags)}]


class Captured(Exception):
    """Carries boto3's request out before it is sent."""


@cache
def client(service: str, with_token: bool, **more):
    """boto3, told to send nothing."""
    keys = CREDENTIALS.access_key, CREDENTIALS.secret_key, CREDENTIALS.token if with_token else None
    client = boto3.Session(*keys).client(service, **{"region_name": REGION} | more)

    def capture(request, **_):
        raise Captured(request)

    client.meta.events.register("before-send.*", capture)
    return client


def theirs(call: str, arguments: dict, with_token: bool, **more):
    """What boto3 would have sent."""
    their = client("sts" if call in STS_CALLS else "ec2", with_token, **more)
    method = next(name for name, api in their.meta.method_to_api_mapping.items() if api == call)
    try:
        getattr(their, method)(**arguments)
    except Captured as captured:
        return captured.args[0]
    raise AssertionError(f"boto3 sent nothing for {call}")


def ours(probe, call: str, arguments: dict, with_token: bool, **more) -> dict:
    """What we would have sent; header names in lower case."""
    question = {
        "call": call,
        "args": arguments,
        "region": REGION,
        "credentials": {
            "access_key": CREDENTIALS.access_key,
            "secret_key": CREDENTIALS.secret_key,
            "session_token": CREDENTIALS.token if with_token else None,
        },
    }
    answer = probe.ask("request", **question | more)
    assert "url" in answer, answer
    return answer | {"headers": {name.lower(): value for name, value in answer["headers"].items()}}
