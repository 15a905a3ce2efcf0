"""The asyncio client: the same words, and what waits is awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from client_fakes import Broker, OpaqueWorker

import binglide
from binglide import BinglideError, Report
from binglide.aio import AsyncClient


@pytest_asyncio.fixture
async def client(broker: Broker) -> AsyncIterator[AsyncClient]:
    async with binglide.aio.connect(broker.endpoint) as connected:
        yield connected


async def until_gone(client: AsyncClient, job_id: str) -> None:
    async def gone() -> None:
        while any(job.job_id == job_id for job in await client.jobs()):
            await asyncio.sleep(0.02)

    await asyncio.wait_for(gone(), 20)


async def test_reports_come_in_a_loop_and_the_last_is_exact(client: AsyncClient, file: Path, data: np.ndarray) -> None:
    job = client.request("HIST", file, cache=False)
    exact = [report.exact async for report in job]
    assert exact == [False] * (len(exact) - 1) + [True]
    assert ((await job.final())["counts"] == np.bincount(data, minlength=256)).all()


async def test_jobs_go_on_side_by_side(client: AsyncClient, file: Path, data: np.ndarray) -> None:
    jobs = [client.request("HIST", file, range=(at, at + 1000)) for at in range(0, 20_000, 1000)]
    reports = await asyncio.gather(*(job.final() for job in jobs))
    for at, report in enumerate(reports):
        assert (report["counts"] == np.bincount(data[at * 1000 : at * 1000 + 1000], minlength=256)).all()


async def test_leaving_the_loop_cancels(client: AsyncClient, huge: Path) -> None:
    job = client.request("HIST", huge)
    async for report in job:
        assert not report.exact
        break
    await until_gone(client, job.id)
    with pytest.raises(BinglideError) as caught:
        await job.final()
    assert caught.value.code == "E_CANCELLED"


async def test_ones_own_cancel_ends_the_loop_quietly(client: AsyncClient, huge: Path) -> None:
    job = client.request("HIST", huge)
    async for _ in job:
        job.cancel()
    await until_gone(client, job.id)


async def test_cancelling_the_task_of_a_loop_cancels_the_job(client: AsyncClient, huge: Path) -> None:
    job = client.request("HIST", huge)

    async def look() -> None:
        async for _ in job:
            pass

    task = asyncio.create_task(look())
    while job.latest is None:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until_gone(client, job.id)


async def test_cancelling_who_waits_for_the_final_leaves_the_job_alone(client: AsyncClient, huge: Path) -> None:
    job = client.request("HIST", huge)
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(job.final(), 0.2)
    assert not job.done
    assert await client.cancel(job.id) == "cancelled"
    with pytest.raises(BinglideError, match="E_CANCELLED"):
        await job.final()
    assert await client.cancel(job.id) == "ended"


async def test_errors_are_raised_with_their_codes(client: AsyncClient) -> None:
    for attempt in (client.request("HIST", "/nope/nothing").final(), anext(aiter(client.request("HIST", "/nope/no")))):
        with pytest.raises(BinglideError) as caught:
            await attempt
        assert caught.value.code == "E_NOT_FOUND"


async def test_map_gives_each_file_once(client: AsyncClient, file: Path) -> None:
    with pytest.raises(BinglideError, match="it takes a list of paths"):
        client.map("HIST", str(file))
    paths = [str(file), "/nope/nothing"]
    found = {path: result async for path, result in client.map("HIST", paths, errors="return", bound=1)}
    assert isinstance(found[paths[0]], Report)
    assert getattr(found[paths[1]], "code", None) == "E_NOT_FOUND"
    with pytest.raises(BinglideError, match="E_NOT_FOUND"):
        async for _ in client.map("HIST", paths):
            pass


async def test_services_jobs_and_calls(client: AsyncClient, broker: Broker) -> None:
    assert "HIST" in [entry.name for entry in (await client.services()).services]
    with OpaqueWorker(broker.endpoint, "aecho"):
        job = client.call("aecho", b"abc")
        assert [(answer.kind, answer.body) async for answer in job] == [("partial", [b"cba"]), ("final", [b"cba"])]
        assert await job.final() == [b"cba"]


async def test_it_can_be_awaited_and_closed(broker: Broker, file: Path) -> None:
    client = await binglide.aio.connect(broker.endpoint)
    await client.close()
    with pytest.raises(BinglideError, match="the client is closed"):
        client.request("HIST", file)
    with pytest.raises(BinglideError, match="E_NO_BROKER"):
        await binglide.aio.connect(f"{broker.endpoint}.not-there", connect_ms=100)
