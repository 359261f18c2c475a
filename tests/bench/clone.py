"""From a clean clone to a demo that has run, and to tests that have passed."""

import os
import subprocess
import tempfile
import time
from pathlib import Path

from bench.measure import available, least_free

ROOT = Path(__file__).parent.parent.parent


def timed(where: Path, *command: str) -> str:
    """Runs it there; minutes and the memory that went, of all processes together."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("CARGO", "AWS_", "EBSKEEP_"))}
    before, began = available(), time.monotonic()
    with least_free() as least:
        ended = subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, check=False)
    last = (ended.stdout.strip().splitlines() or [""])[-1]
    minutes, gib = (time.monotonic() - began) / 60, (before - least[0]) / 1024
    return f"* `{' '.join(command)}`: {minutes:.1f} min, {gib:.1f} GiB, exit code {ended.returncode}: {last}"


def measure() -> list[str]:
    """From a clean clone to the demo, and to tests that have passed."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "ebskeep"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        return [timed(clone, "cargo", "run", "--", "demo"), timed(clone, "cargo", "xtask", "test")]
