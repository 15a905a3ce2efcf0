"""What a broker says of itself: the answers of its ``mmi.`` services, each one msgpack map."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from ..protocol.codec import Buffer, unpack_map
from ..protocol.errors import BinglideError, Invalid

SERVICES: Final = "mmi.services"
JOBS: Final = "mmi.jobs"


class ServiceEntry(NamedTuple):
    """A service with a descriptor: what it is, and who serves it."""

    name: str
    version: int | str
    help: str
    #: As BXMDPv2 has it: params, fields, report ...
    descriptor: Mapping[str, Any]
    digest: str
    workers: int
    slots: int


class ServiceList(NamedTuple):
    services: tuple[ServiceEntry, ...]
    #: Names of services without descriptor: ``client.call`` asks them.
    opaque: tuple[str, ...]
    slots_total: int
    slots_busy: int


class JobEntry(NamedTuple):
    """A job under way, anybody's. ``range`` is None while the sizes are unknown; state: unserved, measuring, running or
    opaque."""

    job_id: str
    service: str
    paths: tuple[str, ...]
    range: tuple[int, int] | None
    completion: float
    state: str
    age_ms: float
    client_id: str


def service_list(body: Sequence[Buffer]) -> ServiceList:
    try:
        found = _map_of(body)
        services = tuple(_service(entry) for entry in found["services"])
        slots = found["slots"]
        return ServiceList(services, tuple(found.get("opaque") or ()), int(slots["total"]), int(slots["busy"]))
    except (KeyError, TypeError, ValueError, Invalid) as error:
        raise _strange(SERVICES, error) from None


def _service(entry: Mapping[str, Any]) -> ServiceEntry:
    descriptor = entry["descriptor"]
    return ServiceEntry(
        descriptor["name"],
        descriptor["version"],
        descriptor.get("help") or "",
        descriptor,
        entry["digest"],
        int(entry["workers"]),
        int(entry["slots"]),
    )


def job_entries(body: Sequence[Buffer]) -> list[JobEntry]:
    try:
        return [_job(entry) for entry in _map_of(body)["jobs"]]
    except (KeyError, TypeError, ValueError, Invalid) as error:
        raise _strange(JOBS, error) from None


def _job(entry: Mapping[str, Any]) -> JobEntry:
    span = entry.get("range")
    return JobEntry(
        entry["jobId"],
        entry["service"],
        tuple(os.fsdecode(path) for path in entry["paths"]),
        None if span is None else (int(span[0]), int(span[1])),
        float(entry["completion"]),
        entry["state"],
        float(entry["ageMs"]),
        entry["clientId"],
    )


def _map_of(body: Sequence[Buffer]) -> dict[str, Any]:
    if not body:
        raise ValueError("no body")
    return unpack_map(body[0])


def _strange(service: str, error: Exception) -> BinglideError:
    return BinglideError("E_PROTOCOL", f"the broker's answer to {service} is not understood: {error}", service=service)
