"""Options of a worker's core: units in the names, defaults as the TypeScript worker has them."""

from __future__ import annotations

from dataclasses import dataclass, fields

from ..protocol.errors import BinglideError


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    #: Unanswered attempts that the broker may give at a time, the running one among them.
    credit: int = 16
    #: Attempts held at a time at the very most; more are answered E_BUSY. At least ``credit``.
    held_max: int = 64
    #: Heartbeat interval until WELCOME names the agreed one; 5 of them without WELCOME mean another socket.
    heartbeat_ms: float = 1000
    #: A task without progress for so long fails with E_STALLED and loses its child.
    task_stall_ms: float = 10_000
    #: Compute that was asked to stop has so long before it loses its child.
    cancel_grace_ms: float = 100
    #: Waits between conversations that end soon: none, then this, doubled each time …
    reconnect_min_ms: float = 50
    #: … up to this.
    reconnect_max_ms: float = 5000

    def __post_init__(self) -> None:
        for slot in fields(self):
            value = getattr(self, slot.name)
            if not value >= (0 if slot.name == "cancel_grace_ms" else 1):
                raise BinglideError("E_USAGE", f"{slot.name} is {value}; it takes a positive number")
        if self.held_max < self.credit:
            raise BinglideError("E_USAGE", f"held_max is {self.held_max}; it takes at least credit, {self.credit}")
        if self.reconnect_max_ms < self.reconnect_min_ms:
            raise BinglideError("E_USAGE", f"reconnect_max_ms is {self.reconnect_max_ms}; it takes at least the least")
