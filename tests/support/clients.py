"""boto3 clients with fake credentials: the client nobody here wrote."""

from functools import cache
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.client import BaseClient
from botocore.config import Config
from botocore.credentials import Credentials

ACCOUNT = "123456789012"
# Both servers read the account from the key: sim from its digits, moto has one.
KEY = f"AKIASIM{ACCOUNT}"


def key_of(account: str) -> str:
    """The access key id that makes sim answer for an account."""
    return f"AKIASIM{account}"


@cache
def session(key: str) -> boto3.Session:
    return boto3.Session(aws_access_key_id=key, aws_secret_access_key="secret")


@cache
def client(service: str, url: str, region: str = "eu-west-1", account: str = ACCOUNT) -> BaseClient:
    """A client that tries once and waits no longer than a test may."""
    config = Config(retries={"total_max_attempts": 1}, read_timeout=60, max_pool_connections=16)
    return session(key_of(account)).client(service, region_name=region, endpoint_url=url, config=config)


def every(ec2: BaseClient, operation: str, member: str, **arguments: Any) -> list[dict[str, Any]]:
    """All items of all pages."""
    pages = ec2.get_paginator(operation).paginate(**arguments)
    return [item for page in pages for item in page[member]]


def tags(of: dict[str, Any]) -> dict[str, str]:
    """A resource's tags as a dict."""
    return {tag["Key"]: tag["Value"] for tag in of.get("Tags", [])}


def tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    """A dict as boto3 wants tags."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tagged(kind: str, tags: dict[str, str]) -> dict[str, Any]:
    """The TagSpecifications argument."""
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tag_list(tags)}]} if tags else {}


def raw_call(line: HTTPConnection, action: str, **params: str) -> bytes:
    """The answer to an EC2 call that boto3 would not make, such as one without
    its required parameters.
    """
    url = f"http://{line.host}:{line.port}/"
    request = AWSRequest("POST", url, data=urlencode({"Action": action, "Version": "2016-11-15", **params}).encode())
    SigV4Auth(Credentials(KEY, "secret"), "ec2", "eu-west-1").add_auth(request)
    line.request("POST", "/", request.data, dict(request.headers))
    return line.getresponse().read()
