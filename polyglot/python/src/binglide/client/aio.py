"""The client for programs with an event loop of asyncio: the same words, and what waits is awaited.

It has the same engine as the other client, so a busy event loop delays no heartbeat and loses no broker.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Literal, overload

from ..protocol.codec import Buffer
from ..protocol.errors import BinglideError
from ..protocol.payloads import DEFAULT_CELLS
from .base import BaseClient
from .client import MAP_BOUND, Item, Range
from .engine import Outcome
from .events import CancelOutcome
from .job import AsyncJob, AsyncRawJob
from .mmi import JOBS, SERVICES, JobEntry, ServiceList, job_entries, service_list
from .options import Path, check_count, check_errors, check_items, check_job_id, paths_of
from .report import Report


class AsyncClient(BaseClient):
    """Made by ``binglide.aio.connect``; ``async with`` closes it."""

    def request(
        self,
        service: str,
        *paths: Path,
        range: Range = None,
        cells: int = DEFAULT_CELLS,
        snap: bool = False,
        params: Mapping[str, Any] | None = None,
        cache: bool = True,
        version: int | str | None = None,
        **named: Any,
    ) -> AsyncJob:
        """See Client.request."""
        return self._request(
            AsyncJob,
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

    def call(self, service: str, *frames: Buffer) -> AsyncRawJob:
        """See Client.call."""
        return self._call(AsyncRawJob, service, frames)

    @overload
    def map(
        self,
        service: str,
        paths: Iterable[Item],
        *,
        bound: int = MAP_BOUND,
        errors: Literal["raise"] = "raise",
        **options: Any,
    ) -> AsyncIterator[tuple[Any, Report]]: ...

    @overload
    def map(
        self, service: str, paths: Iterable[Item], *, bound: int = MAP_BOUND, errors: Literal["return"], **options: Any
    ) -> AsyncIterator[tuple[Any, Report | BinglideError]]: ...

    def map(
        self,
        service: str,
        paths: Iterable[Item],
        *,
        bound: int = MAP_BOUND,
        errors: Literal["raise", "return"] = "raise",
        **options: Any,
    ) -> AsyncIterator[tuple[Any, Any]]:
        """See Client.map."""
        return self._map(service, check_items(paths), check_count("bound", bound), check_errors(errors), options)

    async def _map(
        self, service: str, items: Iterator[Item], bound: int, returns: bool, options: dict[str, Any]
    ) -> AsyncIterator[tuple[Any, Report | BinglideError]]:
        loop = asyncio.get_running_loop()
        ended: asyncio.Queue[AsyncJob] = asyncio.Queue()
        under_way: dict[AsyncJob, Item] = {}
        try:
            while True:
                while len(under_way) < bound:
                    try:
                        item = next(items)
                    except StopIteration:
                        break
                    job = self.request(service, *paths_of(item), **options)
                    under_way[job] = item
                    job._on_end(lambda job=job: _tell(loop, ended, job))  # type: ignore[misc]
                if not under_way:
                    return
                job = await ended.get()
                item = under_way.pop(job)
                try:
                    result: Report | BinglideError = await job.final()
                except BinglideError as error:
                    if not returns:
                        raise
                    result = error
                yield item, result
        finally:
            for job in under_way:
                job.cancel()

    async def services(self) -> ServiceList:
        """See Client.services."""
        return service_list(await self.call(SERVICES).final())

    async def jobs(self) -> list[JobEntry]:
        """See Client.jobs."""
        return job_entries(await self.call(JOBS).final())

    async def cancel(self, job_id: str) -> CancelOutcome:
        """See Client.cancel."""
        outcome = self._engine.cancel(check_job_id(job_id))
        await _done(outcome)
        found: CancelOutcome = outcome.value()
        return found

    async def close(self) -> None:
        """See Client.close."""
        await asyncio.to_thread(self._engine.close)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _tell(loop: asyncio.AbstractEventLoop, ended: asyncio.Queue[AsyncJob], job: AsyncJob) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(ended.put_nowait, job)


async def _done(outcome: Outcome) -> None:
    loop = asyncio.get_running_loop()
    event = asyncio.Event()

    def ring() -> None:
        with contextlib.suppress(RuntimeError):  # as above
            loop.call_soon_threadsafe(event.set)

    outcome.when_done(ring)
    await event.wait()
