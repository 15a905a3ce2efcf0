"""The states of a worker's core: two small machines side by side. A state carries only what belongs to it.

The child's outlives the conversation's, since compute does not stop because a broker went away.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..protocol.liveness import Liveness
from ..protocol.messages import Assign

# resting → unregistered (READY sent) → registered (WELCOME came) → resting or unregistered; any → stopped.


@dataclass(slots=True)
class Resting:
    """Not begun, or between two sockets; ``until`` infinite: waits for Started."""

    until: float


@dataclass(slots=True)
class Unregistered:
    liveness: Liveness
    opened_at: float


@dataclass(slots=True)
class Registered:
    liveness: Liveness
    opened_at: float
    #: The longest message that the broker takes.
    message_bytes_max: int
    #: Assigned and not begun, oldest first; empty unless the child is taken.
    queue: list[Assign] = field(default_factory=list)


@dataclass(slots=True)
class Stopped:
    pass


Conversation = Resting | Unregistered | Registered | Stopped

# free → busy → free, or busy → aborting → free.


@dataclass(slots=True)
class Free:
    pass


@dataclass(slots=True)
class Busy:
    run: int
    assignment: Assign
    bytes_done: int
    #: When bytes_done last grew.
    progress_at: float


@dataclass(slots=True)
class Aborting:
    """``assignment`` None: its conversation ended, nobody waits for an answer. At ``until`` the child is replaced."""

    run: int
    assignment: Assign | None
    bytes_done: int
    until: float


Child = Free | Busy | Aborting
