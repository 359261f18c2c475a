"""The creator as a Lambda function: the loop that AWS's Python runtime goes around
the handler, over the Runtime API, in the standard library alone (AWS's own client
of it takes longer to import).
"""

import json
import os
import urllib.request

import baseline_creator


def main() -> None:
    api = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime"
    while True:
        with urllib.request.urlopen(f"{api}/invocation/next") as event:
            request_id = event.headers["Lambda-Runtime-Aws-Request-Id"]
            json.load(event)
        baseline_creator.main()
        urllib.request.urlopen(f"{api}/invocation/{request_id}/response", b"null").close()


if __name__ == "__main__":
    main()
