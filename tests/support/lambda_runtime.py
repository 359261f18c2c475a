"""The Lambda Runtime API (2018-06-01), as far as a function needs it.

Its protocol: the function asks for the next invocation and waits, then posts
either a response or an error under the invocation's id.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import queue
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from support.programs import PATIENCE, environment, program

ROOT = "/2018-06-01/runtime"
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:ebskeep"
# The quota of a synchronous answer; ours stays far below it.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LAMBDA_LIMIT = 6 * 1024 * 1024


@dataclass
class Answer:
    """What an invocation gave."""

    body: bytes
    # None if it succeeded.
    error_type: str | None
    error_message: str | None

    def json(self) -> Any:
        """The result, or, of an error, the result in its message."""
        return json.loads(self.error_message if self.error_type else self.body)


class _Api(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.invocations: queue.Queue[tuple[str, bytes, int]] = queue.Queue()
        self.answers: queue.Queue[tuple[str, Answer]] = queue.Queue()


class Handler(BaseHTTPRequestHandler):
    """One connection of a function's."""

    server: _Api
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        assert self.path == f"{ROOT}/invocation/next", self.path
        request_id, event, deadline = self.server.invocations.get()
        self.send(
            200,
            event,
            {
                "Lambda-Runtime-Aws-Request-Id": request_id,
                "Lambda-Runtime-Deadline-Ms": str(deadline),
                "Lambda-Runtime-Invoked-Function-Arn": ARN,
                "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0",
            },
        )

    def do_POST(self) -> None:
        body = self.body()
        where = self.path.removeprefix(ROOT)
        if where == "/init/error":
            self.server.answers.put(("init", self._error(body)))
        elif where.endswith("/response"):
            self.server.answers.put((where.split("/")[2], Answer(body, None, None)))
        elif where.endswith("/error"):
            self.server.answers.put((where.split("/")[2], self._error(body)))
        else:
            self.send(404, b"{}")
            return
        self.send(202, b'{"status":"OK"}')

    def _error(self, body: bytes) -> Answer:
        error = json.loads(body)
        return Answer(body, error["errorType"], error["errorMessage"])

    def body(self) -> bytes:
        """What was posted, whole."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        """Answers with JSON."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class Function:
    """A running function."""

    def __init__(self, api: _Api, process: subprocess.Popen, log: Any) -> None:
        self._api, self._process, self._log = api, process, log

    def invoke(self, event: Any, seconds: float = 900) -> Answer:
        """One invocation that must end within that time."""
        request_id = str(uuid.uuid4())
        deadline = int((time.time() + seconds) * 1000)
        self._api.invocations.put((request_id, json.dumps(event).encode(), deadline))
        waited = time.monotonic() + PATIENCE
        while time.monotonic() < waited:
            try:
                answered, answer = self._api.answers.get(timeout=0.2)
            except queue.Empty:
                assert self._process.poll() is None, f"the function died:\n{self.log()}"
                continue
            assert answered == request_id, f"an answer to {answered}: {answer}"
            return answer
        raise AssertionError(f"no answer in {PATIENCE} s:\n{self.log()}")

    def log(self) -> str:
        """Everything it has logged."""
        with open(self._log.name, encoding="utf-8") as log:
            return log.read()

    def log_lines(self) -> list[dict[str, Any]]:
        """What it has logged, each line one JSON object."""
        lines = [line for line in self.log().splitlines() if line.strip()]
        try:
            return [json.loads(line) for line in lines]
        except ValueError as error:
            raise AssertionError(f"a log line is not JSON ({error}):\n{self.log()[:4000]}") from error


def configured(api: ThreadingHTTPServer) -> dict[str, str]:
    """The variables that Lambda sets for a function behind this API."""
    return {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_address[1]}",
        "AWS_LAMBDA_FUNCTION_NAME": "ebskeep",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/ebskeep",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]0",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_EXECUTION_ENV": "AWS_Lambda_provided.al2023",
        "_HANDLER": "bootstrap",
    }


@contextmanager
def function(**variables: str) -> Iterator[Function]:
    """The function as Lambda runs it, with these variables in its configuration."""
    api = _Api()
    threading.Thread(target=api.serve_forever, daemon=True).start()
    given = configured(api)
    with tempfile.NamedTemporaryFile(suffix=".log") as log:
        process = subprocess.Popen(
            [program("EBSKEEP_BOOTSTRAP")],
            env=environment(**given, **variables),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield Function(api, process, log)
        finally:
            # Lambda freezes and kills; there is no goodbye.
            process.kill()
            process.wait()
            api.shutdown()
            api.server_close()
