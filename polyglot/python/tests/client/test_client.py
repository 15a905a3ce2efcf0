"""The client and a real broker with real slots and files; numbers against NumPy."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from client_fakes import Broker, OpaqueWorker, wait_until

import binglide
from binglide import BinglideError, Client


def entropy(counts: np.ndarray) -> float:
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log2(share)).sum())


def under_way(client: Client, job_id: str) -> bool:
    return any(job.job_id == job_id for job in client.jobs())


# What is asked, and what comes back


def test_counts_are_those_of_numpy(client: Client, file: Path, data: np.ndarray) -> None:
    report = client.request("HIST", file).final()
    assert report.exact and report.completion == 1
    assert (report["counts"] == np.bincount(data, minlength=256)).all()
    assert report["n"] == data.size
    assert report.inputs[0].path == str(file)


def test_what_a_range_says_is_what_is_counted(client: Client, file: Path, data: np.ndarray) -> None:
    asked = {"1M:+4k": (2**20, 2**20 + 4096), "-1000:": (data.size - 1000, data.size), ":77": (0, 77)}
    for text, (start, end) in asked.items():
        report = client.request("HIST", file, range=text).final()
        assert report.range == (start, end)
        assert (report["counts"] == np.bincount(data[start:end], minlength=256)).all()
    assert client.request("HIST", file, range=(10, np.int64(20))).final()["n"] == 10


def test_cells_are_those_of_numpy_and_views_of_what_came(client: Client, file: Path, data: np.ndarray) -> None:
    report = client.request("ENT", file, cells=64).final()
    width = report.cell_bytes
    assert report.cells.start.tolist() == list(range(0, data.size, width))
    expected = [entropy(np.bincount(data[at : at + width], minlength=256)) for at in range(0, data.size, width)]
    assert np.allclose(report.cells["h"], expected, atol=1e-9)
    assert report["h"] == pytest.approx(entropy(np.bincount(data)), abs=1e-12)
    assert (report.cells["lo"] == report.cells["h"]).all() and (report.cells["hi"] == report.cells["h"]).all()
    for column in report.cells.values():
        assert not column.flags.owndata and not column.flags.writeable
        base: object = column
        while isinstance(base, np.ndarray):
            base = base.base
        assert isinstance(base, memoryview), "the numbers lie in the frame that came"


def test_two_files_are_compared(client: Client, file: Path, data: np.ndarray, broker: Broker) -> None:
    other = data.copy()
    other[5000:5100] ^= 0xFF
    path = broker.folder / "other.bin"
    other[:-10].tofile(path)
    report = client.request("DIFF", file, path).final()
    assert (report["changedBytes"], report["firstDiff"], report["lastDiff"]) == (100, 5000, 5099)
    assert (report["onlyA"], report["onlyB"]) == (10, 0)


def test_parameters_go_by_keyword_or_in_a_dict(client: Client, file: Path, data: np.ndarray) -> None:
    blocks = client.request("ENT", file, range="0:64k", block=8192).final()
    assert blocks.cell_bytes == 8192
    also = client.request("ENT", str(file).encode(), range="0:64k", params={"block": np.int32(8192)}).final()
    assert (also.cells["h"] == blocks.cells["h"]).all()


def test_a_relative_path_is_of_the_working_directory(
    client: Client, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    assert client.request("HIST", file.name, range=":5").final()["n"] == 5


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        ((), {}, "inputs is ()"),
        (("a", "b", "c"), {}, "inputs is"),
        (("a\0b",), {}, "input is"),
        ((7,), {}, "input is 7"),
        (("a",), {"cells": 0}, "cells is 0"),
        (("a",), {"cells": 1.5}, "cells is 1.5"),
        (("a",), {"snap": 1}, "snap is 1"),
        (("a",), {"range": "5"}, "no START:END"),
        (("a",), {"version": 1.5}, "version is 1.5"),
        (("a",), {"block": float("nan")}, "parameter block is nan"),
        (("a",), {"block": [1]}, "parameter block is"),
        (("a",), {"params": {"block": 1}, "block": 2}, "each parameter once"),
    ],
)
def test_what_makes_no_sense_is_refused_before_it_is_sent(
    client: Client, arguments: tuple[object, ...], options: dict[str, object], said: str
) -> None:
    with pytest.raises(BinglideError) as caught:
        client.request("ENT", *arguments, **options)  # type: ignore[arg-type]
    assert caught.value.code == "E_USAGE" and said in caught.value.message


def test_errors_are_raised_with_their_codes(client: Client, file: Path) -> None:
    for job, code in [
        (client.request("HIST", "/nope/nothing"), "E_NOT_FOUND"),
        (client.request("HIST", file.parent), "E_DIRECTORY"),
        (client.request("HIST", file, range="0:1T"), "E_RANGE"),
        (client.request("ENT", file, block=3.5), "E_PARAM"),
        (client.request("NOSUCH", file), "E_NO_SERVICE"),
    ]:
        with pytest.raises(BinglideError) as caught:
            job.final()
        assert caught.value.code == code
        assert caught.value.job_id == job.id
        with pytest.raises(BinglideError, match=caught.value.code):
            for _ in job:
                pass


# Loops


def test_a_loop_ends_after_the_exact_report_and_completion_never_falls(client: Client, file: Path) -> None:
    job = client.request("ENT", file, cache=False)
    reports = list(job)
    assert [report.exact for report in reports] == [False] * (len(reports) - 1) + [True]
    shown = [report.completion for report in reports]
    assert shown == sorted(shown)
    assert job.latest is reports[-1] and job.final() is reports[-1] and job.done
    assert [report.exact for report in job] == [True], "a second loop has the newest"


def test_leaving_the_loop_cancels_the_job(client: Client, huge: Path) -> None:
    job = client.request("ENT", huge, cells=16)
    for report in job:
        assert not report.exact
        assert under_way(client, job.id)
        break
    wait_until(lambda: not under_way(client, job.id), "the end of the job that was left")
    assert job.latest is not None
    with pytest.raises(BinglideError) as caught:
        job.final()
    assert caught.value.code == "E_CANCELLED"


def test_ones_own_cancel_ends_the_loop_and_does_not_raise(client: Client, huge: Path) -> None:
    job = client.request("HIST", huge)
    turns = 0
    for _ in job:
        turns += 1
        job.cancel()
    assert turns == 1 and job.done
    wait_until(lambda: not under_way(client, job.id), "the end of the job that was cancelled")


def test_another_thread_may_cancel_while_one_waits(client: Client, huge: Path) -> None:
    job = client.request("HIST", huge)
    threading.Timer(0.2, job.cancel).start()
    assert all(not report.exact for report in job)


def test_somebody_elses_cancel_raises(client: Client, broker: Broker, huge: Path) -> None:
    job = client.request("HIST", huge)
    with binglide.connect(broker.endpoint) as other:
        wait_until(lambda: under_way(other, job.id), "the job")
        assert other.cancel(job.id) == "cancelled"
        assert other.cancel(job.id) == "ended"
        assert other.cancel("26:aaaaaaaaaaaaaaaaaaaaaaaaaa1") == "unknown"
        with pytest.raises(BinglideError, match="job_id is 'x'"):
            other.cancel("x")
    with pytest.raises(BinglideError) as caught:
        for _ in job:
            pass
    assert caught.value.code == "E_CANCELLED"


def test_final_waits_so_long_and_leaves_the_job_alone(client: Client, huge: Path) -> None:
    job = client.request("HIST", huge)
    with pytest.raises(TimeoutError, match="the job goes on"):
        job.final(timeout=0.2)
    assert not job.done and under_way(client, job.id)
    job.cancel()


# Many


def test_map_gives_each_file_once_and_bounds_what_is_under_way(
    client: Client, broker: Broker, data: np.ndarray
) -> None:
    paths: list[Path] = []
    for at in range(12):
        paths.append(broker.folder / f"part-{at}.bin")
        data[at * 1000 : at * 1000 + 500].tofile(paths[-1])
    taken: list[int] = []

    def drawn() -> Iterator[Path]:
        for at, path in enumerate(paths):
            taken.append(at)
            yield path

    seen: dict[Path, np.ndarray] = {}
    for path, report in client.map("HIST", drawn(), bound=3):
        assert len(taken) - len(seen) <= 3
        seen[path] = report["counts"]
    assert list(seen) != [] and set(seen) == set(paths)
    for at, path in enumerate(paths):
        assert (seen[path] == np.bincount(data[at * 1000 : at * 1000 + 500], minlength=256)).all()


def test_map_raises_a_failing_files_error_and_cancels_the_others(client: Client, file: Path, huge: Path) -> None:
    with pytest.raises(BinglideError) as caught:
        for _ in client.map("HIST", [huge, "/nope/nothing", file]):
            pass
    assert caught.value.code == "E_NOT_FOUND"
    wait_until(lambda: client.jobs() == [], "the end of the others")


def test_map_can_hand_errors_out(client: Client, file: Path) -> None:
    found = dict(client.map("HIST", [str(file), "/nope/nothing"], errors="return", range=":9"))
    assert found[str(file)]["n"] == 9
    assert found["/nope/nothing"].code == "E_NOT_FOUND"


def test_map_takes_pairs(client: Client, file: Path) -> None:
    [(pair, report)] = client.map("DIFF", [(file, file)])
    assert pair == (file, file) and report["changedBytes"] == 0


def test_leaving_map_cancels_what_is_under_way(client: Client, file: Path, huge: Path) -> None:
    for path, _ in client.map("HIST", [huge, file]):
        assert path == file
        break
    wait_until(lambda: client.jobs() == [], "the end of the job that was left")


def test_map_refuses_nonsense_at_once(client: Client) -> None:
    with pytest.raises(BinglideError, match="bound is 0"):
        client.map("HIST", [], bound=0)
    with pytest.raises(BinglideError, match="errors is 'ignore'"):
        client.map("HIST", [], errors="ignore")  # type: ignore[call-overload]
    with pytest.raises(BinglideError, match="it takes a list of paths"):
        client.map("HIST", "a.bin")
    assert list(client.map("HIST", [])) == []


# The broker itself, and services that it knows nothing about


def test_services_and_jobs_are_listed(client: Client, huge: Path) -> None:
    services = client.services()
    entry = next(entry for entry in services.services if entry.name == "ENT")
    assert "block" in [param["name"] for param in entry.descriptor["params"]]
    assert services.slots_total == 2
    job = client.request("HIST", huge)
    wait_until(lambda: under_way(client, job.id), "the job")
    [listed] = [each for each in client.jobs() if each.job_id == job.id]
    assert (listed.service, listed.paths, listed.client_id) == ("HIST", (str(huge),), job.id[3:29])
    job.cancel()


def test_an_opaque_service_is_called_with_frames(client: Client, broker: Broker) -> None:
    with OpaqueWorker(broker.endpoint, "echo"):
        job = client.call("echo", b"abc", bytearray(b"xyz"))
        assert [(answer.kind, answer.body) for answer in job] == [
            ("partial", [b"cba"]),
            ("partial", [b"zyx"]),
            ("final", [b"cba", b"zyx"]),
        ]
        assert job.final() == [b"cba", b"zyx"]
        assert client.call("echo", b"12").final() == [b"21"]
        late = client.call("echo", b"34")
        late._wait(None)
        assert [answer.body for answer in late] == [[b"43"], [b"43"]], "what came before the loop is kept for it"
    with pytest.raises(BinglideError, match="body is 'text'"):
        client.call("echo", "text")  # type: ignore[arg-type]


def test_the_brokers_own_services_answer_raw_calls(client: Client) -> None:
    assert client.call("mmi.service", b"HIST").final() == [b"200"]
    assert client.call("mmi.service", b"nothing").final() == [b"404"]


# Where it lives


def test_it_works_inside_a_running_loop_and_async_for_does_too(broker: Broker, file: Path, data: np.ndarray) -> None:
    async def notebook() -> tuple[int, list[bool]]:
        with binglide.connect(broker.endpoint) as client:
            total = client.request("HIST", file).final()["n"]
            beats = 0

            async def beat() -> None:
                nonlocal beats
                while True:
                    await asyncio.sleep(0)
                    beats += 1

            beating = asyncio.create_task(beat())
            exact = [report.exact async for report in client.request("ENT", file, cache=False)]
            beating.cancel()
            assert beats > 0, "the loop went on while the job ran"
            return total, exact

    total, exact = asyncio.run(notebook())
    assert total == data.size
    assert exact[-1] is True and not any(exact[:-1])


def test_leaving_async_for_cancels_too(broker: Broker, client: Client, huge: Path) -> None:
    async def leave() -> str:
        job = client.request("HIST", huge)
        async for _ in job:
            break
        return job.id

    job_id = asyncio.run(leave())
    wait_until(lambda: not under_way(client, job_id), "the end of the job that was left")


def test_closing_ends_jobs_quietly_and_refuses_more(broker: Broker, client: Client, huge: Path, file: Path) -> None:
    with binglide.connect(broker.endpoint) as mine:
        job = mine.request("HIST", huge)
        wait_until(lambda: under_way(client, job.id), "the job")
    assert all(not report.exact for report in job)
    wait_until(lambda: not under_way(client, job.id), "the end of its job")
    for use in (lambda: mine.request("HIST", file), lambda: mine.call("echo"), mine.jobs, lambda: mine.cancel(job.id)):
        with pytest.raises(BinglideError, match="the client is closed"):
            use()
    mine.close()


def test_a_client_that_is_dropped_ends_its_thread(broker: Broker) -> None:
    mine = binglide.connect(broker.endpoint)
    thread = mine._engine._thread
    assert thread.is_alive()
    del mine
    gc.collect()
    wait_until(lambda: not thread.is_alive(), "the end of the thread")


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_fork_of_the_process_is_told_to_connect_again(client: Client, file: Path) -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            client.request("HIST", file)
            os.write(writing, b"it was asked")
        except BinglideError as error:
            os.write(writing, error.message.encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert b"connect again" in os.read(reading, 1000)
    os.close(reading)
    os.close(writing)
    assert client.request("HIST", file, range=":3").final()["n"] == 3
