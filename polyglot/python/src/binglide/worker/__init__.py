"""Write a service: subclass ``Service``, declare params and fields, write ``compute``, end with ``serve(YourService)``.

``PlainWorker`` and ``serve_plain`` speak RFC 18 for services without a descriptor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..protocol.errors import BinglideError
from .declare import field, param
from .neighbours import marked_runs
from .serve import serve
from .service import Service
from .task import Cancelled, Part, TaskView

if TYPE_CHECKING:
    from .plain import PlainWorker, serve_plain

__all__ = [
    "BinglideError",
    "Cancelled",
    "Part",
    "PlainWorker",
    "Service",
    "TaskView",
    "field",
    "marked_runs",
    "param",
    "serve",
    "serve_plain",
]


def __getattr__(name: str) -> Any:
    """Sockets are loaded where they are asked for: compute children have none."""
    if name in ("PlainWorker", "serve_plain"):
        from . import plain

        return getattr(plain, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
