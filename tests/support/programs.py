"""The built programs: where they are, and running them."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# No run in these tests takes a tenth of this.
PATIENCE = 120


def program(variable: str) -> str:
    """The path of a built program. A missing one is a failure, never a skip."""
    path = os.environ.get(variable, "")
    assert path, f"{variable} is not set: run these tests with `cargo xtask test --only python`"
    assert Path(path).is_file(), f"{variable} names {path}, which is not there"
    return path


def environment(**more: str) -> dict[str, str]:
    """An environment without the developer's account in it."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "EBSKEEP_"))}
    nowhere = "/nonexistent/aws"
    hermetic = {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": nowhere,
        "AWS_SHARED_CREDENTIALS_FILE": nowhere,
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }
    return kept | hermetic | more


@dataclass
class Ran:
    """How a run of the command ended."""

    code: int
    stdout: str
    stderr: str

    def json(self) -> dict[str, Any]:
        """stdout as one JSON document."""
        try:
            return json.loads(self.stdout)
        except ValueError as error:
            raise AssertionError(f"stdout is not one JSON document ({error}):\n{self}") from error

    def expect(self, code: int) -> "Ran":
        """This run, if it ended with that exit code."""
        assert self.code == code, f"exit code {self.code}, not {code}:\n{self}"
        return self

    def __str__(self) -> str:
        return f"--- stdout\n{self.stdout[:8000]}\n--- stderr\n{self.stderr[:8000]}"


@dataclass(frozen=True)
class Ebskeep:
    """The command against one endpoint, as one account, in one Region."""

    url: str
    key: str
    region: str = "eu-west-1"

    def __call__(self, *arguments: str, **variables: str) -> Ran:
        at = ["--endpoint-url", self.url, "--region", self.region]
        return run(*arguments, *at, AWS_ACCESS_KEY_ID=self.key, AWS_SECRET_ACCESS_KEY="secret", **variables)

    def json(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """Runs it for its JSON."""
        return self(*arguments, "--format", "json").expect(code).json()


def run(*arguments: str, **variables: str) -> Ran:
    """Runs the command as a process."""
    ended = subprocess.run(
        [program("EBSKEEP_BIN"), *arguments],
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return Ran(ended.returncode, ended.stdout, ended.stderr)
