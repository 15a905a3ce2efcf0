"""One job as its caller holds it. There is one pending slot and no queue: whoever iterates gets the newest report each
turn, and the final one always, last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple

from ..protocol.codec import Buffer
from ..protocol.errors import BinglideError
from ..protocol.payloads import Report as WireReport
from .report import Report
from .waiting import BaseJob, End, JobLoop, Look

#: A loop that falls so far behind its partials ends with E_BUSY: the dialect has no way to slow a service down.
UNREAD_BYTES_MAX: Final = 256 * 1024 * 1024


class Answer(NamedTuple):
    """What a service without descriptor sent: any number of partials, then the final one."""

    kind: Literal["partial", "final"]
    body: list[bytes]


class ReportJobBase(BaseJob[Report]):
    """An answer that sharpens until it is exact."""

    @property
    def latest(self) -> Report | None:
        """The newest report; None before the first."""
        return self._newest

    def __aiter__(self) -> JobLoop[Report]:
        return JobLoop(self)

    def _deliver(self, report: WireReport) -> None:
        self._change(newest=Report(report))

    def _resolve(self, report: WireReport) -> None:
        self._change(End(None, False), Report(report))

    def _look(self) -> Look[Report]:
        return Look()

    def _take(self, look: Look[Report]) -> Report | None:
        if look.seen == self._arrived:
            return None
        look.seen = self._arrived
        return self._newest

    def _value(self) -> Report | None:
        return self._newest


class RawJobBase(BaseJob[Answer]):
    """The answer of a service that binglide knows nothing about."""

    def __init__(self, job_id: str, service: str, withdraw: Callable[[str], None], owner: object) -> None:
        super().__init__(job_id, service, withdraw, owner)
        #: What came before the first loop began is kept for it.
        self._first: Look[Answer] | None = Look()
        self._looks = [self._first]
        self._body: list[bytes] = []

    def __aiter__(self) -> JobLoop[Answer]:
        return JobLoop(self)

    def _final_only(self) -> None:
        """Nobody has begun a loop, and whoever waits for the end wants no partials."""
        with self._changed:
            if self._first is not None:
                self._first.close()
            self._first = None

    def _deliver(self, body: Sequence[Buffer]) -> None:
        size = sum(len(frame) for frame in body)
        with self._changed:
            self._looks = [look for look in self._looks if not look.is_over]
            for look in self._looks:
                look.unread.append(body)
                look.unread_bytes += size
            is_late = any(look.unread_bytes > UNREAD_BYTES_MAX for look in self._looks)
        if is_late and self._end is None:
            message = f"{UNREAD_BYTES_MAX} bytes of partials wait to be read; read them faster"
            error = BinglideError("E_BUSY", message, job_id=self.id, service=self.service)
            self._change(End(error, False))
            self._withdraw(self.id)
        else:
            self._change()

    def _resolve(self, body: Sequence[Buffer]) -> None:
        self._body = [bytes(frame) for frame in body]
        self._change(End(None, False))

    def _look(self) -> Look[Answer]:
        with self._changed:
            look, self._first = self._first, None
            if look is None:
                look = Look()
                self._looks.append(look)
        return look

    def _take(self, look: Look[Answer]) -> Answer | None:
        if look.unread:
            body = look.unread.popleft()
            look.unread_bytes -= sum(len(frame) for frame in body)
            return Answer("partial", [bytes(frame) for frame in body])
        if self._end is not None and self._end.error is None and look.seen == 0:
            look.seen = 1
            return Answer("final", self._body)
        return None

    def _value(self) -> list[bytes]:
        return self._body


class Job(ReportJobBase):
    """A job of the plain client: ``for report in job`` has the newest report each turn and ends after the exact one.

    Leaving the loop, by Ctrl-C too, cancels the job. ``async for`` works as well.
    """

    def __iter__(self) -> Iterator[Report]:
        return self._iterate()

    def final(self, timeout: float | None = None) -> Report:
        """The exact report. Raises BinglideError, E_CANCELLED where the job was cancelled, and TimeoutError after
        ``timeout`` seconds; the job goes on then. Ctrl-C cancels it."""
        return _final(self, timeout)  # type: ignore[no-any-return]


class RawJob(RawJobBase):
    """``for answer in job`` has every partial, then the final answer. After a reconnect a service may repeat some."""

    def __iter__(self) -> Iterator[Answer]:
        return self._iterate()

    def final(self, timeout: float | None = None) -> list[bytes]:
        """The frames of the final answer; see Job.final."""
        self._final_only()
        return _final(self, timeout)  # type: ignore[no-any-return]


class AsyncJob(ReportJobBase):
    """A job of the asyncio client; see Job."""

    async def final(self) -> Report:
        """The exact report. Raises BinglideError, E_CANCELLED where the job was cancelled. Cancelling the task that
        waits here leaves the job alone."""
        return await self._wait_async()  # type: ignore[no-any-return]


class AsyncRawJob(RawJobBase):
    """See RawJob."""

    async def final(self) -> list[bytes]:
        """The frames of the final answer; see AsyncJob.final."""
        self._final_only()
        return await self._wait_async()  # type: ignore[no-any-return]


def _final(job: BaseJob[Any], timeout: float | None) -> Any:
    try:
        return job._wait(timeout)
    except KeyboardInterrupt:
        job.cancel()
        raise
