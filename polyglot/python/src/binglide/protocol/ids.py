"""The names of things on the wire: client ids, job ids, slots, epochs. Pure; randomness comes in.

A job id is ``len(clientId):clientId`` followed by the request number: a client knows it before it sends, it is
printable, and whoever asks on the job's behalf carries it on.
"""

from __future__ import annotations

import base64
import re
from typing import Final, NamedTuple, TypeGuard

#: Whole numbers on the wire lie within ± this.
SAFE_INTEGER_MAX: Final = 2**53 - 1

_CLIENT_ID = re.compile(r"[a-z2-7]{16,64}")
_TOKEN = re.compile(r"[\x21-\x7e]{1,255}")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,15}")


class JobIdParts(NamedTuple):
    client: str
    request: int


def base32(data: bytes) -> str:
    """Lower-case RFC 4648 base32 without padding."""
    return base64.b32encode(data).decode("ascii").rstrip("=").lower()


def client_id_of(random: bytes) -> str:
    """A client id of 16 random bytes: 26 characters."""
    return base32(random)


def is_client_id(text: object) -> TypeGuard[str]:
    return isinstance(text, str) and _CLIENT_ID.fullmatch(text) is not None


def is_token(text: object) -> TypeGuard[str]:
    """1 to 255 printable ASCII characters without blanks: slots, epochs, services."""
    return isinstance(text, str) and _TOKEN.fullmatch(text) is not None


def job_id_of(client: str, request: int) -> str:
    return f"{len(client)}:{client}{request}"


def parse_job_id(text: str) -> JobIdParts | None:
    """The two halves of a job id, or None where the text is none."""
    head, colon, rest = text.partition(":")
    if not colon or not _DECIMAL.fullmatch(head):
        return None
    length = int(head)
    client, number = rest[:length], rest[length:]
    if len(client) != length or not is_token(client) or not _DECIMAL.fullmatch(number):
        return None
    request = int(number)
    return JobIdParts(client, request) if request <= SAFE_INTEGER_MAX else None
