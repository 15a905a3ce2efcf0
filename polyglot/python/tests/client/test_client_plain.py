"""RFC 18 and nothing more: against a real broker, and against one that stays silent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import zmq
from client_fakes import PATIENCE_S, Broker, OpaqueWorker

import binglide
from binglide import BinglideError, PlainClient


@pytest.fixture
def plain(broker: Broker) -> Iterator[PlainClient]:
    with binglide.connect(broker.endpoint, dialect="mdp") as client:
        yield client


def test_a_described_service_is_asked_with_one_map(plain: PlainClient, file: Path, data: np.ndarray) -> None:
    reports = list(plain.ask("HIST", file, range="1M:+1M", cache=False))
    assert [report.exact for report in reports] == [False] * (len(reports) - 1) + [True]
    assert (reports[-1]["counts"] == np.bincount(data[2**20 : 2**21], minlength=256)).all()
    *_, blocks = plain.ask("ENT", file, range="0:64k", block=4096)
    assert blocks.cells.start.size == 16


def test_an_opaque_services_partials_come_before_its_final(plain: PlainClient, broker: Broker) -> None:
    with OpaqueWorker(broker.endpoint, "pecho"):
        for _ in range(2):
            found = [(answer.kind, answer.body) for answer in plain.request("pecho", b"ab", b"cd")]
            assert found == [("partial", [b"ba"]), ("partial", [b"dc"]), ("final", [b"ba", b"dc"])]


def test_errors_are_typed_and_the_next_request_is_answered(plain: PlainClient, file: Path) -> None:
    for asking, code in [
        (plain.ask("HIST", "/nope/nothing"), "E_NOT_FOUND"),
        (plain.request("NOSUCH", b""), "E_NO_SERVICE"),
    ]:
        with pytest.raises(BinglideError) as caught:
            list(asking)
        assert caught.value.code == code
    assert list(plain.request("mmi.service", b"HIST"))[-1].body == [b"200"]


def test_a_loop_that_is_left_forgets_the_request(plain: PlainClient, broker: Broker, huge: Path, file: Path) -> None:
    for _ in plain.ask("HIST", huge):
        break
    *_, report = plain.ask("HIST", file, range=":5")
    assert report["n"] == 5


def test_one_request_at_a_time(plain: PlainClient, huge: Path) -> None:
    asking = plain.ask("HIST", huge)
    next(asking)
    with pytest.raises(BinglideError, match="the dialog is synchronous"):
        next(plain.ask("HIST", huge))
    asking.close()  # type: ignore[attr-defined]
    plain.close()
    with pytest.raises(BinglideError, match="the client is closed"):
        next(plain.ask("HIST", huge))


def test_silence_makes_it_ask_again_on_a_new_socket(folder: Path) -> None:
    endpoint = f"ipc://{folder}/silent.sock"
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        router.linger = 0
        router.bind(endpoint)
        with PlainClient(endpoint, timeout_ms=100, retries=1) as client:
            asking = client.request("echo", b"hello")
            with pytest.raises(BinglideError) as caught:
                next(asking)
            assert caught.value.code == "E_NO_BROKER" and "asked 2 times" in caught.value.message
            peers = []
            for _ in range(2):
                assert router.poll(int(PATIENCE_S * 1000))
                peer, *frames = router.recv_multipart()
                assert frames == [b"MDPC02", b"\x01", b"echo", b"hello"]
                peers.append(peer)
            assert peers[0] != peers[1]


def test_what_is_no_answer_of_the_service_is_passed_over(folder: Path) -> None:
    endpoint = f"ipc://{folder}/odd.sock"
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        router.linger = 0
        router.bind(endpoint)
        with PlainClient(endpoint, timeout_ms=PATIENCE_S * 1000) as client:
            client._open().send_multipart([b"MDPC02", b"\x01", b"echo", b"first"])
            peer, *_ = router.recv_multipart()
            for frames in ([b"what"], [b"MDPC02", b"\x03", b"other", b"x"], [b"MDPC02", b"\x03", b"echo", b"mine"]):
                router.send_multipart([peer, *frames])
            assert [answer.body for answer in client.request("echo", b"hello")] == [[b"mine"]]


def test_an_answer_that_is_no_report_is_a_fault_of_the_broker(folder: Path) -> None:
    endpoint = f"ipc://{folder}/odd.sock"
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        router.linger = 0
        router.bind(endpoint)
        with PlainClient(endpoint, timeout_ms=PATIENCE_S * 1000) as client:
            client._open().send_multipart([b"MDPC02", b"\x01", b"HIST", b"first"])
            peer, *_ = router.recv_multipart()
            router.send_multipart([peer, b"MDPC02", b"\x03", b"HIST", b"\x80"])
            with pytest.raises(BinglideError) as caught:
                list(client.ask("HIST", "/data/a.bin"))
            assert caught.value.code == "E_PROTOCOL"


@pytest.mark.parametrize(("option", "value"), [("timeout_ms", 0), ("retries", -1), ("retries", 1.5)])
def test_nonsense_is_refused(option: str, value: float) -> None:
    with pytest.raises(BinglideError, match=f"{option} is {value}"):
        PlainClient("ipc:///x", **{option: value})  # type: ignore[arg-type]
    with pytest.raises(BinglideError, match="endpoint is 'x'"):
        PlainClient("x")
