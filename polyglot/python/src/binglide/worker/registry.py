"""Where a class is found again: the child imports what the main process has, without becoming a worker of its own."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from typing import Any, Final

from ..protocol.errors import BinglideError
from .service import Service, file_of

#: While it is set, ``serve`` only says what a module serves.
_collecting: list[type[Service]] | None = None

_MAIN_NAME: Final = "__binglide_main__"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a service class lives: an importable module, or a file that was started by itself."""

    module: str | None
    file: str
    qualname: str


def place_of(cls: type[Service]) -> Place:
    module: str | None = cls.__module__
    if module == "__main__":
        spec = getattr(sys.modules["__main__"], "__spec__", None)
        module = None if spec is None else spec.name
    return Place(module, str(file_of(cls)), cls.__qualname__)


def offer(cls: type[Service]) -> bool:
    """Gives the class to whoever collects; False: nobody does, the module was started by itself."""
    if _collecting is not None:
        _collecting.append(cls)
    return _collecting is not None


def collect(place: Place) -> type[Service]:
    """Imports the class; raises what its module raises, and E_USAGE where it is not there."""
    global _collecting
    _collecting = []
    found: Any = importlib.import_module(place.module) if place.module else _import_file(place.file)
    for name in place.qualname.split("."):
        found = getattr(found, name, None)
    if not (isinstance(found, type) and issubclass(found, Service)):
        raise BinglideError("E_USAGE", f"{place.file} has no service class {place.qualname} at its top level")
    return found


def _import_file(file: str) -> Any:
    spec = importlib.util.spec_from_file_location(_MAIN_NAME, file)
    if spec is None or spec.loader is None:
        raise BinglideError("E_USAGE", f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[_MAIN_NAME] = module
    spec.loader.exec_module(module)
    return module
