//! Every message that this crate sends or receives, as a record. decode.rs and encode.rs make them from frames and back.
use super::descriptor::{Descriptor, Form};
use super::errors::Fault;
use super::frames::Frames;
use super::npy::NamedArray;
use super::params::Params;
use super::parts::PartFrames;

/// What tells two states of a file apart without reading it. Numbers past 2^53−1 travel as text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct StatIdentity {
    pub dev: String,
    pub ino: String,
    pub size: u64,
    pub mtime_ns: String,
    pub ctime_ns: String,
}

/// A file of a task, and which state of it is meant.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct TaskInput {
    pub path: Vec<u8>,
    pub identity: StatIdentity,
}

/// A task that reads: `sampled` ones have several short runs, ascending, each inside one cell; exact ones have one.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct ReadTask {
    pub sampled: bool,
    pub inputs: Vec<TaskInput>,
    /// [start, end) in bytes of the first input.
    pub runs: Vec<(u64, u64)>,
    /// Cells of the part: multiples of this from offset 0; 0: none.
    pub cell_bytes: u64,
    pub form: Form,
    pub params: Params,
    /// A sample that would spend longer on reading, in milliseconds, reads fewer of its runs.
    pub read_ms_max: Option<f64>,
}

/// A task that turns merged rows into what a report shows (section 9.6): frames of `n` and of fields, `rows` rows each.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct FinishTask {
    pub params: Params,
    pub rows: usize,
    pub arrays: PartFrames,
}

/// What a worker gets.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Task {
    Read(ReadTask),
    Finish(FinishTask),
}

/// What a task cost; `seek_ms`: mean time of a short read elsewhere than where the last one ended.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct TaskWork {
    pub bytes_read: u64,
    pub ms: f64,
    pub seek_ms: Option<f64>,
}

/// The answer to HELLO and READY.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Welcome {
    pub heartbeat_ms: u64,
    pub cancel_endpoint: String,
    pub epoch: String,
    pub message_bytes_max: u64,
    pub jobs_max: u64,
}

/// What a v2 worker receives.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum ToWorker {
    Welcome(Welcome),
    Assign {
        attempt: u64,
        epoch: String,
        job_id: String,
        task: Task,
    },
    /// `waiting`: only what has not begun.
    Cancel {
        job_id: String,
        attempts: Vec<u64>,
        waiting: bool,
    },
    Heartbeat,
    Disconnect,
}

/// What a v2 worker sends.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum FromWorker {
    Ready {
        descriptor: Descriptor,
        slot: String,
        credit: u64,
    },
    Final {
        attempt: u64,
        epoch: String,
        part: PartFrames,
        work: TaskWork,
    },
    Error {
        attempt: u64,
        epoch: String,
        fault: Fault,
        work: TaskWork,
    },
    /// Of a worker that computes: the attempt, and the bytes of it that are done.
    Heartbeat(Option<(u64, u64)>),
    Disconnect,
}

/// What a plain worker receives.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum ToPlainWorker {
    Request { address: Vec<u8>, body: Frames },
    Heartbeat,
    Disconnect,
}

/// What a plain worker sends.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum FromPlainWorker {
    Ready { service: String },
    Partial { address: Vec<u8>, body: Frames },
    Final { address: Vec<u8>, body: Frames },
    Heartbeat,
    Disconnect,
}

/// A whole file: its absolute path, and its size where the asker knows it.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Extent {
    pub path: Vec<u8>,
    pub length: Option<u64>,
}

/// What a client asks of a service with a descriptor.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Query {
    pub service: String,
    pub version: Option<super::descriptor::Version>,
    /// One or two.
    pub inputs: Vec<Extent>,
    /// Negative numbers count from the end; end none: the end.
    pub range: (i64, Option<i64>),
    pub cells: u64,
    pub snap: bool,
    pub params: Params,
    pub cache: bool,
}

/// What a v2 client sends.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum FromClient {
    Hello {
        client_id: String,
    },
    Request {
        request_id: u64,
        job_id: Option<String>,
        query: Query,
    },
    RawRequest {
        request_id: u64,
        service: String,
        body: Frames,
    },
    Cancel {
        job_id: Option<String>,
        request_id: Option<u64>,
    },
    /// A large report of that request has come.
    Heartbeat {
        seen: Option<u64>,
    },
    Disconnect,
}

/// A scalar of a report.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Scalar {
    Number(f64),
    Flag(bool),
    Unknown,
    Stretch { start: u64, length: u64 },
}

/// A report: what a small client needs of it.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Report {
    pub job_id: String,
    pub service: String,
    pub range: (u64, u64),
    /// Exact bytes by all bytes, 0 to 1.
    pub completion: f64,
    pub exact: bool,
    /// Cell width in bytes; 0: no cells.
    pub cell_bytes: u64,
    pub scalars: Vec<(String, Scalar)>,
    /// `cells.<name>` along the cells, others whole.
    pub arrays: Vec<(String, NamedArray)>,
}

/// What a v2 client receives.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum ToClient {
    Welcome(Welcome),
    Partial { request_id: u64, report: Report },
    Final { request_id: u64, report: Report },
    RawPartial { request_id: u64, service: String, body: Frames },
    RawFinal { request_id: u64, service: String, body: Frames },
    Error { request_id: u64, fault: Fault },
    CancelAck { job_id: String, outcome: String },
    Heartbeat,
    Disconnect,
}

/// What a plain client receives.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct ToPlainClient {
    pub is_final: bool,
    pub service: String,
    pub body: Frames,
}
