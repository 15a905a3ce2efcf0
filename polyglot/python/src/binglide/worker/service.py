"""``Service``, the base class of an author's service, and the descriptor that its class makes.

Rules: compute sees rows and returns one array a field, first axis rows. It adds up nothing between calls; the engine
reads, cuts, checks, folds rows into cells, reports progress and cancels.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

from ..protocol.descriptor import Descriptor, FieldSpec, descriptor_of
from ..protocol.descriptor_checks import ROW_NUMBERS_MAX
from ..protocol.errors import BinglideError, Invalid
from ..protocol.grid import RUN_WIDTH
from .declare import Field, Param

#: Own bytes of a row at the most.
ROW_BYTES_MAX: Final = 64 << 20


class Service:
    """Subclass it, declare params and fields in the body, write ``compute``; end the file with ``serve(YourService)``.

    ``compute(self, x, task)``: x is uint8[rows, task.own + overlap at hand], read-only and good until compute returns;
    the result is a dict of one array a field, first axis rows. With ``inputs = 2`` it is compute(self, a, b, task).
    ``finish(self, part)``, optional: from the merged part to what a report shows beside the fields, row-wise.
    """

    #: [A-Z][A-Z0-9]*, at most 32 characters.
    name: ClassVar[str] = ""
    #: Raise it when results change; left out, it is the hash of the service's file.
    version: ClassVar[int | str | None] = None
    #: One line for people; left out, the first line of the class's docstring or of its module's.
    help: ClassVar[str] = ""
    #: Files of one request: 1 or 2.
    inputs: ClassVar[int] = 1
    #: Own bytes of one row: rows end on multiples of it and at cell edges. None: a row is a cell, or a stretch of one.
    row: ClassVar[int | None] = None
    #: Bytes readable past a row's own: a number, a parameter's name, or a parameter.
    overlap: ClassVar[int | str] = 0
    #: The int parameter that makes blocks the cells (its name, or the parameter itself); 0 is no blocks.
    block: ClassVar[int | str | None] = None
    #: Of two inputs: the int parameter by which the second is read further along.
    shift: ClassVar[int | str | None] = None
    #: False: never kept.
    cached: ClassVar[bool] = True
    #: The longest range of one request in bytes.
    range_bytes_max: ClassVar[int | None] = None
    #: What a report shows, as maps of the descriptor; left out, all fields as they are.
    report: ClassVar[Sequence[Mapping[str, Any]] | None] = None

    def compute(self, *args: Any, **kwargs: Any) -> Mapping[str, Any]:
        raise NotImplementedError(f"{type(self).__name__} has no compute")


_ROLES: Final = ("overlap", "block", "shift")
_TAKEN: Final = frozenset(vars(Service)) - set(_ROLES) | {"finish"}


@dataclass(frozen=True, slots=True)
class FieldPlan:
    """How compute's array of a field looks, and what of it travels."""

    spec: FieldSpec
    field: Field

    def dims(self, service: Service) -> tuple[int, ...]:
        """The shape of one row under the service's parameters; raises E_PARAM where they leave none."""
        if self.spec.merge == "run":
            return (RUN_WIDTH,)
        shape = self.field.shape
        if shape is None:
            return ()
        sizes = shape(service) if callable(shape) else shape
        dims = tuple(int(getattr(service, size) if isinstance(size, str) else size) for size in sizes)
        if any(dim < 1 for dim in dims):
            text = f"{service.name}: field {self.spec.name} has the shape {dims}; its sizes are numbers from 1"
            raise BinglideError("E_PARAM", text)
        return dims


@dataclass(frozen=True, slots=True)
class Definition:
    """A checked service class: what the broker hears of it, and what the engine needs."""

    cls: type[Service]
    descriptor: Descriptor
    fields: tuple[FieldPlan, ...]

    def size_of(self, size: int | str | None, params: Mapping[str, Any]) -> int:
        """A number, or the parameter that says it."""
        return int(params[size]) if isinstance(size, str) else int(size or 0)


def define(cls: type[Service]) -> Definition:
    """Reads and checks a service class; raises E_USAGE naming the class and what is wrong with it."""
    params = {name: item for name, item in _members(cls) if isinstance(item, Param)}
    fields = {name: item for name, item in _members(cls) if isinstance(item, Field)}
    where = cls.name or cls.__name__

    def bad(what: str) -> BinglideError:
        return BinglideError("E_USAGE", f"{where}: {what}")

    for name in (*params, *fields):
        if name in _TAKEN:
            raise bad(f"{name} has a meaning of its own; choose another name")
    if "n" in fields:
        raise bad("field n is the number of bytes, which comes by itself; choose another name")
    row = cls.row
    if row is not None and not (isinstance(row, int) and 1 <= row <= ROW_BYTES_MAX):
        raise bad(f"row is {row}; it takes 1 to {ROW_BYTES_MAX} bytes")
    if cls.compute is Service.compute:
        raise bad("it has no compute")
    described = _describe(cls, params, fields)
    try:
        descriptor = descriptor_of(described)
    except Invalid as error:
        raise bad(_advice(str(error).removeprefix("descriptor: "), params, fields)) from None
    plans = tuple(FieldPlan(spec, fields[spec.name]) for spec in descriptor.fields)
    return Definition(cls, descriptor, plans)


def _members(cls: type) -> list[tuple[str, Any]]:
    """Class attributes in the order in which they were written, base classes first."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        found.update(vars(base))
    return list(found.items())


def _describe(cls: type[Service], params: Mapping[str, Param], fields: Mapping[str, Field]) -> dict[str, Any]:
    specs = [_field_map(name, item) for name, item in fields.items()]
    entries = {
        "name": cls.name,
        "version": cls.version if cls.version is not None else file_hash(file_of(cls)),
        "inputs": cls.inputs,
        "help": cls.help or _first_line(cls),
        "params": [_param_map(name, item) for name, item in params.items()],
        "overlap": _role(cls, "overlap") or 0,
        "block": _role(cls, "block"),
        "shift": _role(cls, "shift"),
        "cached": cls.cached,
        "rangeBytesMax": cls.range_bytes_max,
        "finish": True if callable(getattr(cls, "finish", None)) else None,
        "fields": specs,
        "report": [dict(item) for item in cls.report] if cls.report is not None else list(map(_output_of, specs)),
    }
    return _present(entries)


def _first_line(cls: type[Service]) -> str:
    """Of the class's docstring, or of its module's without the name that it begins with."""
    doc = inspect.getdoc(cls) if cls.__doc__ else getattr(sys.modules.get(cls.__module__), "__doc__", None)
    line = str(doc or "").strip().split("\n", 1)[0]
    return line.removeprefix(f"{cls.name}:").strip()


def _role(cls: type[Service], role: str) -> Any:
    """overlap, block or shift: a number, a parameter's name, or the parameter called like the role."""
    value = getattr(cls, role)
    return role if isinstance(value, Param) else value


def _present(entries: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entries.items() if value is not None}


def _param_map(name: str, item: Param) -> dict[str, Any]:
    return _present(
        {
            "name": name,
            "type": item.type,
            "default": item.default,
            "min": item.low,
            "max": item.high,
            "oneOf": None if item.one_of is None else list(item.one_of),
            "help": item.help,
        }
    )


def _field_map(name: str, item: Field) -> dict[str, Any]:
    is_wide_sum = item.merge == "sum" and item.per_byte_max is None
    return _present(
        {
            "name": name,
            "dtype": ("u8" if item.dtype.startswith("u") else "i8" if item.dtype.startswith("i") else item.dtype)
            if is_wide_sum
            else item.dtype,
            "shape": None if item.shape is None or callable(item.shape) else list(item.shape),
            "merge": item.merge,
            "cells": item.cells,
            "perByteMax": item.per_byte_max,
            "form": item.form,
            "gap": item.gap,
            "limit": item.limit,
        }
    )


def _output_of(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A field as it is: per cell, and folded over the range where that means anything."""
    finish = {"run": "longest", "concat": "intervals"}.get(spec["merge"], "value")
    scope = "whole" if not spec["cells"] or spec["merge"] == "concat" else "both"
    if spec["merge"] == "once":
        scope = "cell"
    return {"name": spec["name"], "of": spec["name"], "finish": finish, "scope": scope}


def _advice(what: str, params: Mapping[str, Param], fields: Mapping[str, Field]) -> str:
    """The descriptor's fault, and where rows are too wide, what would fit."""
    if "a row may have more than" not in what:
        return what
    for name, item in fields.items():
        shape = () if item.shape is None or callable(item.shape) else tuple(item.shape)
        named = [dim for dim in shape if isinstance(dim, str) and dim in params]
        if what.startswith(f"field {name}:") and named:
            others = 1
            for dim in shape:
                others *= dim if isinstance(dim, int) else 1
            fits = int((ROW_NUMBERS_MAX / max(1, others)) ** (1 / len(named)))
            return f"{what}; {named[0]} with high={fits} fits"
    return f"{what}; make its shape smaller"


def file_of(cls: type) -> Path:
    """The file that the class was written in."""
    module = sys.modules.get(cls.__module__)
    file = getattr(module, "__file__", None)
    if file is None:
        raise BinglideError("E_USAGE", f"{cls.__name__} was written in no file; give it a version")
    return Path(file).resolve()


def file_hash(file: Path) -> str:
    """16 hex digits that stand for the version of a service without one: of its file, and of what it imported from
    beside it."""
    content = hashlib.sha256(file.read_bytes())
    for helper in _helpers_of(file):
        content.update(hashlib.sha256(helper.read_bytes()).digest())
    return content.hexdigest()[:16]


def _helpers_of(file: Path) -> list[Path]:
    """Imported files in the service's folder and below it, but no installed ones."""
    folder = file.parent
    installed = [Path(prefix).resolve() for prefix in {sys.prefix, sys.base_prefix}]
    found = set()
    for module in list(sys.modules.values()):
        name = getattr(module, "__file__", None)
        path = Path(name).resolve() if isinstance(name, str) else None
        if path is None or path == file or folder not in path.parents or not path.is_file():
            continue
        if "site-packages" not in path.parts and not any(prefix in path.parents for prefix in installed):
            found.add(path)
    return sorted(found)
