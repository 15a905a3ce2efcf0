"""Where an author's code failed: the exception, and the line of the author's file."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Final

from ..protocol.errors import BinglideError

_HERE: Final = str(Path(__file__).resolve().parent) + os.sep
_LINE_CHARS_MAX: Final = 400


def blamed(service: str, error: BaseException, file: str, where: str) -> BinglideError:
    """What the service raised as E_SERVICE: ``PERIOD failed at 0x4600000: IndexError: …, period.py:21``."""
    if isinstance(error, BinglideError):
        if error.code != "E_SERVICE":
            return error
        return BinglideError("E_SERVICE", f"{service} failed {where}: {_line(error.message)}")
    text = _line(str(error))
    what = f"{type(error).__name__}: {text}" if text else type(error).__name__
    place = _place(error.__traceback__, file)
    return BinglideError("E_SERVICE", f"{service} failed {where}: {what}{f', {place}' if place else ''}")


def _line(text: str) -> str:
    return text.strip().split("\n", 1)[0][:_LINE_CHARS_MAX]


def _place(traceback: TracebackType | None, file: str) -> str | None:
    """``period.py:21`` of the innermost frame in the author's file, or else in any that is not ours."""
    own = other = None
    while traceback is not None:
        name, line = traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
        shown = f"{os.path.basename(name)}:{line}"
        if os.path.realpath(name) == file:
            own = shown
        elif not os.path.realpath(name).startswith(_HERE):
            other = shown
        traceback = traceback.tb_next
    return own or other
