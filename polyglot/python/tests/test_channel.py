"""The pipe between a worker's two processes: messages come whole, whatever pieces the pipe makes of them."""

from __future__ import annotations

import socket
import threading

import pytest

from binglide.worker.channel import Channel, Message
from binglide.worker.flags import Flags


def pair() -> tuple[Channel, Channel]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    return Channel(ours), Channel(theirs)


def test_messages_come_whole_and_in_order() -> None:
    main, child = pair()
    sent = [("loaded",), ("computed", 1, ("a", "b", "c")), ("failed", 2)]
    frames = [(), (b"", b"x" * 3_000_000, bytearray(b"yz")), (b"q",)]

    def speak() -> None:
        for header, more in zip(sent, frames, strict=True):
            child.send_all(header, more)
        child.sock.close()

    speaker = threading.Thread(target=speak)
    speaker.start()
    got: list[Message] = []
    with pytest.raises(EOFError):
        while True:
            got += main.receive()
    speaker.join(10)
    assert [message.header for message in got] == sent
    assert [tuple(map(bytes, message.frames)) for message in got] == [tuple(map(bytes, more)) for more in frames]


def test_what_the_pipe_does_not_take_waits() -> None:
    main, child = pair()
    body = bytes(range(256)) * 8192
    main.send("long", [body])
    main.send("short")
    assert main.has_more
    got: list[Message] = []
    reader = threading.Thread(target=lambda: got.extend(child.wait() for _ in range(2)))
    reader.start()
    while main.has_more:
        main.flush()
    reader.join(10)
    assert [message.header for message in got] == ["long", "short"]
    assert bytes(got[0].frames[0]) == body
    assert main.receive() == []


def test_the_flags_are_shared_and_name_their_run() -> None:
    ours = Flags()
    theirs = Flags(ours.fd)
    ours.cancel(7)
    assert theirs.is_cancelled(7)
    assert not theirs.is_cancelled(8)
    theirs.progressed(8, 2**40)
    assert ours.bytes_done(8) == 2**40
    assert ours.bytes_done(7) == 0
