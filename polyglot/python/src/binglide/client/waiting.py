"""A job's one end, and those who wait for it: in loops or for the final value, in threads or in coroutines.

Rules:
- The engine's thread writes (``_deliver``, ``_resolve``, ``_reject``), callers read; one lock a job.
- Cancelling takes no lock and waits for nothing: it may come from a finalizer in any thread.
- One's own cancel ends loops quietly; ``final()`` raises E_CANCELLED.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from ..protocol.codec import Buffer
from ..protocol.errors import BinglideError, Fault, error_of

T = TypeVar("T")


class End(NamedTuple):
    """``error`` None: it ended well. ``quiet``: because we wanted it to."""

    error: BinglideError | None
    quiet: bool


class BaseJob(Generic[T]):
    """What all kinds of job share: one end, and those who wait for it."""

    def __init__(self, job_id: str, service: str, withdraw: Callable[[str], None], owner: object) -> None:
        """``owner``: the client, which lives as long as somebody holds a job of it."""
        self._owner = owner
        #: Printable; ``client.cancel(job.id)`` ends the job from anywhere.
        self.id: str = job_id
        self.service: str = service
        self._withdraw = withdraw
        self._changed = threading.Condition(threading.Lock())
        self._end: End | None = None
        self._cancelled = False
        self._newest: T | None = None
        #: How many newest ones there were.
        self._arrived = 0
        #: Called from the engine's thread whenever something came, until they are taken away.
        self._wakers: list[Callable[[], None]] = []

    @property
    def done(self) -> bool:
        """True when nothing more will come: exact, failed or cancelled."""
        return self._end is not None or self._cancelled

    def cancel(self) -> None:
        """Ends the job, at once for the caller and soon for the workers; what was shown stays readable."""
        if self._end is None and not self._cancelled:
            self._cancelled = True
            self._withdraw(self.id)

    def __repr__(self) -> str:
        state = "under way" if not self.done else "cancelled" if self._cancelled else "over"
        return f"<job {self.id} {self.service} {state}>"

    # The engine's side

    def _reject(self, fault: Fault, by_owner: bool) -> None:
        self._change(end=End(error_of(fault), by_owner or self._cancelled))

    def _change(self, end: End | None = None, newest: T | None = None) -> None:
        with self._changed:
            if self._end is None:
                self._end = end
                if newest is not None:
                    self._newest = newest
                    self._arrived += 1
            self._changed.notify_all()
            wakers = list(self._wakers)
        for wake in wakers:
            wake()

    # Waiting

    def _on_change(self, wake: Callable[[], None]) -> None:
        """``wake`` is called after every change from now on, and once at once where the job has ended."""
        with self._changed:
            self._wakers.append(wake)
            ended = self._end is not None
        if ended:
            wake()

    def _on_end(self, wake: Callable[[], None]) -> None:
        """``wake`` is called once, when the job has ended."""
        is_told = False

        def look() -> None:
            nonlocal is_told
            with self._changed:
                is_due = self._end is not None and not is_told
                is_told = is_told or is_due
            if is_due:
                wake()

        self._on_change(look)

    def _off_change(self, wake: Callable[[], None]) -> None:
        with self._changed:
            self._wakers.remove(wake)

    def _loop_is_over(self) -> bool:
        """True where a loop has nothing more to come; raises what the job ended with."""
        if self._cancelled:
            return True
        if self._end is None or self._end.error is None:
            return self._end is not None
        if self._end.quiet:
            return True
        raise _raisable(self._end.error)

    def _take(self, look: Look[T]) -> T | None:
        raise NotImplementedError

    def _look(self) -> Look[T]:
        raise NotImplementedError

    def _value(self) -> Any:
        raise NotImplementedError

    def _outcome(self) -> Any:
        """The final value; raises what the job ended with."""
        assert self._end is not None
        if self._end.error is not None:
            raise _raisable(self._end.error)
        return self._value()

    # Loops of both kinds; the classes below open the one or the other

    def _iterate(self) -> Iterator[T]:
        look = self._look()
        try:
            while True:
                with self._changed:
                    item = None if self._cancelled else self._take(look)
                    if item is None:
                        if self._loop_is_over():
                            return
                        self._changed.wait()
                        continue
                yield item
        finally:
            look.close()
            self.cancel()

    def _wait(self, timeout: float | None) -> Any:
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while self._end is None:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise TimeoutError(f"{self.service} has no final answer after {timeout} s; the job goes on")
                self._changed.wait(left)
        return self._outcome()

    async def _wait_async(self) -> Any:
        bell = Bell(self)
        try:
            while self._end is None:
                await bell.wait()
        finally:
            bell.close()
        return self._outcome()


class Look(Generic[T]):
    """What one loop has seen of a job, or has still to see."""

    def __init__(self) -> None:
        self.seen = 0
        self.unread: deque[Sequence[Buffer]] = deque()
        self.unread_bytes = 0
        self.is_over = False

    def close(self) -> None:
        self.is_over = True
        self.unread.clear()


class Bell:
    """Wakes a coroutine when the job changes."""

    def __init__(self, job: BaseJob[Any]) -> None:
        self._job = job
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        job._on_change(self._ring)

    def _ring(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self) -> None:
        await self._event.wait()
        self._event.clear()

    def close(self) -> None:
        self._job._off_change(self._ring)


class JobLoop(AsyncIterator[T]):
    """``async for`` over a job. Leaving the loop, or cancelling its task, cancels the job."""

    def __init__(self, job: BaseJob[T]) -> None:
        self._job = job
        self._look = job._look()
        self._bell: Bell | None = None

    def __aiter__(self) -> JobLoop[T]:
        return self

    async def __anext__(self) -> T:
        if self._look.is_over:
            raise StopAsyncIteration
        self._bell = self._bell or Bell(self._job)
        try:
            while True:
                with self._job._changed:
                    item = None if self._job._cancelled else self._job._take(self._look)
                    if item is None and self._job._loop_is_over():
                        raise StopAsyncIteration
                if item is not None:
                    return item
                await self._bell.wait()
        except BaseException:
            self._close()
            raise

    def _close(self) -> None:
        if not self._look.is_over:
            self._look.close()
            if self._bell is not None:
                self._bell.close()
            self._job.cancel()

    def __del__(self) -> None:
        # Dropped in the middle, as `break` does. No lock is taken here: see BaseJob.cancel.
        if not self._look.is_over:
            self._look.is_over = True
            self._job.cancel()


def _raisable(error: BinglideError) -> BinglideError:
    """An error of its own for everybody who waits: tracebacks would pile up on a shared one."""
    return error_of(error.to_fault())
