//! Frames to messages. A fault of the peer's comes back as E_PROTOCOL with the reason; nothing panics on what was sent.
use rmpv::Value;

use super::codec::{entry, raw_entry, unpack_map};
use super::errors::{wrong, Fault};
use super::fields as read;
use super::frames::{client as c, worker as w, BXMC02, BXMW02, MDPC02, MDPW02};
use super::ids::is_token;
use super::messages::{FinishTask, Report, Task, ToClient, ToPlainClient, ToPlainWorker, ToWorker, Welcome};
use super::npy::{decode_npy, NamedArray};
use super::parts::PartFrames;

/// What a v2 worker received.
pub fn decode_to_worker(frames: &[Vec<u8>]) -> Result<ToWorker, Fault> {
    match command_of(frames, BXMW02)? {
        w::WELCOME => welcome(frames).map(ToWorker::Welcome),
        w::REQUEST => assign(frames),
        w::CANCEL => {
            let it = only_map(frames)?;
            Ok(ToWorker::Cancel {
                job_id: read::job_id(&it)?,
                attempts: read::attempts(&it)?,
                waiting: read::flag(&it, "waiting")?,
            })
        }
        w::HEARTBEAT => optional_map(frames).map(|()| ToWorker::Heartbeat),
        w::DISCONNECT => optional_map(frames).map(|()| ToWorker::Disconnect),
        _ => Err(wrong("command", "one that a broker sends to a worker")),
    }
}

/// What a v2 client received.
pub fn decode_to_client(frames: &[Vec<u8>]) -> Result<ToClient, Fault> {
    match command_of(frames, BXMC02)? {
        c::WELCOME => welcome(frames).map(ToClient::Welcome),
        command @ (c::PARTIAL | c::FINAL) => answer(command == c::FINAL, frames),
        c::ERROR => {
            let it = only_map(frames)?;
            Ok(ToClient::Error { request_id: read::int(&it, "requestId", 0)?, fault: read::fault(&it)? })
        }
        c::CANCEL => {
            let it = only_map(frames)?;
            let outcome = read::text(&it, "outcome")?;
            if !["cancelled", "ended", "unknown"].contains(&outcome.as_str()) {
                return Err(wrong("outcome", "a known one"));
            }
            Ok(ToClient::CancelAck { job_id: read::text(&it, "jobId")?, outcome })
        }
        c::HEARTBEAT => optional_map(frames).map(|()| ToClient::Heartbeat),
        c::DISCONNECT => optional_map(frames).map(|()| ToClient::Disconnect),
        _ => Err(wrong("command", "one that a broker sends to a client")),
    }
}

/// What a plain worker received.
pub fn decode_to_plain_worker(frames: &[Vec<u8>]) -> Result<ToPlainWorker, Fault> {
    match (command_of(frames, MDPW02)?, frames) {
        (w::REQUEST, [_, _, address, empty, body @ ..]) if empty.is_empty() && !body.is_empty() => {
            Ok(ToPlainWorker::Request { address: address.clone(), body: body.to_vec() })
        }
        (w::REQUEST, _) => Err(wrong("REQUEST", "an address, an empty frame and a body")),
        (w::HEARTBEAT, [_, _]) => Ok(ToPlainWorker::Heartbeat),
        (w::DISCONNECT, [_, _]) => Ok(ToPlainWorker::Disconnect),
        _ => Err(wrong("message", "one that a broker sends to a worker")),
    }
}

/// What a plain client received.
pub fn decode_to_plain_client(frames: &[Vec<u8>]) -> Result<ToPlainClient, Fault> {
    match (command_of(frames, MDPC02)?, frames) {
        (command @ (c::PARTIAL | c::FINAL), [_, _, name, body @ ..]) if !body.is_empty() => {
            Ok(ToPlainClient { is_final: command == c::FINAL, service: service_of(name)?, body: body.to_vec() })
        }
        _ => Err(wrong("message", "a PARTIAL or FINAL with a body")),
    }
}

/// The body frames of a report, as every client gets them: header map, then arrays.
pub fn decode_report(frames: &[Vec<u8>]) -> Result<Report, Fault> {
    let it = unpack_map(frame_at(frames, 0)?)?;
    let arrays = arrays_of(&it, &frames[1..])?;
    let inputs = read::list(&it, "inputs")?;
    for input in inputs {
        read::bytes(input, "path")?;
        read::int(input, "size", 0)?;
        read::text(input, "identity")?;
    }
    for name in ["bytesRead", "bytesHashed", "tasks", "chunksCached", "chunksComputed"] {
        read::int(read::map(&it, "work")?, name, 0)?;
    }
    let scalars = read::map(&it, "scalars")?.as_map().expect("it is a map");
    let named = |(key, value): &(Value, Value)| {
        let name = key.as_str().unwrap_or_default().to_string();
        read::scalar(&name, value).map(|scalar| (name, scalar))
    };
    Ok(Report {
        job_id: read::job_id(&it)?,
        service: read::text(&it, "service")?,
        range: read::pair(entry(&it, "range").unwrap_or(&Value::Nil), "range")?,
        completion: read::num(&it, "completion")?,
        exact: read::flag(&it, "exact")?,
        cell_bytes: read::int(&it, "cellBytes", 0)?,
        scalars: scalars.iter().map(named).collect::<Result<_, _>>()?,
        arrays,
    })
}

/// The task in that map; the arrays of a finish task stand in the frames behind it.
pub fn decode_task(it: &Value, frames: &[Vec<u8>]) -> Result<Task, Fault> {
    if entry(it, "kind").and_then(Value::as_str) != Some("finish") {
        exactly(frames, 0)?;
        return read::read_task(it).map(Task::Read);
    }
    let rows = read::int(it, "rows", 1)? as usize;
    // Whether the frames fit the service's fields is for the engine to say, which knows them.
    let arrays = PartFrames { arrays: read::names(it, frames.len())?, frames: frames.to_vec() };
    Ok(Task::Finish(FinishTask { params: read::params(it)?, rows, arrays }))
}

fn assign(frames: &[Vec<u8>]) -> Result<ToWorker, Fault> {
    let it = unpack_map(frame_at(frames, 2)?)?;
    Ok(ToWorker::Assign {
        attempt: read::int(&it, "attempt", 1)?,
        epoch: read::token(&it, "epoch")?,
        job_id: read::job_id(&it)?,
        task: decode_task(read::map(&it, "task")?, &frames[3..])?,
    })
}

fn answer(is_final: bool, frames: &[Vec<u8>]) -> Result<ToClient, Fault> {
    let service = service_of(frame_at(frames, 2)?)?;
    let it = unpack_map(frame_at(frames, 3)?)?;
    let request_id = read::int(&it, "requestId", 0)?;
    if raw_entry(&it, "raw") == Some(&Value::Boolean(true)) {
        let body = frames[4..].to_vec();
        return Ok(match is_final {
            true => ToClient::RawFinal { request_id, service, body },
            false => ToClient::RawPartial { request_id, service, body },
        });
    }
    let report = decode_report(&frames[3..])?;
    Ok(match is_final {
        true => ToClient::Final { request_id, report },
        false => ToClient::Partial { request_id, report },
    })
}

fn welcome(frames: &[Vec<u8>]) -> Result<Welcome, Fault> {
    let it = only_map(frames)?;
    let limits = read::map(&it, "limits")?;
    Ok(Welcome {
        heartbeat_ms: read::int(&it, "heartbeatMs", 1)?,
        cancel_endpoint: read::text(&it, "cancelEndpoint")?,
        epoch: read::token(&it, "epoch")?,
        message_bytes_max: read::int(limits, "messageBytesMax", 0)?,
        jobs_max: read::int(limits, "jobsMax", 0)?,
    })
}

fn arrays_of(it: &Value, frames: &[Vec<u8>]) -> Result<Vec<(String, NamedArray)>, Fault> {
    let names = read::names(it, frames.len())?;
    names.into_iter().zip(frames).map(|(name, frame)| Ok((name, decode_npy(frame)?))).collect()
}

/// The command of a message with that header.
fn command_of(frames: &[Vec<u8>], header: &[u8]) -> Result<u8, Fault> {
    match frames {
        [first, command, ..] if first == header => match command[..] {
            [command] => Ok(command),
            _ => Err(wrong("the second frame", "one command byte")),
        },
        [first, ..] if first == header => Err(wrong("the second frame", "one command byte")),
        _ => Err(wrong("the first frame", &String::from_utf8_lossy(header))),
    }
}

fn frame_at(frames: &[Vec<u8>], at: usize) -> Result<&Vec<u8>, Fault> {
    frames.get(at).ok_or_else(|| wrong("message", &format!("of at least {} frames", at + 1)))
}

fn exactly(frames: &[Vec<u8>], count: usize) -> Result<(), Fault> {
    if frames.len() == count {
        Ok(())
    } else {
        Err(wrong("message", &format!("of {count} frames there")))
    }
}

/// The header map of a message that is nothing else.
fn only_map(frames: &[Vec<u8>]) -> Result<Value, Fault> {
    exactly(frames, 3)?;
    unpack_map(&frames[2])
}

/// A heartbeat or disconnect may carry a header map, which must then be one.
fn optional_map(frames: &[Vec<u8>]) -> Result<(), Fault> {
    match frames {
        [_, _] => Ok(()),
        [_, _, map] => unpack_map(map).map(|_| ()),
        _ => Err(wrong("message", "of two or three frames")),
    }
}

fn service_of(frame: &[u8]) -> Result<String, Fault> {
    if is_token(frame) {
        Ok(String::from_utf8_lossy(frame).into_owned())
    } else {
        Err(wrong("service", "1 to 255 printable ASCII characters"))
    }
}
