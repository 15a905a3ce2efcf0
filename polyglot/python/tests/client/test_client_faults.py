"""What becomes of a client when its broker goes, comes back, says nothing or says nonsense: a real socket, and a broker
that does what the story tells it."""

from __future__ import annotations

import threading
import time

import pytest
from client_fakes import FakeBroker, report_of

import binglide
from binglide import BinglideError, Client
from binglide.protocol.errors import Fault
from binglide.protocol.messages import (
    CancelAck,
    ClientCancel,
    ClientDisconnect,
    ClientHeartbeat,
    ErrorMessage,
    Final,
    Hello,
    Partial,
    RawFinal,
    RawPartial,
    RawRequest,
)


class Connection:
    """A client connected to the fake; its id."""

    def __init__(self, fake: FakeBroker, heartbeat_ms: int = 200, **options: float) -> None:
        self.client: Client
        thread = threading.Thread(target=self._connect, args=(fake.endpoint, options))
        thread.start()
        self.id = fake.welcome(heartbeat_ms=heartbeat_ms)
        thread.join()

    def _connect(self, endpoint: str, options: dict[str, float]) -> None:
        self.client = binglide.connect(endpoint, **options)  # type: ignore[call-overload]


def failure_of(job: binglide.Job) -> BinglideError:
    with pytest.raises(BinglideError) as caught:
        job.final(timeout=20)
    return caught.value


def test_the_same_request_comes_again_to_a_broker_that_is_back(fake: FakeBroker) -> None:
    # Long intervals: it is the broken connection that tells, not the silence.
    me = Connection(fake, heartbeat_ms=60_000)
    with me.client as client:
        job = client.request("ENT", "/data/a.bin", cells=4, max_lag=9)
        asked = fake.request()
        assert (asked.request_id, asked.query.cells, asked.query.params) == (1, 4, {"max_lag": 9})
        fake.send(Partial(1, report_of(1, me.id, 0.5)))
        loop = iter(job)
        assert next(loop).completion == 0.5
        fake.shut()
        fake.open()
        assert fake.welcome("second") == me.id
        assert fake.request() == asked
        fake.send(Partial(1, report_of(1, me.id, 0.25)))
        fake.send(Final(1, report_of(1, me.id, 1.0)))
        assert [report.completion for report in loop] == [1.0], "what is below what was shown is withheld"


def test_a_broker_that_falls_silent_is_asked_again_on_a_new_socket(fake: FakeBroker) -> None:
    me = Connection(fake)
    with me.client as client:
        job = client.request("ENT", "/data/a.bin")
        fake.request()
        first = fake.peer
        # Five intervals of 200 ms in which it says nothing.
        fake.welcome("first")
        assert fake.peer != first
        assert fake.request().request_id == 1
        fake.send(Final(1, report_of(1, me.id, 1.0)))
        assert job.final(timeout=20).exact


def test_a_client_that_is_idle_beats_and_stays_while_the_broker_beats(fake: FakeBroker) -> None:
    with Connection(fake).client as client:
        for _ in range(8):
            assert fake.next(ClientHeartbeat) == ClientHeartbeat()
            fake.send(ClientHeartbeat())
        job = client.call("echo", b"hello")
        assert fake.next(RawRequest).body == (b"hello",), "it is the same conversation"
        fake.send(RawPartial(1, "echo", (b"one", b"")))
        fake.send(RawFinal(1, "echo", (b"two",)))
        assert [answer.body for answer in job] == [[b"one", b""], [b"two"]]


def test_a_disconnect_begins_a_new_conversation(fake: FakeBroker) -> None:
    me = Connection(fake)
    with me.client as client:
        job = client.request("ENT", "/data/a.bin")
        fake.request()
        fake.send(ClientDisconnect())
        assert fake.welcome("second") == me.id
        assert fake.request().request_id == 1
        fake.send(ErrorMessage(1, Fault("E_IO", "the disk failed")))
        error = failure_of(job)
        assert (error.code, error.message, error.job_id, error.service) == ("E_IO", "the disk failed", job.id, "ENT")


def test_a_broker_that_stays_away_is_lost(fake: FakeBroker) -> None:
    with Connection(fake, broker_lost_ms=300).client as client:
        job = client.request("ENT", "/data/a.bin")
        fake.request()
        fake.shut()
        error = failure_of(job)
        assert error.code == "E_BROKER_LOST" and "away for 300 ms" in error.message
        with pytest.raises(BinglideError) as caught:
            client.cancel("26:aaaaaaaaaaaaaaaaaaaaaaaaaa1")
        assert caught.value.code == "E_BROKER_LOST"
        with pytest.raises(BinglideError) as caught:
            client.services()
        assert caught.value.code == "E_BROKER_LOST"


def test_nobody_at_the_endpoint_is_no_broker(fake: FakeBroker) -> None:
    for endpoint in (f"{fake.endpoint}.not-there", "tcp://127.0.0.1:9"):
        with pytest.raises(BinglideError) as caught:
            binglide.connect(endpoint, connect_ms=200)
        assert caught.value.code == "E_NO_BROKER"
        assert caught.value.message == f"no broker at {endpoint}; start `binglide up` there"


def test_a_broker_that_never_welcomes_is_none(fake: FakeBroker) -> None:
    with pytest.raises(BinglideError) as caught:
        binglide.connect(fake.endpoint, connect_ms=200)
    assert caught.value.code == "E_NO_BROKER"
    assert fake.next(Hello)


@pytest.mark.parametrize(
    "frames",
    [
        [b"nonsense"],
        [b"BXMC02", b"\x63"],
        [b"BXMC02", b"\x02", b"ENT", b"\x80"],
        [b"BXMC02", b"\x03", b"ENT", b"\xc1"],
        [b"MDPC02", b"\x03", b"ENT", b""],
        [b"BXMC02", b"\x0a", b"\x82\xa9requestId\x01\xa4code\xa4E_IO"],
    ],
    ids=["header", "command", "map", "msgpack", "dialect", "entry"],
)
def test_a_message_of_another_protocol_ends_what_is_open(fake: FakeBroker, frames: list[bytes]) -> None:
    me = Connection(fake)
    with me.client as client:
        job = client.request("ENT", "/data/a.bin")
        fake.request()
        fake.send_frames(frames)
        error = failure_of(job)
        assert error.code == "E_PROTOCOL" and "something else than BXMDPv2" in error.message
        assert fake.next(ClientCancel).job_id == job.id
        again = client.request("ENT", "/data/a.bin")
        assert fake.request().request_id == 2
        fake.send(Final(2, report_of(2, me.id, 1.0)))
        assert again.final(timeout=20).exact


def test_a_report_to_a_raw_request_is_the_brokers_fault(fake: FakeBroker) -> None:
    me = Connection(fake)
    with me.client as client:
        job = client.call("ENT", b"")
        fake.next(RawRequest)
        fake.send(Final(1, report_of(1, me.id, 1.0)))
        with pytest.raises(BinglideError) as caught:
            job.final(timeout=20)
        assert caught.value.code == "E_PROTOCOL"
        assert fake.next(ClientCancel).job_id == job.id


def test_a_large_partial_is_acknowledged(fake: FakeBroker) -> None:
    me = Connection(fake)
    with me.client as client:
        job = client.request("ENT", "/data/a.bin")
        fake.request()
        fake.send(Partial(1, report_of(1, me.id, 0.5, numbers=100_000)))
        assert fake.next_beat_that_says_something() == ClientHeartbeat(seen=1)
        assert next(iter(job)).cells.start.size == 100_000


def test_closing_tells_the_broker(fake: FakeBroker) -> None:
    me = Connection(fake)
    job = me.client.request("ENT", "/data/a.bin")
    fake.request()
    me.client.close()
    assert fake.next(ClientDisconnect) == ClientDisconnect()
    assert failure_of(job).code == "E_CANCELLED"


def test_a_cancelled_job_says_so_at_once_and_its_final_that_crosses_harms_nothing(fake: FakeBroker) -> None:
    me = Connection(fake)
    with me.client as client:
        job = client.request("ENT", "/data/a.bin")
        fake.request()
        fake.send(Partial(1, report_of(1, me.id, 0.5)))
        assert next(iter(job)).completion == 0.5
        assert fake.next(ClientCancel).job_id == job.id, "the loop was left"
        fake.send(Final(1, report_of(1, me.id, 1.0)))
        fake.send(CancelAck("26:aaaaaaaaaaaaaaaaaaaaaaaaaa1", "unknown"))
        assert failure_of(job).code == "E_CANCELLED"
        assert job.latest is not None and job.latest.completion == 0.5


def test_a_slow_reader_gets_the_newest_report_and_the_last(fake: FakeBroker) -> None:
    me = Connection(fake)
    with me.client as client:
        job = client.request("ENT", "/data/a.bin")
        fake.request()
        for step in range(1, 100):
            fake.send(Partial(1, report_of(1, me.id, step / 100)))
        while job.latest is None or job.latest.completion < 0.99:
            time.sleep(0.01)
        loop = iter(job)
        assert next(loop).completion == 0.99
        fake.send(Final(1, report_of(1, me.id, 1.0)))
        assert [report.exact for report in loop] == [True]


def test_a_body_over_the_brokers_limit_is_not_sent(fake: FakeBroker) -> None:
    thread_result: list[Client] = []
    thread = threading.Thread(target=lambda: thread_result.append(binglide.connect(fake.endpoint)))
    thread.start()
    fake.welcome(body_bytes_max=4)
    thread.join()
    with thread_result[0] as client, pytest.raises(BinglideError, match="5 bytes is over the broker's limit of 4"):
        client.call("echo", b"12345").final(timeout=20)


def test_what_nobody_reads_of_an_opaque_service_is_bounded(fake: FakeBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("binglide.client.job.UNREAD_BYTES_MAX", 1000)
    with Connection(fake).client as client:
        job = client.call("echo", b"")
        fake.next(RawRequest)
        fake.send(RawPartial(1, "echo", (b"x" * 600,)))
        fake.send(RawPartial(1, "echo", (b"x" * 600,)))
        assert fake.next(ClientCancel).job_id == job.id
        with pytest.raises(BinglideError) as caught:
            job.final(timeout=20)
        assert caught.value.code == "E_BUSY"


def test_a_bug_in_the_clients_thread_leaves_nobody_waiting(fake: FakeBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    client = Connection(fake).client

    def broken(*_: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(client._engine._core, "handle", broken)
    job = client.request("ENT", "/data/a.bin")
    error = failure_of(job)
    assert error.code == "E_INTERNAL" and "ValueError: a bug" in error.message
    client._engine._thread.join()
    with pytest.raises(BinglideError, match="the client is closed"):
        client.request("ENT", "/data/a.bin")
