"""``binglide.aio.connect``: the client for programs with an event loop of asyncio.

async with binglide.aio.connect() as b:
    async for report in b.request("ENT", "disk.img"):
        ...
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Generator
from types import TracebackType
from typing import Any

from .client.aio import AsyncClient
from .client.connect import open_engine
from .client.engine import Engine
from .client.job import AsyncJob, AsyncRawJob
from .client.options import ClientTimes, check_times

__all__ = ["AsyncClient", "AsyncJob", "AsyncRawJob", "connect"]

_TIMES = ClientTimes()


def connect(
    endpoint: str | None = None,
    *,
    program: str | os.PathLike[str] | None = None,
    connect_ms: float = _TIMES.connect_ms,
    broker_lost_ms: float = _TIMES.broker_lost_ms,
) -> Connecting:
    """As ``binglide.connect``; to be awaited, or entered with ``async with``."""
    return Connecting(endpoint, program, check_times(ClientTimes(connect_ms, broker_lost_ms)))


class Connecting:
    """A client that is not there yet."""

    def __init__(self, endpoint: str | None, program: str | os.PathLike[str] | None, times: ClientTimes) -> None:
        self._wanted = (endpoint, program, times)
        self._client: AsyncClient | None = None

    def __await__(self) -> Generator[Any, None, AsyncClient]:
        return self._open().__await__()

    async def __aenter__(self) -> AsyncClient:
        self._client = await self._open()
        return self._client

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.close()

    async def _open(self) -> AsyncClient:
        opening = asyncio.get_running_loop().run_in_executor(None, open_engine, *self._wanted)
        try:
            return AsyncClient(await asyncio.shield(opening))
        except asyncio.CancelledError:
            # Nobody waits for it any more, and it must not stay.
            opening.add_done_callback(_close)
            raise


def _close(opening: asyncio.Future[Engine]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close_soon()
