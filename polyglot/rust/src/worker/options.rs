//! Options of a worker's core.
use crate::protocol::descriptor::Descriptor;
use crate::protocol::errors::{fail, ErrorCode, Fault};

/// What a core is made of. Times are milliseconds.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// What the worker says of itself in READY.
    pub descriptor: Descriptor,
    /// The place where one task at a time runs; workers of one process share it.
    pub slot: String,
    /// Unanswered attempts that the broker may give at a time, the running one among them.
    pub credit: u64,
    /// Attempts held at a time at the very most; more are answered E_BUSY. At least `credit`.
    pub held_max: usize,
    /// Heartbeat interval until WELCOME names the agreed one; 5 of them without WELCOME mean another socket.
    pub heartbeat_ms: f64,
    /// A task without progress for so long fails with E_STALLED and loses its process.
    pub task_stall_ms: f64,
    /// A kernel that was asked to stop has so long before it loses its process.
    pub cancel_grace_ms: f64,
    /// Waits between conversations that end soon: none, then this, doubled each time …
    pub reconnect_min_ms: f64,
    /// … up to this.
    pub reconnect_max_ms: f64,
}

impl WorkerOptions {
    /// The usual ones.
    pub fn new(descriptor: Descriptor, slot: impl Into<String>) -> WorkerOptions {
        WorkerOptions {
            descriptor,
            slot: slot.into(),
            credit: 16,
            held_max: 64,
            heartbeat_ms: 1000.0,
            task_stall_ms: 10_000.0,
            cancel_grace_ms: 100.0,
            reconnect_min_ms: 50.0,
            reconnect_max_ms: 5000.0,
        }
    }

    /// E_USAGE names the option and its value.
    pub fn check(&self) -> Result<(), Fault> {
        let bad = |what: String| Err(fail(ErrorCode::Usage, what));
        let positive = [
            ("credit", self.credit as f64, 1.0),
            ("held_max", self.held_max as f64, 1.0),
            ("heartbeat_ms", self.heartbeat_ms, 1.0),
            ("task_stall_ms", self.task_stall_ms, 1.0),
            ("cancel_grace_ms", self.cancel_grace_ms, 0.0),
            ("reconnect_min_ms", self.reconnect_min_ms, 1.0),
            ("reconnect_max_ms", self.reconnect_max_ms, 1.0),
        ];
        for (name, value, least) in positive {
            if !(value.is_finite() && value >= least) {
                return bad(format!("{name} is {value}; it takes a number from {least}"));
            }
        }
        if (self.held_max as u64) < self.credit {
            return bad(format!("held_max is {}; it takes at least credit, {}", self.held_max, self.credit));
        }
        if self.reconnect_max_ms < self.reconnect_min_ms {
            return bad(format!("reconnect_max_ms is {}; it takes at least reconnect_min_ms", self.reconnect_max_ms));
        }
        Ok(())
    }
}
