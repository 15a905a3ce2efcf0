"""What the plain client and the asyncio client share: the engine, its end, and how a request is made."""

from __future__ import annotations

import atexit
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

from ..protocol.codec import Buffer
from .engine import Engine
from .events import QueryAsk, RawAsk
from .job import RawJobBase, ReportJobBase
from .options import Path, check_body, check_service, query_of

_R = TypeVar("_R", bound=ReportJobBase)
_W = TypeVar("_W", bound=RawJobBase)

_open: weakref.WeakSet[Engine] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """A program that ends without closing still tells the broker, so that its jobs end at once (C-10)."""
    for engine in list(_open):
        engine.close()


class BaseClient:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        _open.add(engine)
        # Dropped without being closed: the thread ends, and with it a broker of our own.
        self._dropped = weakref.finalize(self, engine.close_soon)
        self._dropped.atexit = False

    @property
    def endpoint(self) -> str:
        return self._engine.endpoint

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.endpoint}>"

    def _request(self, kind: Callable[..., _R], service: str, paths: tuple[Path, ...], **options: Any) -> _R:
        query = query_of(service, paths, **options)
        job: _R = self._engine.request(
            QueryAsk(query), lambda job_id, withdraw: kind(job_id, query.service, withdraw, self)
        )
        return job

    def _call(self, kind: Callable[..., _W], service: str, frames: tuple[Buffer, ...]) -> _W:
        ask = RawAsk(check_service(service), check_body(frames))
        job: _W = self._engine.request(ask, lambda job_id, withdraw: kind(job_id, ask.service, withdraw, self))
        return job
