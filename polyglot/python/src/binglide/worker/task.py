"""What compute and finish are given beside the numbers: ``TaskView`` and ``Part``; and ``Cancelled``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from ..protocol.npy import Array


class Cancelled(BaseException):
    """The task is not wanted any more. Let it pass; ``except Exception`` does not catch it."""


class TaskView:
    """What compute knows of its rows. One object serves a whole task."""

    __slots__ = ("_check", "form", "own", "rows", "sizes", "start")

    def __init__(self, form: str, sizes: tuple[int, ...], check: Callable[[float], None]) -> None:
        #: ``summed``: cells add up; ``whole``: a row is a cell, computed in one piece.
        self.form = form
        #: The files' sizes in bytes.
        self.sizes = sizes
        #: Own bytes of each row: x[:, :own] are the rows, what lies behind may be looked at.
        self.own = 0
        #: Where each row begins in the first file, in bytes.
        self.start: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self.rows = 0
        self._check = check

    @property
    def offsets(self) -> npt.NDArray[np.int64]:
        """Where each row begins in the first file, in bytes: int64[rows]."""
        return self.start

    def check(self, done: float = 0.0) -> None:
        """Raises Cancelled where the task is not wanted any more.

        Only needed where a call takes more than 50 ms; ``done``, from 0 to 1, says how much of the call is over, and
        is a sign of progress.
        """
        self._check(done)


class Part:
    """A merged part, as finish gets it: each field as an attribute, and ``n``, the bytes of each row.

    Arrays are read-only with the rows as first axis: the report's cells and, last, the range as a whole.
    """

    def __init__(self, rows: int, arrays: Mapping[str, Array]) -> None:
        self.rows = rows
        self._arrays = dict(arrays)

    def __getattr__(self, name: str) -> Array:
        try:
            return self.__dict__["_arrays"][name]  # type: ignore[no-any-return]
        except KeyError:
            known = ", ".join(self.__dict__.get("_arrays", ()))
            raise AttributeError(f"the part has no {name}; it has {known}") from None

    def __getitem__(self, name: str) -> Array:
        return self._arrays[name]
