"""binglide: ask questions of huge binary files. A first answer at once, sharpening until it is exact.

    import binglide
    with binglide.connect() as b:
        for report in b.request("ENT", "disk.img", range="1G:+512M", cells=512):
            print(report.completion, report["h"])

Here: ``connect`` and what it gives. ``binglide.aio`` is the same for asyncio, ``binglide.plain`` a client of RFC 18,
``binglide.cache`` reads what is kept on disk, ``binglide.worker`` is for those who write services.

Each is imported when it is first named: a worker process does not pay for the client.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from . import aio, cache, plain
    from .client.client import Client
    from .client.connect import connect
    from .client.job import Answer, Job, RawJob
    from .client.mmi import JobEntry, ServiceEntry, ServiceList
    from .client.range import parse_range
    from .client.report import Cells, CellState, Report, ReportInput
    from .plain import PlainClient
    from .protocol.errors import ERROR_CATALOGUE, BinglideError

__all__ = [
    "ERROR_CATALOGUE",
    "Answer",
    "BinglideError",
    "CellState",
    "Cells",
    "Client",
    "Job",
    "JobEntry",
    "PlainClient",
    "RawJob",
    "Report",
    "ReportInput",
    "ServiceEntry",
    "ServiceList",
    "aio",
    "cache",
    "connect",
    "parse_range",
    "plain",
]

_MODULES: Final = ("aio", "cache", "plain")
_HOMES: Final = {
    "client.client": ("Client",),
    "client.connect": ("connect",),
    "client.job": ("Answer", "Job", "RawJob"),
    "client.mmi": ("JobEntry", "ServiceEntry", "ServiceList"),
    "client.range": ("parse_range",),
    "client.report": ("CellState", "Cells", "Report", "ReportInput"),
    "plain": ("PlainClient",),
    "protocol.errors": ("ERROR_CATALOGUE", "BinglideError"),
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    for home, names in _HOMES.items():
        if name in names:
            found = globals()[name] = getattr(import_module(f".{home}", __name__), name)
            return found
    raise AttributeError(f"module {__name__} has no {name}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
