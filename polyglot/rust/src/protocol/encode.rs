//! Messages to frames.
use rmpv::Value;

use super::codec::{map_of, number, pack};
use super::descriptor::Version;
use super::errors::Fault;
use super::frames::{client as c, envelope, worker as w, Frames, BXMC02, BXMW02, MDPC02, MDPW02, PLAIN_ERROR_MARK};
use super::messages::{Extent, FromClient, FromPlainWorker, FromWorker, Query, ReadTask, Task, TaskWork};

/// What a v2 worker sends.
pub fn encode_from_worker(message: FromWorker) -> Frames {
    let text = |text: String| Value::from(text);
    match message {
        FromWorker::Ready { descriptor, slot, credit } => {
            let map = [("descriptor", descriptor.to_value()), ("slot", text(slot)), ("credit", Value::from(credit))];
            envelope(BXMW02, w::READY, [descriptor.name.into_bytes(), pack(&map_of(map))])
        }
        FromWorker::Final { attempt, epoch, part, work } => {
            let map = map_of([
                ("attempt", Value::from(attempt)),
                ("epoch", text(epoch)),
                ("arrays", names(part.arrays.iter())),
                ("work", work_value(&work)),
            ]);
            let mut frames = envelope(BXMW02, w::FINAL, [pack(&map)]);
            frames.extend(part.frames);
            frames
        }
        FromWorker::Error { attempt, epoch, fault, work } => {
            let mut entries =
                vec![("attempt", Value::from(attempt)), ("epoch", text(epoch)), ("work", work_value(&work))];
            entries.extend(fault_entries(&fault));
            envelope(BXMW02, w::ERROR, [pack(&map_of(entries))])
        }
        FromWorker::Heartbeat(None) => envelope(BXMW02, w::HEARTBEAT, []),
        FromWorker::Heartbeat(Some((attempt, bytes_done))) => {
            let map = map_of([("attempt", Value::from(attempt)), ("bytesDone", Value::from(bytes_done))]);
            envelope(BXMW02, w::HEARTBEAT, [pack(&map)])
        }
        FromWorker::Disconnect => envelope(BXMW02, w::DISCONNECT, []),
    }
}

/// What a plain worker sends. An empty body is one empty frame.
pub fn encode_from_plain_worker(message: FromPlainWorker) -> Frames {
    let answer = |command, address: Vec<u8>, body: Frames| {
        let body = if body.is_empty() { vec![Vec::new()] } else { body };
        envelope(MDPW02, command, [address, Vec::new()].into_iter().chain(body))
    };
    match message {
        FromPlainWorker::Ready { service } => envelope(MDPW02, w::READY, [service.into_bytes()]),
        FromPlainWorker::Partial { address, body } => answer(w::PARTIAL, address, body),
        FromPlainWorker::Final { address, body } => answer(w::FINAL, address, body),
        FromPlainWorker::Heartbeat => envelope(MDPW02, w::HEARTBEAT, []),
        FromPlainWorker::Disconnect => envelope(MDPW02, w::DISCONNECT, []),
    }
}

/// What a v2 client sends.
pub fn encode_from_client(message: FromClient) -> Frames {
    match message {
        FromClient::Hello { client_id } => {
            envelope(BXMC02, c::HELLO, [pack(&map_of([("clientId", Value::from(client_id))]))])
        }
        FromClient::Request { request_id, job_id, query } => {
            let mut entries = vec![("requestId", Value::from(request_id))];
            entries.extend(job_id.map(|job_id| ("jobId", Value::from(job_id))));
            entries.extend(query_entries(&query));
            envelope(BXMC02, c::REQUEST, [query.service.into_bytes(), pack(&map_of(entries))])
        }
        FromClient::RawRequest { request_id, service, body } => {
            let map = map_of([("requestId", Value::from(request_id)), ("raw", Value::from(true))]);
            envelope(BXMC02, c::REQUEST, [service.into_bytes(), pack(&map)].into_iter().chain(body))
        }
        FromClient::Cancel { job_id, request_id } => {
            let job_id = job_id.map(|job_id| ("jobId", Value::from(job_id)));
            let request_id = request_id.map(|request_id| ("requestId", Value::from(request_id)));
            envelope(BXMC02, c::CANCEL, [pack(&map_of(job_id.into_iter().chain(request_id)))])
        }
        FromClient::Heartbeat { seen: None } => envelope(BXMC02, c::HEARTBEAT, []),
        FromClient::Heartbeat { seen: Some(seen) } => {
            envelope(BXMC02, c::HEARTBEAT, [pack(&map_of([("seen", Value::from(seen))]))])
        }
        FromClient::Disconnect => envelope(BXMC02, c::DISCONNECT, []),
    }
}

/// A plain client's request; an empty body is one empty frame.
pub fn encode_plain_request(service: &str, body: Frames) -> Frames {
    let body = if body.is_empty() { vec![Vec::new()] } else { body };
    envelope(MDPC02, c::REQUEST, [service.as_bytes().to_vec()].into_iter().chain(body))
}

/// A plain client's body for a service with a descriptor: one msgpack map.
pub fn plain_query_body(query: &Query) -> Frames {
    vec![pack(&map_of(query_entries(query)))]
}

/// An error to a plain client is a FINAL of two body frames (P-3).
pub fn plain_error_body(fault: &Fault) -> Frames {
    vec![PLAIN_ERROR_MARK.to_vec(), pack(&map_of(fault_entries(fault)))]
}

/// The task as a map, and the frames of its arrays.
pub fn encode_task(task: &Task) -> (Value, Frames) {
    match task {
        Task::Read(task) => (read_task_value(task), Vec::new()),
        Task::Finish(task) => {
            let map = map_of([
                ("kind", Value::from("finish")),
                ("params", task.params.to_value()),
                ("rows", Value::from(task.rows)),
                ("arrays", names(task.arrays.arrays.iter())),
            ]);
            (map, task.arrays.frames.clone())
        }
    }
}

fn read_task_value(task: &ReadTask) -> Value {
    let pair = |&(start, end): &(u64, u64)| Value::Array(vec![Value::from(start), Value::from(end)]);
    let input = |input: &super::messages::TaskInput| {
        let identity = &input.identity;
        let identity = map_of([
            ("dev", Value::from(identity.dev.as_str())),
            ("ino", Value::from(identity.ino.as_str())),
            ("size", Value::from(identity.size)),
            ("mtimeNs", Value::from(identity.mtime_ns.as_str())),
            ("ctimeNs", Value::from(identity.ctime_ns.as_str())),
        ]);
        map_of([("path", Value::Binary(input.path.clone())), ("identity", identity)])
    };
    let mut entries = vec![
        ("kind", Value::from(if task.sampled { "sample" } else { "exact" })),
        ("inputs", Value::Array(task.inputs.iter().map(input).collect())),
        ("runs", Value::Array(task.runs.iter().map(pair).collect())),
        ("cellBytes", Value::from(task.cell_bytes)),
        ("form", Value::from(task.form.text())),
        ("params", task.params.to_value()),
    ];
    entries.extend(task.read_ms_max.map(|ms| ("readMsMax", number(ms))));
    map_of(entries)
}

fn names<'a>(names: impl Iterator<Item = &'a String>) -> Value {
    Value::Array(names.map(|name| Value::from(name.as_str())).collect())
}

/// For the wire, and for the pipe to the compute process.
pub fn work_value(work: &TaskWork) -> Value {
    let mut entries = vec![("bytesRead", Value::from(work.bytes_read)), ("ms", number(work.ms))];
    entries.extend(work.seek_ms.map(|ms| ("seekMs", number(ms))));
    map_of(entries)
}

/// The entries of an error, those that it has.
pub fn fault_entries(fault: &Fault) -> Vec<(&'static str, Value)> {
    let mut entries = vec![("code", Value::from(fault.code.text())), ("message", Value::from(fault.message.as_str()))];
    entries.extend(fault.job_id.as_deref().map(|job_id| ("jobId", Value::from(job_id))));
    entries.extend(fault.service.as_deref().map(|service| ("service", Value::from(service))));
    let pair = |(start, end): (u64, u64)| Value::Array(vec![Value::from(start), Value::from(end)]);
    entries.extend(fault.range.map(|range| ("range", pair(range))));
    entries
}

fn query_entries(query: &Query) -> Vec<(&'static str, Value)> {
    let extent = |extent: &Extent| {
        let path = ("path", Value::Binary(extent.path.clone()));
        let length = ("length", extent.length.map_or(Value::Nil, Value::from));
        Value::Array(vec![map_of([path, ("offset", Value::from(0)), length])])
    };
    let version = query.version.as_ref().map(|version| match version {
        Version::Number(version) => Value::from(*version),
        Version::Text(version) => Value::from(version.as_str()),
    });
    let (start, end) = query.range;
    let mut entries: Vec<_> = version.map(|version| ("version", version)).into_iter().collect();
    entries.extend([
        ("inputs", Value::Array(query.inputs.iter().map(extent).collect())),
        ("range", Value::Array(vec![Value::from(start), end.map_or(Value::Nil, Value::from)])),
        ("cells", Value::from(query.cells)),
        ("snap", Value::from(query.snap)),
        ("params", query.params.to_value()),
        ("cache", Value::from(query.cache)),
    ]);
    entries
}
