"""Where the broker is when nobody says so: the environment, else the daemon in the user's runtime folder."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple


class Place(NamedTuple):
    """``given``: named by the caller or the environment, and nothing else is tried; ``daemon``: one of this user's
    seems to listen there; ``nowhere``: ``endpoint`` is empty."""

    kind: Literal["given", "daemon", "nowhere"]
    endpoint: str


#: A daemon of this machine takes a connection at once or not at all; a hung one is not waited for.
_PROBE_S: Final = 0.5


def find_broker(endpoint: str | None, environment: Mapping[str, str] | None = None) -> Place:
    env = os.environ if environment is None else environment
    given = endpoint or env.get("BINGLIDE_BROKER")
    if given:
        return Place("given", given)
    folder = runtime_folder(env)
    path = os.path.join(folder, "broker.sock")
    if _is_ours(folder) and _accepts(path):
        return Place("daemon", f"ipc://{path}")
    return Place("nowhere", "")


def runtime_folder(environment: Mapping[str, str]) -> str:
    """Where sockets of this user's processes live; the daemon's is ``broker.sock``."""
    if environment.get("BINGLIDE_RUNTIME_DIR"):
        return environment["BINGLIDE_RUNTIME_DIR"]
    if environment.get("XDG_RUNTIME_DIR"):
        return os.path.join(environment["XDG_RUNTIME_DIR"], "binglide")
    return os.path.join(tempfile.gettempdir(), f"binglide-{os.getuid()}")


def _is_ours(folder: str) -> bool:
    """A folder that somebody else made in a shared place may hold a broker that is not to be trusted."""
    try:
        status = os.lstat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()


def _accepts(path: str) -> bool:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(_PROBE_S)
            probe.connect(path)
            return True
    except (OSError, ValueError):
        return False
