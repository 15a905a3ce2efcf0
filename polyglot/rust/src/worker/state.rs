//! The states of a worker's core: two small machines side by side. A state carries only what belongs to it.
use std::collections::VecDeque;

use crate::protocol::errors::{fail, ErrorCode, Fault};
use crate::protocol::liveness::Liveness;
use crate::protocol::messages::Task;

/// What is to be answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Assignment {
    pub attempt: u64,
    pub epoch: String,
    pub job_id: String,
}

/// resting → unregistered (READY sent) → registered (WELCOME came) → resting or unregistered; any → stopped.
#[derive(Debug)]
pub(crate) enum Conversation {
    /// Not begun, or between two sockets; until infinity: waits for `Started`.
    Resting {
        until: f64,
    },
    Unregistered {
        liveness: Liveness,
        opened_at: f64,
    },
    Registered {
        liveness: Liveness,
        opened_at: f64,
        message_bytes_max: u64,
        queue: VecDeque<(Assignment, Task)>,
    },
    Stopped,
}

/// free → busy → free, or busy → aborting → free. It outlives the conversation: a kernel does not stop because a broker
/// went away.
#[derive(Debug)]
pub(crate) enum Process {
    Free,
    Busy {
        run: u64,
        assignment: Assignment,
        bytes_done: u64,
        progress_at: f64,
    },
    /// `assignment` none: its conversation ended, nobody waits for an answer. At `until` the process is replaced.
    Aborting {
        run: u64,
        assignment: Option<Assignment>,
        bytes_done: u64,
        until: f64,
    },
}

/// What a cancelled attempt is answered.
pub(crate) fn cancelled() -> Fault {
    fail(ErrorCode::Cancelled, "the task was cancelled")
}
