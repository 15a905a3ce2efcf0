"""For the client's tests: a broker that does what a test tells it, on a real ROUTER, and an opaque worker of RFC 18."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import zmq

from binglide.protocol.decode import decode_to_broker, decode_to_plain_worker
from binglide.protocol.encode import encode_from_plain_worker, encode_to_client
from binglide.protocol.ids import job_id_of
from binglide.protocol.messages import (
    ClientHeartbeat,
    Hello,
    PlainAssign,
    PlainFinal,
    PlainPartial,
    PlainReady,
    Request,
    ToBroker,
    ToClient,
    Welcome,
)
from binglide.protocol.payloads import InputReport, Limits, Report, Work

#: Nothing in a test takes longer on a machine that works at all.
PATIENCE_S = 20.0
M = TypeVar("M")


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(0.02)


def report_of(request_id: int, client_id: str, completion: float, numbers: int = 4) -> Report:
    """A report as ENT has it, with ``numbers`` cells."""
    start = np.arange(numbers, dtype="<u8") * 4096
    return Report(
        job_id=job_id_of(client_id, request_id),
        service="ENT",
        version=1,
        inputs=(InputReport(b"/data/a.bin", 4096 * numbers, None, "~0123"),),
        range=(0, 4096 * numbers),
        completion=completion,
        exact=completion == 1,
        cell_bytes=4096,
        scalars={"n": round(4096 * numbers * completion), "h": 7.5},
        arrays={
            "cells.start": start,
            "cells.n": np.full(numbers, 4096, "<u8"),
            "cells.h": np.linspace(0, 8, numbers),
            "cells.state": np.full(numbers, 2, "u1"),
        },
        work=Work(0, 0, 1, 0, 1, None, 1.0),
    )


@dataclass
class Broker:
    """A real one, see conftest.py; ``folder`` is for files that live as long."""

    endpoint: str
    cache: Path
    folder: Path


class FakeBroker:
    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.context = zmq.Context()
        self.socket: zmq.Socket[bytes] | None = None
        #: Where the last message came from.
        self.peer = b""
        self.open()

    def open(self) -> None:
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.bind(self.endpoint)

    def shut(self) -> None:
        if self.socket is not None:
            self.socket.close()
        self.socket = None

    def __enter__(self) -> FakeBroker:
        return self

    def __exit__(self, *_: object) -> None:
        self.shut()
        self.context.term()

    def frames(self) -> list[bytes]:
        assert self.socket is not None
        assert self.socket.poll(int(PATIENCE_S * 1000)), "the client said nothing"
        self.peer, *frames = self.socket.recv_multipart()
        return frames

    def next(self, kind: type[M]) -> M:
        """The next message, which is of this kind; heartbeats that say nothing are passed over."""
        while True:
            message: ToBroker = decode_to_broker(self.frames())
            if isinstance(message, kind):
                return message
            assert message == ClientHeartbeat(), f"{message} came instead of {kind.__name__}"

    def send(self, message: ToClient) -> None:
        self.send_frames([bytes(frame) for frame in encode_to_client(message)])

    def send_frames(self, frames: list[bytes]) -> None:
        assert self.socket is not None
        self.socket.send_multipart([self.peer, *frames])

    def welcome(self, epoch: str = "first", heartbeat_ms: int = 200, body_bytes_max: int = 2**30) -> str:
        """Answers the next HELLO; the client's id."""
        client_id = self.next(Hello).client_id
        self.send(Welcome(heartbeat_ms, "ipc:///nowhere", epoch, Limits(body_bytes_max, 1000)))
        return client_id

    def next_beat_that_says_something(self) -> ClientHeartbeat:
        while (beat := self.next(ClientHeartbeat)) == ClientHeartbeat():
            pass
        return beat

    def request(self) -> Request:
        return self.next(Request)


class OpaqueWorker:
    """Answers each request with the reversed frames, after one partial a frame."""

    def __init__(self, endpoint: str, service: str) -> None:
        self._endpoint = endpoint
        self._service = service
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> OpaqueWorker:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
            socket.linger = 0
            socket.connect(self._endpoint)
            socket.send_multipart(encode_from_plain_worker(PlainReady(self._service)))
            while not self._stop.is_set():
                if not socket.poll(50):
                    socket.send_multipart([b"MDPW02", b"\x05"])
                    continue
                message = decode_to_plain_worker(socket.recv_multipart())
                if isinstance(message, PlainAssign):
                    body = tuple(bytes(frame)[::-1] for frame in message.body)
                    for frame in body:
                        socket.send_multipart(encode_from_plain_worker(PlainPartial(message.address, (frame,))))
                    socket.send_multipart(encode_from_plain_worker(PlainFinal(message.address, body)))
