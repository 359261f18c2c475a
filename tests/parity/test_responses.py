"""Every body that moto or sim gives is read by us as botocore reads it."""

import re
from collections.abc import Iterator

import pytest
from botocore.loaders import create_loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser

from support.clients import client
from support.moto_server import moto_here
from support.reads import READS, STS_CALLS, project
from support.scene import Recorder, play
from support.sim_server import IMAGE, sim_server

MODELS = {service: ServiceModel(create_loader().load_service_model(service, "service-2")) for service in ("ec2", "sts")}

# Steps of the scene that a server refuses, with the error code.
UNKNOWN = {
    "unknown volume": "InvalidVolume.NotFound",
    "unknown instance": "InvalidInstanceID.NotFound",
    "unknown snapshot": "InvalidSnapshot.NotFound",
    "unknown image": "InvalidAMIID.NotFound",
    "snapshot of nothing": "InvalidVolume.NotFound",
    "set of nothing": "InvalidInstanceID.NotFound",
    "delete nothing": "InvalidSnapshot.NotFound",
    "tag nothing": "InvalidSnapshot.NotFound",
    "copy nothing": "InvalidSnapshot.NotFound",
    "share nothing": "InvalidSnapshot.NotFound",
    "sharing of nothing": "InvalidSnapshot.NotFound",
    "dry run": "DryRunOperation",
}
REFUSED = {
    "sim": UNKNOWN
    | {
        "untag nothing": "InvalidSnapshot.NotFound",
        "delete in use": "InvalidSnapshot.InUse",
        "delete locked": "OperationNotPermitted",
    },
    # moto knows no deprecation of images and no locks, takes a DeleteTags on
    # what is not there, and lets go of snapshots that RegisterImage used.
    "moto": UNKNOWN
    | {step: "no XML" for step in ("EnableImageDeprecation", "DisableImageDeprecation", "describe locks", "lock", "unlock")},
}
# Calls that a server does not answer (see above).
UNANSWERED = {("moto", "DescribeLockedSnapshots")}


def record(server: str) -> Recorder:
    """Plays the scene against a server."""
    recorder = Recorder(server)
    with moto_here() if server == "moto" else sim_server() as running:
        if server == "moto":
            running.reset()
        ec2, sts = client("ec2", running.url), client("sts", running.url)
        for one in (ec2, sts):
            recorder.attach(one)
        let_time_pass = (lambda: None) if server == "moto" else (lambda: running.advance(minutes=10))
        refused = play(ec2, sts, "ami-12345678" if server == "moto" else IMAGE, let_time_pass)
    assert refused == REFUSED[server], "the table above is no longer true"
    return recorder


@pytest.fixture(scope="module", params=["moto", "sim"])
def recorded(request) -> Iterator[Recorder]:
    yield record(request.param)


def as_the_port_has_it(call: str, answer: dict) -> dict:
    """What our types leave out on purpose, left out of botocore's reading too."""
    if call == "DescribeInstances":
        # No reservations: each instance stands alone.
        answer["Reservations"] = [{"Instances": [one]} for r in answer["Reservations"] for one in r["Instances"]]
    for volume in answer.get("Volumes", []):
        # An attachment that is over, or not to an instance, is none.
        there = [a for a in volume.get("Attachments", []) if a.get("InstanceId") and a.pop("State") != "detached"]
        volume["Attachments"] = there
    for one in answer.get("Volumes", []) + answer.get("Snapshots", []):
        # Of zones only a Local Zone matters.
        if not re.fullmatch(r"[a-z]+(-[a-z]+)+-[0-9]+-[a-z]+-[0-9]+[a-z]", one.get("AvailabilityZone", "")):
            one.pop("AvailabilityZone", None)
    for status in answer.get("SnapshotTierStatuses", []):
        # A move that is over says nothing that the other members do not.
        if not status.get("LastTieringOperationStatus", "").endswith("-in-progress"):
            status.pop("LastTieringOperationStatus", None)
    if call == "DescribeSnapshotAttribute":
        answer["CreateVolumePermissions"].sort(key=lambda permission: permission.get("UserId", ""))
    if call == "DescribeRegions":
        answer["Regions"].sort(key=lambda region: region["RegionName"])
    return answer


def botocore_reads(call: str, status: int, body: bytes) -> dict:
    model = MODELS["sts" if call in STS_CALLS else "ec2"]
    answer = {"status_code": status, "headers": {}, "body": body}
    return create_parser(model.metadata["protocol"]).parse(answer, model.operation_model(call).output_shape)


@pytest.mark.parametrize("call", READS)
def test_an_answer_is_read_alike(probe, recorded, call):
    bodies = recorded.of(call)
    assert bool(bodies) != ((recorded.server, call) in UNANSWERED), f"{len(bodies)} successful {call} in the scene"
    for one in bodies:
        answer = probe.ask("parse", call=call, body=one.body.decode())
        assert "error" not in answer, (answer, one.body)
        theirs = project(as_the_port_has_it(call, botocore_reads(call, one.status, one.body)), READS[call])
        assert project(answer, READS[call]) == theirs, one.body.decode()
        assert set(answer) <= set(READS[call]), "every member we read is in READS"


def test_the_scene_shows_everything_we_read(recorded):
    """Else the comparison above would compare nothing with nothing."""
    answers = [one for one in recorded.bodies if one.call in READS and one.status < 300]
    shown = [project(botocore_reads(one.call, one.status, one.body), READS[one.call]) for one in answers]
    snapshots = [s for page in shown for s in page.get("Snapshots", []) if "OwnerId" in s]
    assert any(len(s.get("Tags", [])) >= 6 for s in snapshots) and any("Tags" not in s for s in snapshots)
    assert any(s.get("Description") == "ü <&>" for s in snapshots)
    assert any(s.get("Encrypted") for s in snapshots)
    volumes = [v for page in shown for v in page.get("Volumes", [])]
    assert {v["State"] for v in volumes} >= {"in-use", "available"}
    instances = [i for page in shown for r in page.get("Reservations", []) for i in r["Instances"]]
    assert {i["State"]["Name"] for i in instances} >= {"running", "stopped"}
    assert any(len(i.get("BlockDeviceMappings", [])) >= 2 for i in instances)
    assert {i["State"] for page in shown for i in page.get("Images", [])} >= {"available", "disabled"}
    tiers = [t for page in shown for t in page.get("SnapshotTierStatuses", [])]
    assert any("ArchivalCompleteTime" in t for t in tiers) and any("ArchivalCompleteTime" not in t for t in tiers)
    assert any("RestoreExpiryTime" in t for t in tiers)
    sharing = [page["CreateVolumePermissions"] for page in shown if "CreateVolumePermissions" in page]
    # An empty list is projected to none at all.
    assert [len(permissions) for permissions in sharing] == [2]
    locks = {s["LockState"] for page in shown for s in page.get("Snapshots", []) if "LockState" in s}
    assert locks == (set() if recorded.server == "moto" else {"governance", "compliance"})


# What our own kinds of errors are for these codes (crates/core, ErrorKind).
KINDS = {
    "InvalidVolume.NotFound": "not-found",
    "InvalidInstanceID.NotFound": "not-found",
    "InvalidSnapshot.NotFound": "not-found",
    "InvalidAMIID.NotFound": "not-found",
    "InvalidSnapshot.InUse": "in-use",
    "OperationNotPermitted": "other",
    "DryRunOperation": "other",
}


def test_a_refusal_is_read_alike(probe, recorded):
    seen = set()
    for one in recorded.bodies:
        if one.status < 300 or one.call not in READS or (recorded.server, one.call) in UNANSWERED:
            continue
        answer = probe.ask("error", call=one.call, status=one.status, body=one.body.decode())
        theirs = botocore_reads(one.call, one.status, one.body)["Error"]["Code"]
        assert (answer["code"], answer["kind"]) == (theirs, KINDS[theirs]), one.body
        seen.add(theirs)
    assert seen >= set(KINDS) - {"InvalidSnapshot.InUse", "OperationNotPermitted"}


# Codes that no scene brings about, with status and kind: what is waited for,
# what is final, and what may or may not have been done.
CODES = [
    ("RequestLimitExceeded", 503, "throttled"),
    ("SnapshotCreationPerVolumeRateExceeded", 400, "per-volume-rate"),
    ("ConcurrentSnapshotLimitExceeded", 400, "concurrency-limit"),
    ("PendingSnapshotLimitExceeded", 400, "concurrency-limit"),
    ("ResourceLimitExceeded", 400, "concurrency-limit"),
    ("ConcurrentTagAccess", 400, "concurrency-limit"),
    ("SnapshotLimitExceeded", 400, "quota"),
    ("TagLimitExceeded", 400, "quota"),
    ("UnauthorizedOperation", 403, "denied"),
    ("OptInRequired", 401, "denied"),
    ("AuthFailure", 401, "denied"),
    ("InvalidParameterValue", 400, "invalid"),
    ("InternalError", 500, "unknown"),
    ("Unavailable", 503, "unknown"),
]
EC2_ERROR = "<Response><Errors><Error><Code>{}</Code><Message>m</Message></Error></Errors><RequestID>r</RequestID></Response>"


@pytest.mark.parametrize("code, status, kind", CODES, ids=[code for code, _, _ in CODES])
def test_a_code_has_its_kind(probe, code, status, kind):
    body = EC2_ERROR.format(code)
    assert botocore_reads("CreateSnapshot", status, body.encode())["Error"]["Code"] == code
    answer = probe.ask("error", call="CreateSnapshot", status=status, body=body)
    assert (answer["code"], answer["kind"]) == (code, kind)
