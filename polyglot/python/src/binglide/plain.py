"""A client of RFC 18 (MDP 0.2) and nothing more: one request at a time, a new socket and the same request again when no
answer comes. It works with any conforming broker; what binglide's adds are typed errors and reports.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from types import TracebackType
from typing import Any, Final

import zmq

from .client.job import Answer
from .client.options import Path, check_body, check_endpoint, check_ms, check_service, query_of
from .client.report import Report
from .protocol.codec import Buffer
from .protocol.decode import decode_report, decode_to_plain_client, plain_error
from .protocol.encode import encode_plain_query, encode_plain_request
from .protocol.errors import BinglideError, Invalid, error_of
from .protocol.messages import PlainClientFinal, PlainRequest, ToPlainClient
from .protocol.payloads import DEFAULT_CELLS

__all__ = ["Answer", "PlainClient"]

_TIMEOUT_MS: Final = 2500
_RETRIES: Final = 3


class PlainClient:
    """One request at a time; to be used from one thread. ``with`` closes it."""

    def __init__(
        self,
        endpoint: str,
        *,
        timeout_ms: float = _TIMEOUT_MS,
        retries: int = _RETRIES,
        on_close: Callable[[], None] | None = None,
    ) -> None:
        """``timeout_ms``: silence for so long makes it ask again on a new socket, ``retries`` times, and then give up
        with E_NO_BROKER. ``on_close`` is called when it was closed."""
        if not isinstance(retries, int) or retries < 0:
            raise BinglideError("E_USAGE", f"retries is {retries!r}; it takes a whole number from 0")
        self.endpoint = check_endpoint(endpoint)
        self._timeout_ms = check_ms("timeout_ms", timeout_ms)
        self._retries = retries
        self._on_close = on_close
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket: zmq.Socket[bytes] | None = None
        self._busy = False
        self._closed = False

    def request(self, service: str, *frames: Buffer) -> Iterator[Answer]:
        """Every partial, then the final answer. After a repetition the service starts again, and so may its partials.
        An error of a binglide broker is raised as such; a loop that is left early forgets the request."""
        body = check_body(frames) or (b"",)
        return _answers(self._ask(PlainRequest(check_service(service), body)))

    def ask(
        self,
        service: str,
        *paths: Path,
        range: Any = None,
        cells: int = DEFAULT_CELLS,
        snap: bool = False,
        params: dict[str, Any] | None = None,
        cache: bool = True,
        version: int | str | None = None,
        **named: Any,
    ) -> Iterator[Report]:
        """Reports of a service with a descriptor, the exact one last; arguments as those of Client.request."""
        query = query_of(
            service,
            paths,
            range=range,
            cells=cells,
            snap=snap,
            params=params,
            cache=cache,
            version=version,
            named=named,
        )
        return _reports(self._ask(encode_plain_query(query)), self.endpoint)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._drop()
        self._context.term()
        if self._on_close is not None:
            self._on_close()

    def __enter__(self) -> PlainClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, request: PlainRequest) -> Generator[ToPlainClient, None, None]:
        if self._closed:
            raise BinglideError("E_USAGE", "the client is closed")
        if self._busy:
            raise BinglideError("E_USAGE", "the dialog is synchronous: wait for the end of the last request")
        self._busy = True
        ended = False
        try:
            for _ in range(self._retries + 1):
                self._open().send_multipart(encode_plain_request(request))
                while (answer := self._receive(request.service)) is not None:
                    ended = isinstance(answer, PlainClientFinal)
                    yield answer
                    if ended:
                        return
                # A late answer to this one must never be taken for the next one's.
                self._drop()
            message = f"no answer from {self.endpoint}, asked {self._retries + 1} times; start `binglide up` there"
            raise BinglideError("E_NO_BROKER", message, service=request.service)
        finally:
            self._busy = False
            if not ended:
                self._drop()

    def _open(self) -> zmq.Socket[bytes]:
        if self._socket is None:
            socket = self._context.socket(zmq.DEALER)
            socket.linger = 0
            try:
                socket.connect(self.endpoint)
            except zmq.ZMQError as error:
                socket.close()
                raise BinglideError("E_USAGE", f"{self.endpoint} is no endpoint: {error.strerror}") from None
            self._socket = socket
        return self._socket

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def _receive(self, service: str) -> ToPlainClient | None:
        """The next answer of this service; None after silence. What does not follow RFC 18 is no answer."""
        while self._socket is not None and self._socket.poll(int(self._timeout_ms)):
            frames: list[Buffer] = [f.buffer.toreadonly() for f in self._socket.recv_multipart(copy=False)]
            try:
                answer = decode_to_plain_client(frames)
            except Invalid:
                continue
            if answer.service == service:
                return answer
        return None


def _answers(messages: Generator[ToPlainClient, None, None]) -> Iterator[Answer]:
    # Closed at once, whatever a traceback still holds: the client is free for its next request.
    with contextlib.closing(messages):
        for message in messages:
            is_final = isinstance(message, PlainClientFinal)
            if is_final:
                _raise_fault(message)
            yield Answer("final" if is_final else "partial", [bytes(frame) for frame in message.body])


def _reports(messages: Generator[ToPlainClient, None, None], endpoint: str) -> Iterator[Report]:
    with contextlib.closing(messages):
        for message in messages:
            _raise_fault(message)
            try:
                report = decode_report(message.body)
            except Invalid as error:
                text = f"{message.service} at {endpoint} answered with no report: {error}"
                raise BinglideError("E_PROTOCOL", text, service=message.service) from None
            yield Report(report)


def _raise_fault(message: ToPlainClient) -> None:
    """An error comes to a plain client as a final answer of two frames, a mark and a map (P-3)."""
    try:
        fault = plain_error(message.body)
    except Invalid:
        return
    if fault is not None:
        raise error_of(fault)
