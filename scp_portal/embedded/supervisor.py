"""`./portal up` and `./portal manage`: everything on one machine, and nothing left behind when it ends."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Iterator, Sequence
from pathlib import Path

from scp_portal.embedded import welcome
from scp_portal.embedded.children import Children
from scp_portal.embedded.fingerprint import Prepared
from scp_portal.embedded.processes import ROOT, CannotStart
from scp_portal.embedded.services import Folder, Ports, Services, answers, free, polling, tail

READY_WITHIN = 60
STOPPING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Console:
    """Progress for people, with the seconds since the start."""

    def __init__(self) -> None:
        self.began = time.monotonic()

    def seconds(self) -> float:
        return time.monotonic() - self.began

    def say(self, text: str) -> None:
        print(f"[{self.seconds():5.1f} s] {text}", flush=True)


def folder() -> Folder:
    """`var/` of the project, or the folder that PORTAL_VAR names."""
    return Folder(Path(os.environ.get("PORTAL_VAR") or ROOT / "var").absolute())


def refuse_taken(port: int, flag: str) -> None:
    """Say now, and which flag helps: a stranger that listens there would answer in our place."""
    if not free(port):
        raise CannotStart(f"Port {port} is taken by another program. Choose a free one: ./portal up {flag} N")
    try:
        with socket.socket() as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind(("127.0.0.1", port))
    except OSError as error:
        raise CannotStart(
            f"Port {port} can't be used ({error.strerror}). Choose another: ./portal up {flag} N"
        ) from error


def up(options: argparse.Namespace) -> int:
    """Start, serve until told to stop or until a part ends; 0 when told to."""
    console, place = Console(), folder()
    if not place.take(alone=True):
        raise CannotStart(in_use(place))
    ports = Ports(options.port, options.issuer_port)
    refuse_taken(ports.web, "--port")
    services = Services(place, ports, console.say)
    if services.embedded_issuer:
        refuse_taken(ports.issuer, "--issuer-port")
    services.end_orphans()
    place.begin_new_logs()
    place.remember(ports)
    children = Children(place.path / "log")
    with told_to_stop() as stop:
        try:
            services.start()
            children.start_web(ports.web)  # loads its code while the tables are looked after; not ready before they are
            services.wait_for_issuer()
            prepare(services, console)
            wait_until_ready(ports.web, children, stop)
            if not stop.is_set():
                children.start_worker(place.path)
                greet(console, ports, options.browser)
            stop.at_once = False
            return watch(services, children, stop)
        except KeyboardInterrupt:
            return 0
        finally:
            stop.at_once = False
            began = time.monotonic()
            children.stop()
            services.stop()
            place.release()
            console.say(f"Stopped in {time.monotonic() - began:.1f} s.")


def prepare(services: Services, console: Console) -> None:
    """Tables and demo, unless this very code has made them in this very database."""
    note = Prepared(services.postgres.data) if services.postgres else None
    if note and note.by_this_code():
        return
    from scp_portal.embedded import preparation  # imports Django, which a warm start need not wait for

    preparation.prepare(services, console.say)
    if note:
        note.remember()


def in_use(place: Folder) -> str:
    """Why `up` can't have the folder alone."""
    url = f"http://localhost:{place.ports().web}/"
    if answers(f"{url}livez"):
        return f"The portal already runs: {url} (stop it with Ctrl-C in its terminal)."
    return f"{place.path} is in use by another ./portal up or ./portal manage. Wait for it to end, or stop it."


class Stop(threading.Event):
    """Set by Ctrl-C, a kill or a closed terminal; interrupts what is going on as long as that is the preparation."""

    at_once = True

    def tell(self, number: int, frame: object) -> None:
        self.set()
        if self.at_once:
            raise KeyboardInterrupt


@contextlib.contextmanager
def told_to_stop() -> Iterator[Stop]:
    stop = Stop()
    before = {number: signal.signal(number, stop.tell) for number in STOPPING_SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def wait_until_ready(port: int, children: Children, stop: threading.Event) -> None:
    """Returns when the portal answers or is to stop. Raises CannotStart with the end of the log that tells why."""
    for _ in polling(READY_WITHIN):
        if stop.is_set() or answers(f"http://127.0.0.1:{port}/readyz"):
            return
        if name := children.dead():
            raise CannotStart(f"The {name} process ended at once:{tail(children.log_of(name))}")
    raise CannotStart(f"The portal was not ready after {READY_WITHIN} s:{tail(children.log_of('web'))}")


def greet(console: Console, ports: Ports, browser: bool) -> None:
    url = f"http://localhost:{ports.web}/"
    console.say(f"Ready: {url}")
    print(welcome.text(url), flush=True)
    if browser and sys.stdout.isatty() and not os.environ.get("CI"):
        webbrowser.open(url)


def watch(services: Services, children: Children, stop: threading.Event) -> int:
    """Until told to stop; when a part ends by itself all end, with its last words."""
    while not stop.wait(0.25):
        if name := children.dead():
            print(f"The {name} process ended by itself:{tail(children.log_of(name))}", file=sys.stderr)
            return 1
        if name := services.dead():
            print(f"{name} ended by itself:{tail(services.log_of(name))}", file=sys.stderr)
            return 1
    return 0


def manage(arguments: Sequence[str]) -> int:
    """manage.py in this process: with the servers of a running `up`, else with servers for as long as it takes."""
    from scp_portal.commandline import run  # imports Django, which `up --help` need not wait for

    place = folder()
    shared = place.take(alone=False)
    services = Services(place, place.ports(), lambda text: None)
    try:
        if shared:
            services.start()
            services.wait_for_issuer()
            make_roles(services)
        else:
            services.adopt()
        run(["manage.py", *arguments])
        return 0
    finally:
        if shared:
            place.take(alone=True, wait=True)  # others may be using what this process started
            services.stop()
            place.release()


def make_roles(services: Services) -> None:
    from scp_portal.embedded.roles import prepare_server  # imports the database driver

    if services.postgres:
        prepare_server(services.postgres)


def parser(usual: Ports) -> argparse.ArgumentParser:
    """`usual`: the ports of the last time, for the demo's people belong to the issuer at that address."""
    made = argparse.ArgumentParser(prog="./portal")
    commands = made.add_subparsers(dest="command", required=True)
    start = commands.add_parser("up", help="start everything on this machine; Ctrl-C stops it")
    start.add_argument("--port", type=int, default=usual.web, help=f"port of the portal ({usual.web})")
    start.add_argument("--issuer-port", type=int, default=usual.issuer, help=f"of the token issuer ({usual.issuer})")
    start.add_argument("--no-browser", dest="browser", action="store_false", help="open no browser")
    return made


def main(argv: Sequence[str]) -> int:
    try:
        if argv[:1] == ["manage"]:
            return manage(argv[1:])
        return up(parser(folder().ports()).parse_args(argv))
    except CannotStart as error:
        print(f"\n{error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
