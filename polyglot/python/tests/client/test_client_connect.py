"""Finding a broker, and starting one that goes with its program."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from client_fakes import Broker, FakeBroker, wait_until

import binglide
from binglide import BinglideError, Client
from binglide.client.endpoint import Place, find_broker
from binglide.client.private import PrivateBroker, broker_program

SOURCE = str(Path(binglide.__file__).parents[1])


@pytest.fixture
def alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user without daemon, program or cache."""
    for name in ("BINGLIDE_BROKER", "BINGLIDE_PROGRAM", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BINGLIDE_RUNTIME_DIR", str(folder / "run"))
    monkeypatch.setenv("BINGLIDE_CACHE_DIR", str(folder / "cache"))
    yield folder


def pid_of(client: Client) -> int:
    broker = client._engine._broker
    assert broker is not None, "it has a broker of its own"
    return broker.pid


def is_alive(pid: int) -> bool:
    """One that ended and that nobody has waited for yet is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


# Finding


def test_what_is_named_is_the_only_one(alone: Path) -> None:
    assert find_broker("ipc:///a", {"BINGLIDE_BROKER": "ipc:///b"}) == Place("given", "ipc:///a")
    assert find_broker(None, {"BINGLIDE_BROKER": "ipc:///b"}) == Place("given", "ipc:///b")
    assert find_broker(None) == Place("nowhere", "")


def test_a_daemon_is_found_where_it_listens_in_a_folder_of_ours(alone: Path) -> None:
    run = alone / "run"
    run.mkdir(mode=0o700)
    with FakeBroker(f"ipc://{run}/broker.sock"):
        assert find_broker(None) == Place("daemon", f"ipc://{run}/broker.sock")
        environments = [{"XDG_RUNTIME_DIR": str(alone / "xdg")}, {"BINGLIDE_RUNTIME_DIR": str(alone / "no")}]
        assert [find_broker(None, each).kind for each in environments] == ["nowhere", "nowhere"]
        (alone / "xdg").mkdir()
        run.rename(alone / "xdg" / "binglide")
        assert find_broker(None, environments[0]).kind == "daemon"
        (alone / "link").symlink_to(alone / "xdg" / "binglide")
        assert find_broker(None, {"BINGLIDE_RUNTIME_DIR": str(alone / "link")}).kind == "nowhere"
    (alone / "xdg" / "binglide" / "broker.sock").touch()
    assert find_broker(None, environments[0]).kind == "nowhere", "a file is no daemon"


def test_the_environment_names_a_broker(alone: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BINGLIDE_BROKER", broker.endpoint)
    with binglide.connect() as client:
        assert client.endpoint == broker.endpoint
        assert repr(client) == f"<Client of {broker.endpoint}>"


# Starting one


def test_a_broker_of_our_own_answers_and_goes_with_its_client(alone: Path, program: Path) -> None:
    path = alone / "a.bin"
    path.write_bytes(b"abca")
    with binglide.connect(program=program) as client:
        pid = pid_of(client)
        assert is_alive(pid)
        assert client.request("HIST", path).final()["counts"][ord("a")] == 2
    assert not is_alive(pid), "it was waited for"


def test_a_daemon_that_does_not_answer_is_as_good_as_none(alone: Path, program: Path) -> None:
    run = alone / "run"
    run.mkdir(mode=0o700)
    with (
        FakeBroker(f"ipc://{run}/broker.sock"),
        binglide.connect(program=program, connect_ms=3000) as client,
    ):
        assert is_alive(pid_of(client))


def test_a_broker_of_our_own_that_dies_is_lost_at_once(alone: Path, program: Path) -> None:
    huge = alone / "huge.img"
    huge.touch()
    os.truncate(huge, 2**40)
    with binglide.connect(program=program) as client:
        job = client.request("HIST", huge)
        os.kill(pid_of(client), signal.SIGKILL)
        with pytest.raises(BinglideError) as caught:
            job.final(timeout=20)
        assert caught.value.code == "E_BROKER_LOST" and "signal 9" in caught.value.message
        with pytest.raises(BinglideError, match="E_BROKER_LOST"):
            client.request("HIST", huge).final(timeout=20)


def test_a_program_that_ends_without_closing_leaves_no_broker(alone: Path, program: Path) -> None:
    text = (
        "import binglide, sys; b = binglide.connect(program=sys.argv[1]);"
        "print(b._engine._broker.pid, flush=True); sys.stdin.read()"
    )
    for ending in ("end of its input", "SIGKILL"):
        process = subprocess.Popen(
            [sys.executable, "-c", text, str(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": SOURCE},
        )
        assert process.stdin is not None and process.stdout is not None
        pid = int(process.stdout.readline())
        assert is_alive(pid)
        if ending == "SIGKILL":
            process.kill()
        process.stdin.close()
        process.wait(20)
        process.stdout.close()
        wait_until(lambda pid=pid: not is_alive(pid), f"the end of the broker after {ending}")  # type: ignore[misc]


def test_the_environment_names_the_program(alone: Path, program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BINGLIDE_PROGRAM", str(program))
    with binglide.connect(dialect="mdp") as client:
        assert list(client.request("mmi.service", b"HIST"))[-1].body == [b"200"]


def test_without_a_program_it_says_how_to_get_one(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(alone))
    with pytest.raises(BinglideError) as caught:
        binglide.connect()
    assert caught.value.code == "E_NO_BROKER"
    assert caught.value.message.startswith("no broker runs and binglide-broker is not on the PATH; ")
    for way_out in ("npm install -g binglide", "connect(program=...)", "$BINGLIDE_PROGRAM", "binglide up"):
        assert way_out in caught.value.message
    with pytest.raises(BinglideError, match=r"there is no program /nope/broker; install it"):
        binglide.connect(program="/nope/broker")
    (alone / "broker.js").touch()
    with pytest.raises(BinglideError, match="runs with node, which is not on the PATH"):
        binglide.connect(program=alone / "broker.js")


def test_a_program_is_found_on_the_path(alone: Path) -> None:
    found = script(alone / "binglide-broker", "exit 0")
    assert broker_program(None, {"PATH": str(alone)}) == [str(found)]
    assert broker_program(None, {"PATH": "", "BINGLIDE_PROGRAM": str(found)}) == [str(found)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("echo no room >&2; exit 3", "a broker of our own could not be started (exit code 3): no room"),
        ("kill -9 $$", "a broker of our own could not be started (signal 9)"),
        (
            "echo ipc:// and more; cat",
            "a broker of our own could not be started (said something else than its endpoint)",
        ),
    ],
)
def test_a_program_that_does_not_come_up_is_told_with_its_last_words(alone: Path, text: str, said: str) -> None:
    program = script(alone / "broker", text)
    with pytest.raises(BinglideError) as caught:
        binglide.connect(program=program)
    assert (caught.value.code, caught.value.message) == ("E_NO_BROKER", said)


def test_a_program_that_says_nothing_is_given_up(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("binglide.client.private._START_S_MAX", 2.0)
    monkeypatch.setattr("binglide.client.private._STOP_S_MAX", 0.2)
    # One that does not end when its standard input does, either.
    program = script(alone / "broker", f"echo $$ > {alone}/pid; exec sleep 1000")
    with pytest.raises(BinglideError, match=r"said nothing for 2 s"):
        PrivateBroker([str(program)])
    assert not is_alive(int((alone / "pid").read_text())), "it was ended"


def test_a_file_that_is_no_program_is_refused(alone: Path) -> None:
    path = alone / "broker"
    path.write_text("no program")
    path.chmod(stat.S_IRWXU)
    with pytest.raises(BinglideError, match="could not be started"):
        binglide.connect(program=path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"endpoint": "localhost:5555"}, "endpoint is 'localhost:5555'; it takes ipc://PATH or tcp://HOST:PORT"),
        ({"endpoint": "tcp://nowhere"}, "tcp://nowhere is no endpoint"),
        ({"connect_ms": 0}, "connect_ms is 0; it takes milliseconds above 0"),
        ({"broker_lost_ms": float("inf")}, "broker_lost_ms is inf"),
        ({"dialect": "v3"}, "dialect is 'v3'"),
    ],
)
def test_nonsense_is_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(BinglideError) as caught:
        binglide.connect(**options)  # type: ignore[call-overload]
    assert caught.value.code == "E_USAGE" and said in caught.value.message
