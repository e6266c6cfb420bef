"""The launcher of the embedded Valkey, on real servers."""

from __future__ import annotations

from pathlib import Path

import redis

from scp_portal.embedded.valkey import EmbeddedValkey


def test_it_starts_in_a_folder_with_spaces_and_keeps_its_data(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / "a b")
    server.start()
    with redis.Redis.from_url(server.url(1)) as client:
        client.set("kept", "yes")
    assert server.process is not None
    server.process.kill()
    server.process.wait(5)
    server.start()
    with redis.Redis.from_url(server.url(1)) as client:
        assert client.get("kept") == b"yes"
    server.stop()
    assert not server.answers()


def test_a_running_server_is_adopted_and_left_alone(tmp_path: Path) -> None:
    server, other = EmbeddedValkey(tmp_path), EmbeddedValkey(tmp_path)
    server.start()
    other.start()
    other.stop()
    assert server.answers()
    other.stop_orphan()
    assert not server.answers()


def test_a_long_path_works(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / ("long" * 25), durable=False)
    server.start()
    assert server.answers()
    server.stop()
