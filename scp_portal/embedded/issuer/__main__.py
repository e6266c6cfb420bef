"""`python -m scp_portal.embedded.issuer --port N --folder DIR`: runs until SIGTERM or SIGINT."""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from scp_portal.embedded.issuer.server import make_server

ON = {"1", "true", "yes", "on"}
NEEDED = ("DEBUG", "PORTAL_DEMO")


def refuse_outside_the_demo() -> None:
    """Anyone may be anyone here: never beside real data."""
    missing = [name for name in NEEDED if os.environ.get(name, "").lower() not in ON]
    if missing:
        sys.exit(
            f"The embedded issuer is for the demo only: it needs {' and '.join(missing)} to be 1. Use Keycloak instead."
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="scp_portal.embedded.issuer", description="The demo's token issuer.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="where its key and its clients are kept")
    parser.add_argument("--url", help="its own address, if not KEYCLOAK_URL or http://127.0.0.1:PORT")
    options = parser.parse_args()
    refuse_outside_the_demo()
    try:
        server = make_server(options.port, options.folder, options.url or os.environ.get("KEYCLOAK_URL"))
    except OSError as error:
        sys.exit(f"The issuer cannot listen on 127.0.0.1:{options.port}: {error.strerror}.")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"issuer ready at {server.server_address[1]}", flush=True)
    server.serve_forever(poll_interval=0.2)


if __name__ == "__main__":
    main()
