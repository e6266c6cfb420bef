"""A load client for one address: kept-alive connections, one request in flight on each, no thread.

python -m benchmarks._load PORT CONNECTIONS SECONDS < request    prints: answers seconds failures
"""

from __future__ import annotations

import selectors
import socket
import sys
import time


class Connection:
    """One socket and the answer that is coming in on it."""

    def __init__(self, port: int, request: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request = request
        self.received = bytearray()
        self.expected: int | None = None
        self.ok = True

    def send(self) -> None:
        self.received.clear()
        self.expected = None
        self.socket.sendall(self.request)

    def answered(self) -> bool:
        """Take in what has come; True when the answer is whole."""
        data = self.socket.recv(262_144)
        if not data:
            raise ConnectionError("the server closed the connection")
        self.received += data
        if self.expected is None and (end := self.received.find(b"\r\n\r\n")) >= 0:
            head = bytes(self.received[:end]).lower()
            self.ok = head.startswith(b"http/1.1 200")
            length = head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]
            self.expected = end + 4 + int(length)
        return self.expected is not None and len(self.received) >= self.expected


def run(port: int, connections: int, seconds: float, request: bytes) -> tuple[int, float, int]:
    selector = selectors.DefaultSelector()
    for _ in range(connections):
        connection = Connection(port, request)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        connection.send()
    answers = failures = 0
    began = time.monotonic()
    while (now := time.monotonic()) - began < seconds:
        for key, _ in selector.select(timeout=1):
            connection = key.data
            if connection.answered():
                answers += 1
                failures += not connection.ok
                connection.send()
    return answers, now - began, failures


if __name__ == "__main__":
    port, connections, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    print(*run(port, connections, seconds, sys.stdin.buffer.read()))
