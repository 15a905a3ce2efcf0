"""What may happen to a client and what it then orders: the closed unions of client/core.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..protocol.codec import Buffer
from ..protocol.errors import Fault
from ..protocol.messages import FromClient, ToClient, Welcome
from ..protocol.payloads import Query, Report


@dataclass(frozen=True, slots=True)
class QueryAsk:
    """Asks a service with a descriptor."""

    query: Query

    @property
    def service(self) -> str:
        return self.query.service


@dataclass(frozen=True, slots=True)
class RawAsk:
    """Asks any service with a body of the caller's own."""

    service: str
    body: tuple[bytes, ...]


Ask: TypeAlias = QueryAsk | RawAsk
CancelOutcome: TypeAlias = Literal["cancelled", "ended", "unknown"]


# Events


@dataclass(frozen=True, slots=True)
class Started:
    """Comes once, first."""


@dataclass(frozen=True, slots=True)
class Requested:
    """Numbers rise from 1; gaps are allowed."""

    request_id: int
    ask: Ask


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Somebody here wants a job ended: one of our own or anybody's."""

    job_id: str


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """From the newest socket only: what an older one still holds never gets here."""

    message: ToClient


@dataclass(frozen=True, slots=True)
class InvalidReceived:
    """From the newest socket, and not BXMDPv2."""

    reason: str


@dataclass(frozen=True, slots=True)
class SocketLost:
    """The newest socket's connection broke; what was sent last may be lost."""


@dataclass(frozen=True, slots=True)
class BrokerEnded:
    """The broker was ours and its process is over: no other will answer at this endpoint."""

    reason: str


@dataclass(frozen=True, slots=True)
class DeadlineReached:
    pass


@dataclass(frozen=True, slots=True)
class Closed:
    pass


ClientEvent: TypeAlias = (
    Started
    | Requested
    | Cancelled
    | MessageReceived
    | InvalidReceived
    | SocketLost
    | BrokerEnded
    | DeadlineReached
    | Closed
)


# Commands


@dataclass(frozen=True, slots=True)
class ReopenSocket:
    """Close the socket that is there, unsent messages and all, and connect a new one."""


@dataclass(frozen=True, slots=True)
class Send:
    message: FromClient


@dataclass(frozen=True, slots=True)
class SettleConnect:
    """The first WELCOME came."""

    welcome: Welcome


@dataclass(frozen=True, slots=True)
class FailConnect:
    fault: Fault


@dataclass(frozen=True, slots=True)
class DeliverReport:
    request_id: int
    report: Report


@dataclass(frozen=True, slots=True)
class ResolveFinal:
    request_id: int
    report: Report


@dataclass(frozen=True, slots=True)
class DeliverRaw:
    request_id: int
    body: Sequence[Buffer]


@dataclass(frozen=True, slots=True)
class ResolveRaw:
    request_id: int
    body: Sequence[Buffer]


@dataclass(frozen=True, slots=True)
class RejectJob:
    """``by_owner``: ended because we wanted it, so loops over it end quietly."""

    request_id: int
    fault: Fault
    by_owner: bool


@dataclass(frozen=True, slots=True)
class ResolveCancel:
    """To all who wait for the end of this job; there may be nobody."""

    job_id: str
    outcome: CancelOutcome


@dataclass(frozen=True, slots=True)
class RejectCancel:
    job_id: str
    fault: Fault


ClientCommand: TypeAlias = (
    ReopenSocket
    | Send
    | SettleConnect
    | FailConnect
    | DeliverReport
    | ResolveFinal
    | DeliverRaw
    | ResolveRaw
    | RejectJob
    | ResolveCancel
    | RejectCancel
)
