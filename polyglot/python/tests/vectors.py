"""Golden frames of protocol/vectors, and messages as those files write them."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from binglide.protocol import messages as m
from binglide.protocol import payloads as p
from binglide.protocol.descriptor import Descriptor
from binglide.protocol.errors import Fault
from binglide.protocol.npy import dtype_name, encode_npy

FOLDER = Path(__file__).resolve().parents[3] / "protocol" / "vectors"

KINDS: dict[type, str] = {
    m.Hello: "hello",
    m.Request: "request",
    m.RawRequest: "rawRequest",
    m.ClientCancel: "clientCancel",
    m.ClientHeartbeat: "clientHeartbeat",
    m.ClientDisconnect: "clientDisconnect",
    m.Welcome: "welcome",
    m.Partial: "partial",
    m.Final: "final",
    m.RawPartial: "rawPartial",
    m.RawFinal: "rawFinal",
    m.ErrorMessage: "error",
    m.CancelAck: "cancelAck",
    m.Ready: "ready",
    m.TaskFinal: "taskFinal",
    m.TaskError: "taskError",
    m.WorkerHeartbeat: "workerHeartbeat",
    m.WorkerDisconnect: "workerDisconnect",
    m.Assign: "assign",
    m.WorkerCancel: "workerCancel",
    m.PlainRequest: "plainRequest",
    m.PlainClientPartial: "plainPartial",
    m.PlainClientFinal: "plainFinal",
    m.PlainReady: "plainReady",
    m.PlainPartial: "plainPartial",
    m.PlainFinal: "plainFinal",
    m.PlainHeartbeat: "plainHeartbeat",
    m.PlainDisconnect: "plainDisconnect",
    m.PlainAssign: "plainAssign",
}


def load(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text("utf-8"))


def frames_of(vector: dict[str, Any]) -> list[bytes]:
    return [bytes.fromhex(frame) for frame in vector["frames"]]


def value_of(item: Any) -> Any:
    """What a file's JSON means: bytes and numbers that JSON lacks; entries without value left out, but for scalars."""
    if isinstance(item, list):
        return [value_of(each) for each in item]
    if not isinstance(item, dict):
        return item
    if set(item) == {"hex"}:
        return bytes.fromhex(item["hex"])
    if set(item) == {"float"}:
        return float(item["float"].replace("Infinity", "inf"))
    return {
        key: value_of(each) for key, each in item.items() if each is not None and not (key == "cells" and each == {})
    }


def plain_of(item: Any) -> Any:
    """A message as ``value_of`` gives it."""
    if isinstance(item, (Descriptor,)):
        return plain_of(dict(item.map))
    if isinstance(item, np.ndarray):
        return {"dtype": dtype_name(item), "shape": list(item.shape), "data": item.reshape(-1).tolist()}
    if isinstance(item, p.FinishTask):
        frames = [encode_npy(array) for array in item.arrays.values()]
        entries = {"kind": "finish", "params": dict(item.params), "rows": item.rows}
        return {**entries, "arrays": list(item.arrays), "frames": frames}
    if isinstance(item, p.Query):
        start, end = item.range
        entries = {slot.name: getattr(item, slot.name) for slot in dataclasses.fields(item)}
        return plain_of({**entries, "range": {"start": start, "end": end}})
    if isinstance(item, Fault) or dataclasses.is_dataclass(item):
        kind = {"kind": KINDS[type(item)]} if type(item) in KINDS else {}
        entries = {camel(slot.name): getattr(item, slot.name) for slot in dataclasses.fields(item)}  # type: ignore[arg-type]
        return {**kind, **plain_of(entries)}
    if isinstance(item, dict):
        return {key: plain_of(each) for key, each in item.items() if each is not None}
    if isinstance(item, (list, tuple)):
        return [plain_of(each) for each in item]
    return bytes(item) if isinstance(item, (bytearray, memoryview)) else item


def camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def alike(a: Any, b: Any) -> bool:
    """Equal, NaN being equal to itself and 1.0 to 1."""
    if isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b):
        return True
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(alike(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(alike(x, y) for x, y in zip(a, b, strict=True))
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)
