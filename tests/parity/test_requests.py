"""Our requests are boto3's: the same parameters, the headers that matter, and
signatures that botocore computes alike.
"""

from urllib.parse import parse_qsl, urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from support.sent import AWKWARD, CREDENTIALS, REGION, ours, tag_list, tag_specification, theirs

SNAPSHOTS = [f"snap-{n:017x}" for n in range(1000)]


FILTERS = [
    {"Name": "tag:ebskeep:slot", "Values": ["2026-01-01T00:00:00Z"]},
    {"Name": "volume-id", "Values": ["vol-00000000000000001", "vol-00000000000000002"]},
]
QUERIES = [
    {"MaxResults": 1000},
    {"MaxResults": 1000, "NextToken": "to+k/en=="},
    {"MaxResults": 1000, "Filters": FILTERS},
    {"MaxResults": 1000, "Filters": FILTERS, "NextToken": "x"},
]
OURS = {"OwnerIds": ["self"]}
MANAGED = {"IncludeManagedResources": True}
ALL_IMAGES = {"Owners": ["self"], "IncludeDeprecated": True, "IncludeDisabled": True}

COPY = {
    "SourceRegion": "us-east-1",
    "SourceSnapshotId": "snap-1",
    "Description": "web - vol-1 (/dev/xvda) (copy of snap-1 from us-east-1)",
    "TagSpecifications": tag_specification(AWKWARD),
}
# Where a snapshot of a volume outside the Region is stored.
SITES = [
    {"OutpostArn": "arn:aws:outposts:us-east-1:123456789012:outpost/op-0123456789abcdef0"},
    {"Location": "local"},
]
PERMISSION = {"Attribute": "createVolumePermission", "SnapshotId": "snap-1"}
ROLE = {"RoleArn": "arn:aws:iam::123456789012:role/backup/copies", "RoleSessionName": "ebskeep"}

# Every call the adapter makes, with every parameter it can set.
CALLS = {
    "GetCallerIdentity": [{}],
    "DescribeRegions": [{}],
    "DescribeInstances": [
        *[MANAGED | query for query in QUERIES],
        MANAGED | {"InstanceIds": ["i-00000000000000001", "i-00000000000000002"]},
    ],
    "DescribeVolumes": [
        *[MANAGED | query for query in QUERIES],
        MANAGED | {"VolumeIds": ["vol-00000000000000001"]},
    ],
    "DescribeSnapshots": [
        *[OURS | query for query in QUERIES],
        OURS | {"SnapshotIds": SNAPSHOTS[:1]},
        OURS | {"SnapshotIds": SNAPSHOTS},
    ],
    "DescribeImages": [
        *[ALL_IMAGES | query for query in QUERIES],
        ALL_IMAGES | {"ImageIds": ["ami-00000000000000001"]},
    ],
    "DescribeLockedSnapshots": [
        *QUERIES,
        {"SnapshotIds": SNAPSHOTS[:1]},
        {"SnapshotIds": SNAPSHOTS},
    ],
    "DescribeSnapshotTierStatus": [
        *QUERIES,
        {"MaxResults": 1000, "Filters": [{"Name": "snapshot-id", "Values": SNAPSHOTS[:200]}]},
    ],
    "CreateSnapshot": [
        {"VolumeId": "vol-1", "Description": "web - vol-1 (/dev/xvda)", "TagSpecifications": tag_specification(AWKWARD)},
        {"VolumeId": "vol-1", "Description": "ü" * 255, "TagSpecifications": tag_specification({"Type": "Automated"})},
        *[
            {"VolumeId": "vol-1", "Description": "d", "TagSpecifications": tag_specification({"Type": "Automated"})} | site
            for site in SITES
        ],
    ],
    "CreateSnapshots": [
        {
            "InstanceSpecification": {"InstanceId": "i-1"} | more,
            "Description": "web - i-1 (2 volumes)",
            "TagSpecifications": tag_specification(AWKWARD),
        }
        for more in (
            {"ExcludeBootVolume": False},
            {"ExcludeBootVolume": True},
            {"ExcludeBootVolume": False, "ExcludeDataVolumeIds": ["vol-2"]},
            {"ExcludeBootVolume": True, "ExcludeDataVolumeIds": [f"vol-{n}" for n in range(40)]},
        )
    ]
    + [
        {
            "InstanceSpecification": {"InstanceId": "i-1", "ExcludeBootVolume": False},
            "Description": "web - i-1 (2 volumes)",
            "TagSpecifications": tag_specification({"Type": "Automated"}),
        }
        | site
        for site in SITES
    ],
    "CopySnapshot": [
        COPY,
        COPY | {"Encrypted": True},
        COPY | {"Encrypted": True, "KmsKeyId": "arn:aws:kms:eu-west-1:123456789012:key/0a-1+b/é"},
        COPY | {"SourceRegion": REGION, "Description": "ü" * 255},
    ],
    "DescribeSnapshotAttribute": [PERMISSION],
    "ModifySnapshotAttribute": [
        PERMISSION | {"OperationType": operation, "UserIds": ["111122223333"]} for operation in ("add", "remove")
    ],
    "AssumeRole": [ROLE, ROLE | {"ExternalId": "a:b/c=d@e,f-g"}],
    "DeleteSnapshot": [{"SnapshotId": "snap-1"}],
    "CreateTags": [
        {"Resources": ["snap-1"], "Tags": tag_list(AWKWARD)},
        {"Resources": SNAPSHOTS, "Tags": tag_list({"ebskeep:deleted": "2026-01-01T00:00:00Z"})},
    ],
    "DeleteTags": [
        {"Resources": ["snap-1"], "Tags": [{"Key": "ebskeep:deleted"}]},
        {"Resources": SNAPSHOTS, "Tags": [{"Key": "ebskeep:deleted"}, {"Key": "日本"}]},
    ],
}
CASES = [(call, arguments) for call, all_arguments in CALLS.items() for arguments in all_arguments]
TOKENS = (False, True)


def text(value) -> str:
    return value.decode() if isinstance(value, bytes) else value


def scope_and_names(authorization: str) -> tuple[str, str, set[str]]:
    """Key id, scope without the date, names of the signed headers."""
    algorithm, _, fields = authorization.partition(" ")
    assert algorithm == "AWS4-HMAC-SHA256"
    field = dict(part.strip().split("=", 1) for part in fields.split(","))
    key, _, *scope = field["Credential"].split("/")
    return key, "/".join(scope), set(field["SignedHeaders"].split(";"))


def presigned(params: dict) -> dict:
    """Parameters, with the address alone of a presigned URL among them."""
    if url := params.get("PresignedUrl"):
        return params | {"PresignedUrl": url.split("?")[0]}
    return params


# Headers that say how to read the request, or who signed it, as botocore sends
# them. Its others are its own telemetry.
HEADERS = ("content-type", "x-amz-security-token")


@pytest.mark.parametrize("with_token", TOKENS, ids=["key", "session"])
@pytest.mark.parametrize("call, arguments", CASES, ids=[f"{call}-{n}" for n, (call, _) in enumerate(CASES)])
def test_boto3_and_we_send_the_same(probe, call, arguments, with_token):
    they, we = theirs(call, arguments, with_token), ours(probe, call, arguments, with_token)
    assert we["method"] == they.method
    assert we["url"].rstrip("/") == they.url.rstrip("/")
    params = parse_qsl(we["body"], keep_blank_values=True, strict_parsing=True)
    assert len(params) == len(dict(params)), "no parameter twice"
    expected = dict(parse_qsl(text(they.body), keep_blank_values=True, strict_parsing=True))
    # A URL with a clock in it: test_presigned.py compares it, part by part.
    assert presigned(dict(params)) == presigned(expected)

    their_headers = {name.lower(): text(value) for name, value in they.headers.items()}
    for name in HEADERS:
        assert we["headers"].get(name) == their_headers.get(name), name
    assert we["headers"].get("host", urlsplit(they.url).netloc) == urlsplit(they.url).netloc
    their_key, their_scope, their_names = scope_and_names(their_headers["authorization"])
    key, scope, names = scope_and_names(we["headers"]["authorization"])
    assert (key, scope) == (their_key, their_scope)
    assert their_names <= names, "we sign at least what botocore signs"


@pytest.mark.parametrize("with_token", TOKENS, ids=["key", "session"])
@pytest.mark.parametrize("call, arguments", CASES, ids=[f"{call}-{n}" for n, (call, _) in enumerate(CASES)])
def test_botocore_computes_our_signature(probe, call, arguments, with_token):
    we = ours(probe, call, arguments, with_token)
    _, scope, names = scope_and_names(we["headers"]["authorization"])
    region, service, _ = scope.split("/")
    signed = {name: value for name, value in we["headers"].items() if name in names}
    assert names - set(signed) <= {"host"}, "only what is sent can be signed"
    request = AWSRequest(we["method"], we["url"], signed, we["body"].encode())
    request.context["timestamp"] = we["headers"]["x-amz-date"]

    signer = SigV4Auth(CREDENTIALS, service, region)
    to_sign = signer.string_to_sign(request, signer.canonical_request(request))

    ours_says = we["headers"]["authorization"].rsplit("Signature=", 1)[1]
    assert signer.signature(to_sign, request) == ours_says


def test_an_empty_list_of_ids_is_never_sent(probe):
    """To AWS it would mean everything."""
    for call, arguments in [
        ("DescribeSnapshots", {"SnapshotIds": []}),
        ("DescribeLockedSnapshots", {"SnapshotIds": []}),
        ("DescribeVolumes", {"VolumeIds": []}),
    ]:
        answer = probe.ask("request", call=call, args=arguments, region=REGION)
        assert "error" in answer and "url" not in answer, answer
