//! The compute process: gets tasks one at a time, answers each with its part or its fault. Holds no ZeroMQ socket and no
//! state between tasks; the worker may end it at any moment.
//!
//! Its standard input is its end of a pair of Unix sockets. One thread reads there, so that a cancellation comes in while
//! the other one computes; when the worker is gone, so is this process, whatever it computes.
use std::fs::File;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{mpsc, Arc, Mutex};
use std::time::{Duration, Instant};

use rmpv::Value;

use super::definition::{Loaded, Watch};
use super::engine::Engine;
use super::pipe::{write_message, Inbox};
use super::source::Roots;
use crate::protocol::codec::map_of;
use crate::protocol::decode::decode_task;
use crate::protocol::encode::{fault_entries, work_value};
use crate::protocol::errors::{fail, ErrorCode, Fault};
use crate::protocol::fields as read;
use crate::protocol::messages::Task;

/// Progress is told so often at the most.
const PROGRESS_EVERY: Duration = Duration::from_millis(20);

struct Order {
    id: u64,
    service: String,
    task: Task,
}

/// Computes what comes in until the worker is gone; does not return.
pub(crate) fn compute(services: Vec<Loaded>, roots: Roots) -> ! {
    let stream = take_stdin().unwrap_or_else(|error| panic!("a compute process is started by a worker: {error}"));
    // What a terminal says reaches the whole group; the worker decides what becomes of this process.
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGHUP] {
        let _ = signal_hook::flag::register(signal, Arc::default());
    }
    services.iter().for_each(|loaded| loaded.service.prepare());
    let engines: Vec<Engine> = services.into_iter().map(|loaded| Engine::new(loaded, roots.clone())).collect();
    let cancelled = Arc::new(AtomicU64::new(0));
    let (sender, orders) = mpsc::channel();
    let from = stream.try_clone().expect("a socket has a second handle");
    std::thread::spawn({
        let cancelled = cancelled.clone();
        move || listen(from, &sender, &cancelled)
    });
    let to = Mutex::new(stream);
    tell(&to, map_of([("kind", Value::from("loaded"))]), &[]);
    while let Ok(Order { id, service, task }) = orders.recv() {
        let watch = Watcher { id, cancelled: &cancelled, to: &to, told: Mutex::new((Instant::now(), 0)) };
        let (result, work) = match engines.iter().find(|engine| engine.name() == service) {
            Some(engine) => engine.run_watched(&task, &watch),
            None => (Err(fail(ErrorCode::NoService, format!("no service {service} here"))), Default::default()),
        };
        answer(&to, id, result, work_value(&work));
    }
    std::process::exit(0)
}

fn answer(to: &Mutex<UnixStream>, id: u64, result: Result<crate::protocol::parts::PartFrames, Fault>, work: Value) {
    let mut entries = vec![("id", Value::from(id)), ("work", work)];
    match result {
        Ok(part) => {
            let arrays = part.arrays.into_iter().map(Value::from).collect();
            entries.extend([("kind", Value::from("computed")), ("arrays", Value::Array(arrays))]);
            tell(to, map_of(entries), &part.frames);
        }
        Err(fault) => {
            entries.push(("kind", Value::from("failed")));
            entries.extend(fault_entries(&fault));
            tell(to, map_of(entries), &[]);
        }
    }
}

/// A worker that does not listen any more is gone.
fn tell(to: &Mutex<UnixStream>, map: Value, frames: &[Vec<u8>]) {
    let mut to = to.lock().expect("nobody panics with the socket");
    if write_message(&mut *to, &map, frames).is_err() {
        std::process::exit(0);
    }
}

fn listen(mut from: UnixStream, orders: &mpsc::Sender<Order>, cancelled: &AtomicU64) {
    let mut inbox = Inbox::default();
    while inbox.read_from(&mut from).unwrap_or(false) {
        while let Some((map, frames)) = inbox.next() {
            let id = read::int(&map, "id", 1).expect("a task has a number");
            if read::text(&map, "kind").as_deref() == Ok("abort") {
                cancelled.store(id, Ordering::SeqCst);
                continue;
            }
            let service = read::text(&map, "service").expect("a task has a service");
            let task = read::map(&map, "task").and_then(|task| decode_task(task, &frames));
            let order = Order { id, service, task: task.expect("a task that was read once") };
            if orders.send(order).is_err() {
                break;
            }
        }
    }
    std::process::exit(0);
}

/// The socket off descriptor 0, and /dev/null in its place: what the author reads there is nobody's message.
fn take_stdin() -> io::Result<UnixStream> {
    // SAFETY: dup of an open descriptor gives one that is ours alone; dup2 closes 0, which std never owns as a handle.
    unsafe {
        let socket = libc::fcntl(0, libc::F_DUPFD_CLOEXEC, 3);
        if socket < 0 {
            return Err(io::Error::last_os_error());
        }
        let socket = OwnedFd::from_raw_fd(socket);
        let null = File::open("/dev/null")?;
        if libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&null), 0) < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(UnixStream::from(socket))
    }
}

struct Watcher<'a> {
    id: u64,
    cancelled: &'a AtomicU64,
    to: &'a Mutex<UnixStream>,
    /// When progress was told last, and what.
    told: Mutex<(Instant, u64)>,
}

impl Watch for Watcher<'_> {
    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed) == self.id
    }

    fn progressed(&self, bytes_done: u64) {
        let mut told = self.told.lock().expect("nobody panics with it");
        if bytes_done > told.1 && told.0.elapsed() >= PROGRESS_EVERY {
            *told = (Instant::now(), bytes_done);
            let entries =
                [("kind", "progress".into()), ("id", Value::from(self.id)), ("bytesDone", Value::from(bytes_done))];
            tell(self.to, map_of(entries), &[]);
        }
    }
}
