"""Serves moto's EC2 on a free loopback port until stdin closes.

Prints the URL as its first and only line. Ending with stdin, it cannot outlive
whoever started it.
"""

import os
import sys

# Without this, moto lists 1,322 images and snapshots of others as ours.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"

from moto.server import ThreadedMotoServer  # noqa: E402  (reads the environment)


def main() -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    print(f"http://{host}:{port}", flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
