"""A plan over a million snapshots in files, as `aws ec2 describe-…` prints them."""

import json
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

from bench.measure import run
from bench.worlds import marks
from support.clients import ACCOUNT, tag_list
from support.programs import program

VOLUMES = 20_000
EACH = 50


def written(folder: Path) -> list[str]:
    """The four files; the snapshots' without a million of them in memory."""
    now = datetime.now(timezone.utc)
    ages = [*range(1, 31), *range(35, 35 + 20 * 7, 7)][:EACH]
    volume = "vol-{:017x}".format
    instance = "i-{:017x}".format

    def mapping(number: int, device: int) -> dict:
        return {"DeviceName": f"/dev/sd{'ab'[device]}", "Ebs": {"VolumeId": volume(2 * number + device)}}

    instances = [
        {
            "InstanceId": instance(number),
            "State": {"Name": "running"},
            "RootDeviceName": "/dev/sda",
            "BlockDeviceMappings": [mapping(number, 0), mapping(number, 1)],
            "Tags": tag_list({"Backup": "Yes", "Retention": "daily=7 weekly=4 monthly=12 yearly=2"}),
        }
        for number in range(VOLUMES // 2)
    ]
    volumes = [
        {
            "VolumeId": volume(number),
            "State": "in-use",
            "Size": 100,
            "Attachments": [{"InstanceId": instance(number // 2), "Device": f"/dev/sd{'ab'[number % 2]}"}],
        }
        for number in range(VOLUMES)
    ]
    wholes = {
        "instances.json": {"Reservations": [{"OwnerId": ACCOUNT, "Instances": instances}]},
        "volumes.json": {"Volumes": volumes},
        "images.json": {"Images": []},
    }
    for name, whole in wholes.items():
        (folder / name).write_text(json.dumps(whole, indent=4))
    with open(folder / "snapshots.json", "w", encoding="utf-8") as file:
        file.write('{\n    "Snapshots": [\n')
        for number in range(VOLUMES * EACH):
            of, age = divmod(number, EACH)
            start = now - timedelta(days=ages[age])
            snapshot = {
                "SnapshotId": f"snap-{number * 0x9E3779B1 % (1 << 40):017x}",
                "OwnerId": ACCOUNT,
                "VolumeId": volume(of),
                "State": "completed",
                "Progress": "100%",
                "StartTime": f"{start:%Y-%m-%dT%H:%M:%S.000Z}",
                "VolumeSize": 100,
                "Encrypted": False,
                "StorageTier": "standard",
                "Description": f"server - {volume(of)} (/dev/sda)",
                "Tags": tag_list(marks(volume(of), start, start + timedelta(days=7))),
            }
            comma = "," if number + 1 < VOLUMES * EACH else ""
            file.write(json.dumps(snapshot, indent=4) + comma + "\n")
        file.write("    ]\n}\n")
    return [str(folder / name) for name in ("snapshots.json", *wholes)]


def measure() -> list[str]:
    """A plan over a million snapshots in files."""
    with tempfile.TemporaryDirectory() as folder:
        names = written(Path(folder))
        size = sum(Path(name).stat().st_size for name in names) / (1 << 20)
        limits = ("--max-delete", "1000000", "--max-delete-percent", "100")
        took = run(program("EBSKEEP_BIN"), "plan", "expire", "--region", "eu-west-1", *limits, "--inventory", *names)
        return [f"* the whole process: {took}, of {size:.0f} MiB of JSON", *took.output.strip().splitlines()[-3:]]
