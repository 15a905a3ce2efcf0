"""The first two frames of every message: six bytes that name dialect and side, one byte that names the command.

BXMDPv2.md, section 3, is the table; RFC 18 is the authority for MDPC02 and MDPW02.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Final

from .codec import Buffer
from .errors import Invalid

PLAIN_CLIENT: Final = b"MDPC02"
PLAIN_WORKER: Final = b"MDPW02"
CLIENT: Final = b"BXMC02"
WORKER: Final = b"BXMW02"
HEADERS: Final = frozenset([PLAIN_CLIENT, PLAIN_WORKER, CLIENT, WORKER])

#: The first body frame of an error to a plain client.
PLAIN_ERROR_MARK: Final = b"BXERR02"
#: The first frame of a cancellation on the PUB socket; the second is the job id.
CANCEL_TOPIC: Final = b"cancel"
#: Sent once an interval; it means nothing.
TICK_TOPIC: Final = b"tick"

Frames = Sequence[Buffer]


class ClientCommand(IntEnum):
    """RFC 18 and v2 client side; 0x05 and up exist in v2 only."""

    REQUEST = 1
    PARTIAL = 2
    FINAL = 3
    HEARTBEAT = 5
    DISCONNECT = 6
    HELLO = 7
    WELCOME = 8
    CANCEL = 9
    ERROR = 10


class WorkerCommand(IntEnum):
    """RFC 18 and v2 worker side; 0x08 and up exist in v2 only."""

    READY = 1
    REQUEST = 2
    PARTIAL = 3
    FINAL = 4
    HEARTBEAT = 5
    DISCONNECT = 6
    WELCOME = 8
    CANCEL = 9
    ERROR = 10


def header_of(frames: Frames) -> bytes | None:
    """The header, where it is a known one."""
    if len(frames) == 0 or len(frames[0]) != 6:
        return None
    name = bytes(frames[0])
    return name if name in HEADERS else None


def command_of(frames: Frames) -> int:
    """The command byte; raises Invalid where there is none."""
    if len(frames) < 2 or len(frames[1]) != 1:
        raise Invalid("the second frame is not one command byte")
    return int(frames[1][0])


def envelope(header: bytes, command: int, *rest: Buffer | str) -> list[Buffer]:
    return [header, bytes([command]), *(frame.encode() if isinstance(frame, str) else frame for frame in rest)]
