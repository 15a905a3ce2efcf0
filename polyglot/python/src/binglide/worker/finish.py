"""Finishes a merged part: what the author's ``finish`` makes of it, row by row."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from ..protocol.descriptor_checks import FINISHED, NAME
from ..protocol.errors import BinglideError
from ..protocol.npy import encode_npy
from ..protocol.payloads import FinishTask, PartFrames
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
    part = _part_of(definition, service, task)
    try:
        with np.errstate(all="ignore"):
            found = service.finish(part)  # type: ignore[attr-defined]
        return _frames(found, task.rows, _RESERVED.union(output.name for output in definition.descriptor.report))
    except (Exception, SystemExit) as error:
        raise blamed(name, error, file, "in finish") from error


def _part_of(definition: Definition, service: Service, task: FinishTask) -> Part:
    """Each field of sum, min, max or or, and ``n``: each once, of its shape (A-14)."""
    shapes: dict[str, tuple[int, ...]] = {"n": ()}
    # One that is only in parts of the other form has no rows.
    optional: set[str] = set()
    for plan in definition.fields:
        if plan.spec.merge in FINISHED:
            shapes[plan.spec.name] = plan.dims(service)
            if plan.spec.form is not None:
                optional.add(plan.spec.name)
    if not shapes.keys() - optional <= task.arrays.keys() <= shapes.keys():
        got, wanted = ", ".join(task.arrays), ", ".join(shapes)
        raise BinglideError(
            "E_PROTOCOL", f"rows to finish are {got[:200]}; {definition.descriptor.name} takes {wanted}"
        )
    arrays = {}
    for name, array in task.arrays.items():
        shape = (task.rows, *shapes[name])
        if array.size != math.prod(shape):
            text = f"rows to finish: {name} has {array.size} numbers for {task.rows} rows"
            raise BinglideError("E_PROTOCOL", text)
        arrays[name] = array.reshape(shape)
    return Part(task.rows, arrays)


def _frames(found: object, rows: int, taken: frozenset[str]) -> PartFrames:
    if not isinstance(found, dict):
        raise BinglideError("E_SERVICE", f"finish returned a {type(found).__name__}; it takes a dict of arrays")
    for name in found:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise BinglideError("E_SERVICE", f"output {str(name)[:80]}: it is no name; take letters, digits and _")
        if name in taken:
            raise BinglideError("E_SERVICE", f"output {name}: a report has that already; choose another name")
    arrays = {name: output_array(name, value, rows) for name, value in found.items()}
    return PartFrames(tuple(arrays), tuple(encode_npy(array) for array in arrays.values()))
