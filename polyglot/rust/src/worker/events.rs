//! What a worker's core is told and what it tells its shell to do: two closed unions. Events are past tense, commands
//! imperative; sends are fire-and-forget.
//!
//! `run` numbers the tasks that this core ever started: a restarted broker counts attempts from 1 again while the
//! process may still be busy with one of its last life.
use crate::protocol::errors::Fault;
use crate::protocol::messages::{FromWorker, Task, TaskWork, ToWorker};
use crate::protocol::parts::PartFrames;

/// What happened.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Event {
    Started,
    /// A message of the socket that was opened last, or what was wrong with it.
    Received(Result<ToWorker, Fault>),
    /// A cancellation off the PUB socket, for all workers: most know nothing of the job.
    CancelPublished {
        job_id: String,
    },
    TaskComputed {
        run: u64,
        part: PartFrames,
        work: TaskWork,
    },
    TaskFailed {
        run: u64,
        fault: Fault,
        work: TaskWork,
    },
    TaskProgressed {
        run: u64,
        bytes_done: u64,
    },
    DeadlineReached,
    StopRequested,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Command {
    /// A fresh socket with a new routing id; the core closes the old one first.
    OpenSocket,
    /// What was sent before goes out if it can go at once; nothing else does.
    CloseSocket,
    Send(FromWorker),
    /// Listen to cancellations there; the same endpoint again is no change.
    Subscribe {
        endpoint: String,
    },
    /// Ends in one TaskComputed or TaskFailed of this run, unless its process is replaced.
    StartTask {
        run: u64,
        task: Task,
    },
    /// Ask the kernel to stop; it may not listen.
    AbortTask {
        run: u64,
    },
    /// End the process that computes this run, whatever it does, and have another.
    ReplaceProcess {
        run: u64,
    },
}
