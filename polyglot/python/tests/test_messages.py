"""Every golden message: frames become it, and it becomes the frames; what is invalid is refused for what it is."""

from __future__ import annotations

from typing import Any

import pytest
from vectors import alike, frames_of, load, plain_of, value_of

from binglide.protocol import decode, encode
from binglide.protocol import messages as m
from binglide.protocol import payloads as p
from binglide.protocol.codec import unpack_map
from binglide.protocol.errors import ERROR_CATALOGUE, Invalid

DECODERS: dict[str, Any] = {
    "client-to-broker": decode.decode_to_broker,
    "plain-client-to-broker": decode.decode_to_broker,
    "worker-to-broker": decode.decode_to_broker,
    "plain-worker-to-broker": decode.decode_to_broker,
    "broker-to-client": decode.decode_to_client,
    "broker-to-worker": decode.decode_to_worker,
    "broker-to-plain-client": decode.decode_to_plain_client,
    "broker-to-plain-worker": decode.decode_to_plain_worker,
}
ENCODERS: dict[str, Any] = {
    "client-to-broker": encode.encode_from_client,
    "plain-client-to-broker": encode.encode_plain_request,
    "worker-to-broker": encode.encode_from_worker,
    "plain-worker-to-broker": encode.encode_from_plain_worker,
    "broker-to-client": encode.encode_to_client,
    "broker-to-worker": encode.encode_to_worker,
    "broker-to-plain-client": encode.encode_to_plain_client,
    "broker-to-plain-worker": encode.encode_to_plain_worker,
}


def golden() -> list[Any]:
    files = ("messages-client", "messages-worker", "messages-plain", "errors", "accepted")
    return [pytest.param(name, vector, id=f"{name}: {vector['name']}") for name in files for vector in load(name)]


@pytest.mark.parametrize(("file", "vector"), golden())
def test_frames_become_the_message_and_back(file: str, vector: dict[str, Any]) -> None:
    frames = frames_of(vector)
    if vector["direction"] == "broker-to-subscribers":
        assert decode.decode_publication(frames) == vector["message"].get("jobId")
        return
    message = DECODERS[vector["direction"]](frames)
    assert alike(plain_of(message), value_of(vector["message"])), plain_of(message)
    if file == "accepted":
        return
    again = ENCODERS[vector["direction"]](message)
    assert len(again) == len(frames)
    for ours, theirs in zip(again, frames, strict=True):
        assert bytes(ours) == theirs or alike(unpack_map(ours), unpack_map(theirs))


@pytest.mark.parametrize("vector", [pytest.param(vector, id=vector["name"]) for vector in load("invalid")])
def test_what_is_invalid_is_refused(vector: dict[str, Any]) -> None:
    decoder = DECODERS[vector["direction"]]
    if vector["reaction"] == "error":
        message = decoder(frames_of(vector))
        assert isinstance(message, m.BadRequest)
        assert message.fault.code == "E_PROTOCOL"
        reason = message.fault.message
    else:
        with pytest.raises(Invalid) as caught:
            decoder(frames_of(vector))
        reason = str(caught.value)
    assert vector["reason"].split(" ")[0].lower() in reason.lower()


def test_no_change_of_a_byte_raises_anything_but_invalid() -> None:
    tried = 0
    for file in ("messages-client", "messages-worker", "messages-plain"):
        for vector in load(file):
            decoder = DECODERS.get(vector["direction"])
            frames = frames_of(vector)
            if decoder is None or sum(map(len, frames)) > 1000:
                continue
            for at, frame in enumerate(frames):
                for place in range(0, len(frame), 3):
                    changed = bytearray(frame)
                    changed[place] = (changed[place] * 7 + 0xC1 + place) & 255
                    tried += 1
                    try:
                        decoder([*frames[:at], bytes(changed), *frames[at + 1 :]])
                    except Invalid:
                        continue
    assert tried > 1000


def test_a_fault_of_each_code_is_known() -> None:
    codes = {vector["message"]["fault"]["code"] for vector in load("errors") if "fault" in vector["message"]}
    assert codes <= set(ERROR_CATALOGUE)
    assert len(codes) > 20
    plain = [vector for vector in load("errors") if vector["direction"] == "broker-to-plain-client"]
    assert plain
    for vector in plain:
        message = decode.decode_to_plain_client(frames_of(vector))
        fault = decode.plain_error(message.body)
        assert fault is not None
        assert bytes(encode.plain_error_body(fault)[0]) == bytes(message.body[0])


def test_a_finish_task_carries_its_arrays() -> None:
    import numpy as np

    arrays = {"n": np.array([4096, 4096], "u8"), "matches": np.arange(8, dtype="u8").reshape(2, 4)}
    sent = m.Assign(7, "epoch", "26:abcdefghijklmnopqrstuvwx231", p.FinishTask({"max_lag": 4}, 2, arrays))
    got = decode.decode_to_worker(encode.encode_to_worker(sent))
    assert isinstance(got, m.Assign)
    assert isinstance(got.task, p.FinishTask)
    assert got.task.rows == 2
    assert got.task.arrays["matches"].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    with pytest.raises(Invalid, match="rows of numbers"):
        bad = m.Assign(7, "epoch", sent.job_id, p.FinishTask({}, 3, arrays))
        decode.decode_to_worker(encode.encode_to_worker(bad))
