"""Finds a broker, or starts one that ends with this process, and says HELLO to it.

It lies in this folder because a module `binglide.connect` would take the place of the function of that name.
"""

from __future__ import annotations

import os
from typing import Literal, overload

from ..plain import PlainClient
from ..protocol.errors import BinglideError
from .client import Client
from .endpoint import find_broker
from .engine import Engine
from .options import ClientTimes, check_endpoint, check_times
from .private import PrivateBroker, broker_program

_TIMES = ClientTimes()


@overload
def connect(
    endpoint: str | None = None,
    *,
    program: str | os.PathLike[str] | None = None,
    connect_ms: float = _TIMES.connect_ms,
    broker_lost_ms: float = _TIMES.broker_lost_ms,
    dialect: Literal["v2"] = "v2",
) -> Client: ...


@overload
def connect(
    endpoint: str | None = None,
    *,
    program: str | os.PathLike[str] | None = None,
    connect_ms: float = _TIMES.connect_ms,
    broker_lost_ms: float = _TIMES.broker_lost_ms,
    dialect: Literal["mdp"],
) -> PlainClient: ...


def connect(
    endpoint: str | None = None,
    *,
    program: str | os.PathLike[str] | None = None,
    connect_ms: float = _TIMES.connect_ms,
    broker_lost_ms: float = _TIMES.broker_lost_ms,
    dialect: Literal["v2", "mdp"] = "v2",
) -> Client | PlainClient:
    """A client of the broker at ``endpoint`` (``ipc://PATH``, ``tcp://HOST:PORT``), else of $BINGLIDE_BROKER, else of
    the user's daemon, else of a broker of our own that ends with this process.

    ``program``: what starts such a broker; else $BINGLIDE_PROGRAM, else ``binglide-broker`` on the PATH.
    ``connect_ms``: how long to wait for a broker at first; ``broker_lost_ms``: how long jobs wait for one that went
    away.
    ``dialect="mdp"``: a PlainClient, which speaks RFC 18 and nothing more.

    Raises E_NO_BROKER where nobody answers, E_USAGE for what makes no sense.
    """
    times = check_times(ClientTimes(connect_ms, broker_lost_ms))
    if dialect not in ("v2", "mdp"):
        raise BinglideError("E_USAGE", f'dialect is {dialect!r}; it takes "v2" or "mdp"')
    if dialect == "mdp":
        return _connect_plain(endpoint, program)
    return Client(open_engine(endpoint, program, times))


def open_engine(endpoint: str | None, program: str | os.PathLike[str] | None, times: ClientTimes) -> Engine:
    """Welcomed, or an error; blocks for so long."""
    place = find_broker(endpoint)
    if place.kind != "nowhere":
        try:
            return _welcomed(Engine(check_endpoint(place.endpoint), times))
        except BinglideError as error:
            # A daemon whose socket is there and who does not answer is as good as none.
            if place.kind == "given" or error.code != "E_NO_BROKER":
                raise
    broker = PrivateBroker(broker_program(program, os.environ))
    return _welcomed(Engine(broker.endpoint, times, broker))


def _welcomed(engine: Engine) -> Engine:
    engine.start()
    try:
        engine.connected.wait()
    except BaseException:
        engine.close()
        raise
    return engine


def _connect_plain(endpoint: str | None, program: str | os.PathLike[str] | None) -> PlainClient:
    place = find_broker(endpoint)
    if place.kind != "nowhere":
        return PlainClient(place.endpoint)
    broker = PrivateBroker(broker_program(program, os.environ))
    return PlainClient(broker.endpoint, on_close=broker.stop)
