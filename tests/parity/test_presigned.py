"""The URL that goes with a CopySnapshot is botocore's: each of its parts, and the
signature, for the same call, credentials, clock and Regions.
"""

import datetime as dt
from unittest.mock import patch
from urllib.parse import parse_qsl, urlsplit

import pytest
from botocore.config import Config

from support.sent import AWKWARD, CREDENTIALS, REGION, ours, tag_specification, theirs

AT = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.timezone.utc)
COPY = {
    "SourceRegion": "us-east-1",
    "SourceSnapshotId": "snap-1",
    "Description": "web - vol-1 (/dev/xvda) (copy of snap-1 from us-east-1)",
    "TagSpecifications": tag_specification(AWKWARD),
}
MANY = tag_specification({f"key {n}": "+ü/" * 20 for n in range(50)})
CALLS = {
    "plain": COPY,
    "default-key": COPY | {"Encrypted": True},
    "named-key": COPY | {"Encrypted": True, "KmsKeyId": "alias/ü +%&="},
    "same-region": COPY | {"SourceRegion": REGION},
    "no-tags": {name: value for name, value in COPY.items() if name != "TagSpecifications"},
    "many-tags": COPY | {"TagSpecifications": MANY},
}
# Source, destination. The names of some contain others'.
REGIONS = [
    ("us-east-1", "eu-west-1"),
    ("eu-west-1", "us-east-1"),
    ("us-gov-west-1", "us-gov-east-1"),
    ("cn-north-1", "cn-northwest-1"),
    ("eu-south-2", "ap-southeast-1"),
]
ENDPOINTS = [
    None,
    "http://127.0.0.1:5000",
    "https://vpce-0a1b-2c3d.ec2.eu-west-1.vpce.amazonaws.com",
    "https://gateway.example:8443/eu-west-1/ec2/",
]


CONFIGS: dict[tuple, Config] = {}


def config(**variant: bool) -> Config:
    """One object for one variant, so that clients are made once."""
    return CONFIGS.setdefault(tuple(sorted(variant.items())), Config(**variant))


def their_url(arguments: dict, with_token: bool, region: str = REGION, endpoint_url: str | None = None, **variant) -> str:
    # botocore dates its signatures by a clock that no client can be given.
    with patch("botocore.auth.get_current_datetime", return_value=AT.replace(tzinfo=None)):
        sent = theirs(
            "CopySnapshot",
            arguments,
            with_token,
            region_name=region,
            endpoint_url=endpoint_url,
            config=config(**variant),
        )
    return params(sent.body)["PresignedUrl"]


def our_url(probe, arguments: dict, with_token: bool, region: str = REGION, **more) -> str:
    sent = ours(probe, "CopySnapshot", arguments, with_token, region=region, at=AT.isoformat(), **more)
    return params(sent["body"])["PresignedUrl"]


def params(query: str | bytes) -> dict[str, str]:
    text = query.decode() if isinstance(query, bytes) else query
    pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True)
    assert len(pairs) == len(dict(pairs)), "no parameter twice"
    return dict(pairs)


def compare(our: str, their: str) -> None:
    we, they = urlsplit(our), urlsplit(their)
    assert we.scheme == they.scheme
    assert we.netloc == they.netloc
    assert we.path == they.path
    assert we.fragment == they.fragment == ""
    mine, expected = params(we.query), params(they.query)
    assert set(mine) == set(expected)
    for name, value in expected.items():
        assert mine[name] == value, name
    assert len(mine["X-Amz-Signature"]) == 64
    # Each parameter is escaped alike, whatever their order is.
    assert sorted(we.query.split("&")) == sorted(they.query.split("&"))


@pytest.mark.parametrize("with_token", [False, True], ids=["key", "session"])
@pytest.mark.parametrize("call", CALLS)
def test_the_presigned_url_is_botocores(probe, call, with_token):
    url = our_url(probe, CALLS[call], with_token)
    compare(url, their_url(CALLS[call], with_token))
    said = params(urlsplit(url).query)
    assert said["X-Amz-Expires"] == "3600"
    assert said["X-Amz-Date"] == "20260102T030405Z"
    assert said["DestinationRegion"] == REGION
    assert ("X-Amz-Security-Token" in said) == with_token


@pytest.mark.parametrize("variant", ["", "fips", "dualstack", "both"])
@pytest.mark.parametrize("source, destination", REGIONS)
def test_it_is_for_the_endpoint_of_the_source(probe, source, destination, variant):
    fips, dualstack = variant in ("fips", "both"), variant in ("dualstack", "both")
    arguments = COPY | {"SourceRegion": source}
    expected = their_url(
        arguments, False, destination, use_fips_endpoint=fips, use_dualstack_endpoint=dualstack
    )
    compare(our_url(probe, arguments, False, destination, fips=fips, dualstack=dualstack), expected)


@pytest.mark.parametrize("endpoint_url", ENDPOINTS)
def test_an_endpoint_of_ones_own_serves_the_source_too(probe, endpoint_url):
    compare(our_url(probe, COPY, True, endpoint_url=endpoint_url), their_url(COPY, True, REGION, endpoint_url))


def test_the_comparison_can_fail(probe):
    url = our_url(probe, COPY, True)
    compare(url, url)
    for changed in (
        url.replace("https:", "http:"),
        url.replace("us-east-1.amazonaws", "eu-west-1.amazonaws"),
        url.replace("/?", "/x?"),
        url.replace("3600", "3599"),
        url.replace("%20", "+", 1),
        url[:-1] + ("0" if url[-1] != "0" else "1"),
    ):
        assert changed != url
        with pytest.raises(AssertionError):
            compare(url, changed)
