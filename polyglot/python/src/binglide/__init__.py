"""binglide: ask questions of huge binary files. A first answer at once, sharpening until it is exact.

    import binglide
    with binglide.connect() as b:
        for report in b.request("ENT", "disk.img", range="1G:+512M", cells=512):
            print(report.completion, report["h"])

Here: ``connect`` and what it gives. ``binglide.aio`` is the same for asyncio, ``binglide.plain`` a client of RFC 18,
``binglide.cache`` reads what is kept on disk, ``binglide.worker`` is for those who write services.
"""

from __future__ import annotations

from . import aio, cache
from .client.client import Client
from .client.job import Answer, Job, RawJob
from .client.mmi import JobEntry, ServiceEntry, ServiceList
from .client.range import parse_range
from .client.report import Cells, CellState, Report, ReportInput
from .connect import connect
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
]
