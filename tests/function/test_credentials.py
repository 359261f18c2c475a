"""Where the function has its credentials from: its variables, or where these say that
they are to be asked for, as Lambda has it with SnapStart; nowhere else.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import Any

from support.clients import key_of
from support.lambda_runtime import Handler
from support.worlds import instance

TOKEN = "a-token-of-lambdas"


@contextmanager
def credentials_of(account: Any) -> Iterator[str]:
    """Gives out an account's credentials to whoever knows the token."""

    class Asked(Handler):
        def do_GET(self) -> None:
            known = self.headers.get("Authorization") == TOKEN
            given = {
                "AccessKeyId": key_of(account.id),
                "SecretAccessKey": "secret",
                "Token": "session",
                "Expiration": "2100-01-01T00:00:00Z",
            }
            body = json.dumps(given if known else {"code": "AccessDenied", "message": "no"}).encode()
            self.send(200 if known else 403, body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Asked) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/credentials"
        finally:
            server.shutdown()


def test_they_are_asked_for_where_lambda_says(start, account):
    instance(account, Name="web", Backup="Yes")
    without = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    with credentials_of(account) as url:
        where = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": url, "AWS_CONTAINER_AUTHORIZATION_TOKEN": TOKEN}
        answer = start(**without, **where).invoke({"job": "create"})
    assert answer.error_type is None, answer
    assert len(account.snapshots()) == 1


def test_a_file_is_none_of_its_sources(start, account, tmp_path):
    instance(account, Name="web", Backup="Yes")
    file = tmp_path / "credentials"
    file.write_text(f"[default]\naws_access_key_id = {key_of(account.id)}\naws_secret_access_key = secret\n")
    without = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SHARED_CREDENTIALS_FILE": str(file)}
    answer = start(**without).invoke({"job": "create"})
    said = answer.error_message
    assert "no AWS credentials were found" in said and "execution role" in said, answer
    # What it does not read is no advice.
    assert "profile" not in said.lower(), answer
    assert account.snapshots() == []
