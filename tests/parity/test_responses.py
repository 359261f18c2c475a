"""Every body that moto or sim gives is read by us as botocore reads it."""

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
    "dry run": "DryRunOperation",
}
REFUSED = {
    "sim": UNKNOWN | {"untag nothing": "InvalidSnapshot.NotFound", "delete in use": "InvalidSnapshot.InUse"},
    # moto knows no deprecation of images, takes a DeleteTags on what is not
    # there, and lets go of snapshots that RegisterImage used.
    "moto": UNKNOWN | {"EnableImageDeprecation": "no XML", "DisableImageDeprecation": "no XML"},
}


def record(server: str) -> Recorder:
    """Plays the scene against a server."""
    recorder = Recorder()
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


def botocore_reads(call: str, status: int, body: bytes) -> dict:
    model = MODELS["sts" if call in STS_CALLS else "ec2"]
    answer = {"status_code": status, "headers": {}, "body": body}
    return create_parser(model.metadata["protocol"]).parse(answer, model.operation_model(call).output_shape)


@pytest.mark.parametrize("call", READS)
def test_an_answer_is_read_alike(probe, recorded, call):
    bodies = recorded.of(call)
    assert bodies, f"the scene has no successful {call}"
    for one in bodies:
        answer = probe.ask("parse", call=call, body=one.body.decode())
        assert "error" not in answer, (answer, one.body)
        theirs = project(botocore_reads(call, one.status, one.body), READS[call])
        assert project(answer, READS[call]) == theirs, one.body.decode()
        assert set(answer) <= {*READS[call], "Return"}, "every member we read is in READS"


def test_the_scene_shows_everything_we_read(recorded):
    """Else the comparison above would compare nothing with nothing."""
    shown = [project(botocore_reads(b.call, b.status, b.body), READS[b.call]) for b in recorded.bodies if b.call in READS and b.status < 300]
    snapshots = [s for page in shown for s in page.get("Snapshots", []) if "OwnerId" in s]
    assert any(len(s.get("Tags", [])) >= 6 for s in snapshots) and any("Tags" not in s for s in snapshots)
    assert any(s.get("Description") == "ü <&>" for s in snapshots)
    assert any(s.get("Encrypted") for s in snapshots)
    volumes = [v for page in shown for v in page.get("Volumes", [])]
    assert {v["State"] for v in volumes} >= {"in-use", "available"}
    instances = [i for page in shown for r in page.get("Reservations", []) for i in r["Instances"]]
    assert {i["State"]["Name"] for i in instances} >= {"running", "stopped"}
    assert any(len(i.get("BlockDeviceMappings", [])) >= 3 for i in instances)
    assert {i["State"] for page in shown for i in page.get("Images", [])} >= {"available", "disabled"}


# What our own kinds of errors are for these codes (crates/core, ErrorKind).
KINDS = {
    "InvalidVolume.NotFound": "not-found",
    "InvalidInstanceID.NotFound": "not-found",
    "InvalidSnapshot.NotFound": "not-found",
    "InvalidAMIID.NotFound": "not-found",
    "InvalidSnapshot.InUse": "in-use",
    "DryRunOperation": "other",
}


def test_a_refusal_is_read_alike(probe, recorded):
    seen = set()
    for one in recorded.bodies:
        if one.status < 300 or one.call not in READS:
            continue
        answer = probe.ask("error", call=one.call, status=one.status, body=one.body.decode())
        theirs = botocore_reads(one.call, one.status, one.body)["Error"]["Code"]
        assert (answer["code"], answer["kind"]) == (theirs, KINDS[theirs]), one.body
        seen.add(theirs)
    assert seen >= set(KINDS) - {"InvalidSnapshot.InUse"}
