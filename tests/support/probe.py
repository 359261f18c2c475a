"""Our adapter from outside: crates/aws/examples/parity, one JSON line for one."""

import json
import subprocess
from typing import Any

from support.programs import environment, program


class Probe:
    """The running probe."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [program("EBSKEEP_PARITY")],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, do: str, **question: Any) -> dict[str, Any]:
        """One question, one answer."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin and stdout
        stdin.write(json.dumps({"do": do, **question}) + "\n")
        stdin.flush()
        line = stdout.readline()
        assert line, f"the probe ended (code {self._process.poll()}) at {do} {question}"
        return json.loads(line)

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        assert self._process.wait(timeout=10) == 0
