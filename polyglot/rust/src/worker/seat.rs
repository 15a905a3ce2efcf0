//! One core's place in a slot: its socket and the task that it has on the bench. Never decides.
use super::core::WorkerCore;
use super::options::WorkerOptions;
use crate::protocol::errors::{fail, ErrorCode, Fault};
use crate::protocol::frames::Frames;

/// So long may a last message take to leave a socket that was closed, in milliseconds.
const FAREWELL_MS: i32 = 100;
/// Messages taken from one socket in a turn.
const TURN_MESSAGES_MAX: usize = 64;

pub(crate) struct Seat {
    pub core: WorkerCore,
    pub name: String,
    pub socket: Option<zmq::Socket>,
    /// Of the run that the core started last: the bench's own number for it.
    pub started: Option<(u64, u64)>,
}

impl Seat {
    pub fn new(options: WorkerOptions) -> Result<Seat, Fault> {
        let name = options.descriptor.name.clone();
        Ok(Seat { core: WorkerCore::new(options)?, name, socket: None, started: None })
    }

    pub fn close(&mut self) {
        if let Some(socket) = self.socket.take() {
            let _ = socket.set_linger(FAREWELL_MS);
        }
    }

    pub fn send(&self, frames: Frames) {
        if let Some(socket) = &self.socket {
            // Nothing is ever too much for the queue; a socket that fails is silent, and then begun anew.
            let _ = socket.send_multipart(frames, zmq::DONTWAIT);
        }
    }

    /// The bench's number of that run.
    pub fn task_of(&self, run: u64) -> Option<u64> {
        self.started.filter(|(started, _)| *started == run).map(|(_, task)| task)
    }

    /// The run that has that number on the bench.
    pub fn run_of(&self, task: u64) -> Option<u64> {
        self.started.filter(|(_, started)| *started == task).map(|(run, _)| run)
    }
}

/// A fresh DEALER, connected in the background, again and again, as libzmq does; what is sent meanwhile waits.
pub(crate) fn dealer(context: &zmq::Context, endpoint: &str) -> Result<zmq::Socket, Fault> {
    let bad = |error: zmq::Error| fail(ErrorCode::Usage, format!("no socket to {endpoint}: {error}"));
    let socket = context.socket(zmq::DEALER).map_err(bad)?;
    socket.set_linger(0).map_err(bad)?;
    socket.set_sndhwm(0).map_err(bad)?;
    socket.connect(endpoint).map_err(bad)?;
    Ok(socket)
}

/// What has arrived at a socket, a turn's worth.
pub(crate) fn received(socket: &zmq::Socket) -> Vec<Frames> {
    std::iter::from_fn(|| socket.recv_multipart(zmq::DONTWAIT).ok()).take(TURN_MESSAGES_MAX).collect()
}
