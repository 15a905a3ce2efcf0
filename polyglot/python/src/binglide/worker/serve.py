"""``serve(YourService)``, the last line of an author's file: started by itself, the file becomes a worker process."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from ..protocol.errors import BinglideError
from ..protocol.ids import is_token
from .registry import offer, place_of
from .service import Definition, Service, define

_HELP = "serves one binglide service for a broker; `binglide run ./FILE.py INPUT` starts it for you"


def serve(cls: type[Service], arguments: Sequence[str] | None = None) -> None:
    """Runs the service's worker process, and ends the program with it; does not come back.

    Arguments: --broker ENDPOINT (or $BINGLIDE_BROKER), --slot ID, --root DIR (again for more; the working directory),
    --stall-ms N, --parent, --describe, --bare FILE. In a child that only imports the file it does nothing.
    """
    if not (isinstance(cls, type) and issubclass(cls, Service)):
        sys.stderr.write(f"binglide: serve takes the class of a service, not {cls!r:.80} (E_USAGE)\n")
        sys.exit(2)
    if offer(cls):
        return
    try:
        code = _run(cls, sys.argv[1:] if arguments is None else list(arguments))
    except BinglideError as error:
        sys.stderr.write(f"binglide: {error}\n")
        code = 2 if error.code == "E_USAGE" else 1
    sys.stdout.flush()
    sys.exit(code)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BinglideError("E_USAGE", f"{message}; see --help")


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = _Parser(description=_HELP, allow_abbrev=False)
    parser.add_argument("--broker", metavar="ENDPOINT", help="the broker to work for (default: $BINGLIDE_BROKER)")
    parser.add_argument("--slot", metavar="ID", help="name of this place among the broker's workers")
    parser.add_argument("--root", metavar="DIR", action="append", help="open files in it only; again for more")
    parser.add_argument("--stall-ms", metavar="N", type=float, help="a task without progress for so long is ended")
    parser.add_argument("--cancel-grace-ms", metavar="N", type=float, help="a cancelled task has so long to stop")
    parser.add_argument("--parent", action="store_true", help="end when stdin ends")
    parser.add_argument("--describe", action="store_true", help="print the descriptor and end")
    parser.add_argument("--bare", metavar="FILE", help="time compute alone on a file and end")
    parser.add_argument("--piece-bytes", metavar="N", type=int, default=8 << 20)
    parser.add_argument("--cell-bytes", metavar="N", type=int, default=4096)
    parser.add_argument("--params", metavar="JSON", default="{}")
    return parser.parse_args(arguments)


def _run(cls: type[Service], arguments: list[str]) -> int:
    flags = _parse(arguments)
    definition = define(cls)
    if flags.describe:
        print(json.dumps(plain(definition.descriptor.map), ensure_ascii=False, separators=(",", ":")))
        return 0
    if flags.bare is not None:
        return _bare(definition, flags)
    broker = flags.broker or os.environ.get("BINGLIDE_BROKER")
    if not broker:
        raise BinglideError("E_USAGE", "no broker given; name one with --broker or $BINGLIDE_BROKER")
    return _work(definition, broker, flags)


def _work(definition: Definition, broker: str, flags: argparse.Namespace) -> int:
    from .child import ChildSetup
    from .children import Children
    from .options import WorkerOptions
    from .source import resolve_roots

    slot = flags.slot or f"{os.getpid()}.{secrets.token_hex(4)}"
    if not is_token(slot):
        raise BinglideError("E_USAGE", f"--slot {slot}: it takes 1 to 255 printable ASCII characters")
    given = {"task_stall_ms": flags.stall_ms, "cancel_grace_ms": flags.cancel_grace_ms}
    options = WorkerOptions(**{name: value for name, value in given.items() if value is not None})
    setup = ChildSetup(place_of(definition.cls), resolve_roots(flags.root or [os.getcwd()]))
    # The child loads while this process loads its sockets.
    children = Children(definition.descriptor.name, setup)
    try:
        from .process import WorkerProcess

        return WorkerProcess(broker, definition.descriptor, slot, children, options, parent=flags.parent).run()
    finally:
        children.stop()


def _bare(definition: Definition, flags: argparse.Namespace) -> int:
    from .bare import bare

    try:
        params = json.loads(flags.params)
    except ValueError:
        params = None
    if not isinstance(params, dict):
        raise BinglideError("E_USAGE", "--params is no JSON map; write '{\"max_lag\": 32}'")
    if flags.piece_bytes < 1 or flags.cell_bytes < 0:
        raise BinglideError("E_USAGE", "--piece-bytes takes a number from 1, --cell-bytes one from 0")
    print(json.dumps(bare(definition, flags.bare, flags.piece_bytes, flags.cell_bytes, params)))
    return 0


def plain(value: Any) -> Any:
    """Whole floats as whole numbers, as they travel."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value
