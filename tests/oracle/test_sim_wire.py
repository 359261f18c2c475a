"""Nothing that sim writes, and nothing that we send, is unknown to AWS's own
model of EC2; and whatever we read, sim writes.
"""

import re
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest

from oracle.error_codes import DOCUMENTED
from oracle.wire_model import EC2, paths_in, wrong_in_answer, wrong_in_request
from support.clients import KEY, client, raw_call, tagged
from support.programs import Ebskeep
from support.reads import READS, STS_CALLS, members
from support.scene import Recorder, play
from support.sim_server import IMAGE, Sim, sim_server

SOURCES = Path(__file__).parents[2] / "crates/sim/src"


@pytest.fixture(scope="module")
def sim():
    with sim_server() as sim:
        # Time enough to see them pending. All the time that the scene lets pass
        # must stay under the five minutes that ebskeep allows between clocks.
        sim.control("rules", {"buckets": False, "completes-after": "10s"})
        yield sim


@pytest.fixture(scope="module")
def recorded(sim: Sim) -> Recorder:
    """The scene, a failed snapshot, and a run of ebskeep over it all."""
    recorder = Recorder("sim")
    ec2, sts = client("ec2", sim.url), client("sts", sim.url)
    recorder.attach(ec2)
    play(ec2, sts, IMAGE, lambda: sim.advance(seconds=16))
    sim.control("fault", {"when": {"action": "CreateSnapshot"}, "what": {"snapshot-fails": {"message": "no luck"}}})
    volume = ec2.create_volume(AvailabilityZone="eu-west-1a", Size=1, **tagged("volume", {"Backup": "Yes"}))["VolumeId"]
    ec2.create_snapshot(VolumeId=volume)
    # One on an Outpost and one in a Local Zone, each with a snapshot that is stored there.
    outpost = {"OutpostArn": "arn:aws:outposts:eu-west-1:111122223333:outpost/op-0123456789abcdef0"}
    there = ec2.create_volume(AvailabilityZone="eu-west-1a", Size=1, **outpost)["VolumeId"]
    ec2.create_snapshot(VolumeId=there, **outpost)
    near = ec2.create_volume(AvailabilityZone="eu-west-1-lhr-1a", Size=1)["VolumeId"]
    ec2.create_snapshot(VolumeId=near, Location="local")
    sim.advance(seconds=16)
    ec2.describe_volumes()
    ec2.describe_snapshots(OwnerIds=["self"])
    Ebskeep(sim.url, KEY)("apply", "--yes").expect(0)
    return recorder


def served(sim: Sim) -> set[str]:
    """The operations of EC2 that sim answers with anything but InvalidAction."""
    line = HTTPConnection(urlsplit(sim.url).netloc, timeout=30)
    answers = {operation: raw_call(line, operation) for operation in EC2.operation_names}
    return {operation for operation, body in answers.items() if b"<Code>InvalidAction</Code>" not in body}


def test_every_element_is_in_the_operations_shape(recorded):
    wrong = {
        (one.call, message)
        for one in recorded.bodies
        if one.status < 300
        for message in wrong_in_answer(one.call, one.body)
    }
    assert not wrong


def test_every_member_we_read_is_written(recorded):
    written = set()
    for one in recorded.bodies:
        if one.status < 300 and one.call in READS:
            shape = EC2.operation_model(one.call).output_shape
            if shape is not None:
                found = paths_in(ElementTree.fromstring(one.body), shape)
                written |= {(one.call, path) for path in found}
    read = {(call, path) for call in set(READS) - STS_CALLS for path in members(READS[call])}
    # The scene has fewer images, and fewer locks, than the smallest page.
    read -= {("DescribeImages", ("NextToken",)), ("DescribeLockedSnapshots", ("NextToken",))}
    assert len(read) > 30
    assert sorted(read - written) == []


def test_every_parameter_we_send_is_in_the_operations_shape(sim, recorded):
    """`recorded` is asked for so that ebskeep has run."""
    calls = [call for call in sim.control("calls") if call["service"] == "ec2"]
    sent = {call["action"] for call in calls}
    assert sent >= {"DescribeImages", "DescribeInstances", "DescribeVolumes", "DescribeSnapshots", "CreateSnapshot"}
    assert sent >= {"DescribeLockedSnapshots", "DescribeSnapshotTierStatus"}
    wrong = {
        (call["action"], message) for call in calls for message in wrong_in_request(call["action"], call["params"])
    }
    assert not wrong


def test_the_scene_exercises_every_action_sim_serves(sim, recorded):
    """An action that is added to sim is to be added to the scene."""
    exercised = {one.call for one in recorded.bodies if one.status < 300}
    actions = served(sim)
    assert set(READS) - STS_CALLS <= actions, "what the adapter calls, sim serves"
    assert sorted(actions - exercised) == []


# Codes that are said by name, and codes that a helper says.
CODES = [
    r'Refusal::new\(\s*"([A-Za-z.]+)"',
    r'"(Invalid[A-Za-z]+(?:\.[A-Z][A-Za-z]+)?)"',
    r'"([A-Z][A-Za-z]+(?:Exceeded|Unavailable|InUse))"',
]


def test_every_error_code_is_documented(recorded):
    sources = [source.read_text() for source in SOURCES.rglob("*.rs")]
    codes = {code for source in sources for pattern in CODES for code in re.findall(pattern, source)}
    refusals = [ElementTree.fromstring(one.body) for one in recorded.bodies if one.status >= 300]
    codes |= {refusal.findtext(".//{*}Code") for refusal in refusals}
    assert len(codes) > 30
    assert sorted(codes - DOCUMENTED) == []
