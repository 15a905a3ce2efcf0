"""Finishes a merged part: what the author's ``finish`` makes of it, row by row."""

from __future__ import annotations

from typing import Final

import numpy as np

from ..protocol.descriptor_checks import NAME
from ..protocol.errors import BinglideError
from ..protocol.messages import FinishTask, PartFrames
from ..protocol.npy import encode_npy
from .blame import blamed
from .checks import output_array
from .service import Definition, Service
from .task import Part

#: What reports say of every service; an author's outputs have other names.
_RESERVED: Final = frozenset(["n", "start", "state", "lo", "hi", "onlyA", "onlyB"])


def run(definition: Definition, service: Service, task: FinishTask, file: str) -> PartFrames:
    """The outputs as frames, first dimension rows. Raises E_SERVICE, and E_PROTOCOL where there is no finish."""
    name = definition.descriptor.name
    if not definition.descriptor.finish:
        raise BinglideError("E_PROTOCOL", f"{name} has no finish")
    part = Part(task.rows, {"n": task.arrays["n"].reshape(task.rows)} if "n" in task.arrays else {})
    try:
        for plan in definition.fields:
            array = task.arrays.get(plan.spec.name)
            if array is not None:
                part._arrays[plan.spec.name] = array.reshape(task.rows, *plan.dims(service))
    except ValueError as error:
        raise BinglideError("E_PROTOCOL", f"{name}: a part to finish has another shape: {error}") from None
    try:
        with np.errstate(all="ignore"):
            found = service.finish(part)  # type: ignore[attr-defined]
            return _frames(found, task.rows)
    except (Exception, SystemExit) as error:
        raise blamed(name, error, file, "in finish") from error


def _frames(found: object, rows: int) -> PartFrames:
    if not isinstance(found, dict):
        raise BinglideError("E_SERVICE", f"finish returned a {type(found).__name__}; it takes a dict of arrays")
    for name in found:
        if not isinstance(name, str) or not NAME.fullmatch(name) or name in _RESERVED:
            raise BinglideError("E_SERVICE", f"output {str(name)[:80]}: the name is taken or is none")
    arrays = {name: output_array(name, value, rows) for name, value in found.items()}
    return PartFrames(tuple(arrays), tuple(encode_npy(array) for array in arrays.values()))
