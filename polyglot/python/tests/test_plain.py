"""The plain worker, frame by frame, at a broker of the test's own (RFC 18)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from peer import Peer

from binglide.protocol import messages as m
from binglide.protocol.errors import BinglideError
from binglide.worker import PlainWorker


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    with Peer(tmp_path) as broker:
        yield broker


class Running:
    """A worker in a thread of its own, stopped at the end."""

    def __init__(self, endpoint: str, function: Any) -> None:
        self.worker = PlainWorker(endpoint, "upper", function, heartbeat_ms=50)
        self.thread = threading.Thread(target=self.worker.run)

    def __enter__(self) -> Running:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.worker.stop()
        self.thread.join(10)
        assert not self.thread.is_alive()


def beating(peer: Peer, kind: Any, release: threading.Event | None = None) -> Any:
    """The next message of that kind; the broker beats meanwhile. ``release`` is set after the third of its beats."""
    beats = 0
    while True:
        message = peer.next()
        if isinstance(message, m.PlainHeartbeat):
            beats += 1
            peer.say_plain(m.PlainHeartbeat())
            if release is not None and beats == 3:
                release.set()
        elif isinstance(message, kind):
            return message
        else:
            raise AssertionError(f"{message} came, not {kind}")


def test_one_final_a_request_and_partials_before_it(peer: Peer) -> None:
    def upper(body: list[bytes]) -> Any:
        for frame in body:
            yield [frame.upper()]

    with Running(peer.endpoint, upper):
        assert beating(peer, m.PlainReady) == m.PlainReady("upper")
        peer.say_plain(m.PlainAssign(b"\x00a", (b"x", b"y", b"z")))
        answers = [beating(peer, (m.PlainPartial, m.PlainFinal)) for _ in range(3)]
        assert answers == [
            m.PlainPartial(b"\x00a", (b"X",)),
            m.PlainPartial(b"\x00a", (b"Y",)),
            m.PlainFinal(b"\x00a", (b"Z",)),
        ]
        peer.say_plain(m.PlainAssign(b"b", (b"",)))
        assert beating(peer, m.PlainFinal) == m.PlainFinal(b"b", (b"",))
    assert beating(peer, m.PlainDisconnect) == m.PlainDisconnect()


def test_it_beats_while_the_function_works(peer: Peer) -> None:
    release = threading.Event()

    def slow(body: list[bytes]) -> Any:
        assert release.wait(20)
        return [b"done"]

    with Running(peer.endpoint, slow):
        beating(peer, m.PlainReady)
        peer.say_plain(m.PlainAssign(b"a", (b"x",)))
        assert beating(peer, m.PlainFinal, release) == m.PlainFinal(b"a", (b"done",))
        assert release.is_set()


@pytest.mark.parametrize("way", ["disconnect", "nonsense", "second request", "silence"])
def test_what_ends_a_conversation_begins_another_and_its_answer_is_dropped(peer: Peer, way: str) -> None:
    release = threading.Event()

    def slow(body: list[bytes]) -> Any:
        if body[0] == b"first":
            assert release.wait(20)
        return [b"answer to ", body[0]]

    with Running(peer.endpoint, slow):
        beating(peer, m.PlainReady)
        first = peer.routing_id
        peer.say_plain(m.PlainAssign(b"a", (b"first",)))
        if way == "disconnect":
            peer.say_plain(m.PlainDisconnect())
        elif way == "nonsense":
            peer.send([b"MDPW02", b"\x07"])
        elif way == "second request":
            peer.say_plain(m.PlainAssign(b"b", (b"second",)))
        while not isinstance(peer.next(), m.PlainReady):
            time.sleep(0)
        assert peer.routing_id != first
        release.set()
        peer.say_plain(m.PlainAssign(b"c", (b"third",)))
        assert beating(peer, m.PlainFinal) == m.PlainFinal(b"c", (b"answer to ", b"third"))


@pytest.mark.parametrize("service", ["", "mmi.service", "a b", "é"])
def test_names_are_checked(service: str) -> None:
    with pytest.raises(BinglideError) as caught:
        PlainWorker("ipc:///nowhere", service, lambda body: body)
    assert caught.value.code == "E_USAGE"
