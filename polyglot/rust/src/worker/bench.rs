//! The worker's hold on its compute processes: one computes, one task at a time, and others wait in order; a warm spare
//! takes its place where it is ended by force. Owns the processes.
//!
//! Each accepted task ends in exactly one end, unless it was given up by `replace`. A process that dies takes the
//! running task with it (E_SERVICE) and nothing else.
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rmpv::Value;

use super::pipe::{write_message, Inbox};
use super::state::cancelled;
use crate::protocol::codec::map_of;
use crate::protocol::encode::encode_task;
use crate::protocol::errors::{fail, ErrorCode, Fault};
use crate::protocol::fields as read;
use crate::protocol::frames::Frames;
use crate::protocol::messages::{Task, TaskWork};
use crate::protocol::parts::PartFrames;

/// The first argument of a compute process.
pub(crate) const COMPUTE_ARGUMENT: &str = "--binglide-compute";
/// A process that takes no bytes for so long is as good as dead.
const WRITE_TIMEOUT: Duration = Duration::from_secs(1);

/// Looks at a process that is dying, and how long apart.
const DEATH_LOOKS: u32 = 20;
const DEATH_LOOK: Duration = Duration::from_millis(5);

/// How a task ended.
pub(crate) struct TaskEnd {
    pub id: u64,
    pub result: Result<PartFrames, Fault>,
    pub work: TaskWork,
}

struct Job {
    id: u64,
    service: String,
    task: Task,
}

struct Compute {
    child: Child,
    stream: UnixStream,
    inbox: Inbox,
}

pub(crate) struct Bench {
    program: PathBuf,
    arguments: Vec<std::ffi::OsString>,
    current: Compute,
    spare: Option<Compute>,
    /// Killed, and perhaps not yet dead.
    ended: Vec<Child>,
    is_loaded: bool,
    running: Option<Job>,
    bytes_done: u64,
    waiting: VecDeque<Job>,
    ids: u64,
    ends: Vec<TaskEnd>,
}

impl Bench {
    /// Starts the first process at once, so that the first task finds it warm.
    pub fn start(roots: &[PathBuf]) -> Result<Bench, Fault> {
        let failed = |error: io::Error| fail(ErrorCode::Io, format!("no compute process: {error}"));
        let program = this_program().map_err(failed)?;
        let mut arguments = vec![COMPUTE_ARGUMENT.into()];
        arguments.extend(roots.iter().flat_map(|root| ["--root".into(), root.clone().into_os_string()]));
        let current = open(&program, &arguments).map_err(failed)?;
        Ok(Bench {
            program,
            arguments,
            current,
            spare: None,
            ended: Vec::new(),
            is_loaded: false,
            running: None,
            bytes_done: 0,
            waiting: VecDeque::new(),
            ids: 0,
            ends: Vec::new(),
        })
    }

    /// What to poll for reading: then `turn` is due.
    pub fn descriptor(&self) -> RawFd {
        self.current.stream.as_raw_fd()
    }

    /// The process can compute: nothing is asked of the broker before.
    pub fn is_loaded(&self) -> bool {
        self.is_loaded
    }

    /// The running task, and how many bytes of it are done.
    pub fn progress(&self) -> Option<(u64, u64)> {
        self.running.as_ref().map(|job| (job.id, self.bytes_done))
    }

    /// The task's number, for the calls below.
    pub fn begin(&mut self, service: &str, task: Task) -> u64 {
        self.ids += 1;
        self.waiting.push_back(Job { id: self.ids, service: service.to_string(), task });
        self.next();
        self.ids
    }

    /// Asks the kernel to stop. One that has not begun ends at once.
    pub fn abort(&mut self, id: u64) {
        let before = self.waiting.len();
        self.waiting.retain(|job| job.id != id);
        if self.waiting.len() < before {
            self.ends.push(TaskEnd { id, result: Err(cancelled()), work: TaskWork::default() });
        } else if self.running.as_ref().is_some_and(|job| job.id == id) {
            self.send(map_of([("kind", Value::from("abort")), ("id", Value::from(id))]), &Vec::new());
        }
    }

    /// Gives the task up, with the process if that is busy with it.
    pub fn replace(&mut self, id: u64) {
        self.waiting.retain(|job| job.id != id);
        if self.running.as_ref().is_some_and(|job| job.id == id) {
            self.running = None;
            self.promote();
            self.next();
        }
    }

    /// Reads what the process says; gives the tasks that ended since.
    pub fn turn(&mut self) -> Vec<TaskEnd> {
        let alive = self.current.inbox.read_from(&mut self.current.stream).unwrap_or(false);
        while let Some((map, frames)) = self.current.inbox.next() {
            self.on_message(&map, frames);
        }
        if !alive {
            self.on_death();
        }
        self.take_ends()
    }

    /// Ends that wait without the process having said anything.
    pub fn take_ends(&mut self) -> Vec<TaskEnd> {
        std::mem::take(&mut self.ends)
    }

    fn on_message(&mut self, map: &Value, frames: Frames) {
        let kind = read::text(map, "kind").unwrap_or_default();
        if kind == "loaded" {
            self.is_loaded = true;
            // The spare is started when there is time for it.
            self.ensure_spare();
            return;
        }
        let id = read::int(map, "id", 1).unwrap_or(0);
        if self.running.as_ref().map(|job| job.id) != Some(id) {
            return;
        }
        if kind == "progress" {
            self.bytes_done = read::int(map, "bytesDone", 0).unwrap_or(self.bytes_done);
            return;
        }
        self.running = None;
        let result = match kind.as_str() {
            "computed" => read::names(map, frames.len()).map(|arrays| PartFrames { arrays, frames }),
            _ => read::fault(map).and_then(Err),
        };
        self.ends.push(TaskEnd { id, result, work: read::work(map).unwrap_or_default() });
        self.next();
    }

    fn on_death(&mut self) {
        let cause = cause_of_death(&mut self.current.child);
        if let Some(Job { id, service, .. }) = self.running.take() {
            let fault = fail(ErrorCode::Service, format!("{service} ended its process: {cause}"));
            self.ends.push(TaskEnd { id, result: Err(fault), work: TaskWork::default() });
        } else if !self.is_loaded {
            // What does not even start will not start the next time.
            eprintln!("binglide: the compute process ended before it began: {cause} (E_SERVICE)");
            std::process::exit(1);
        }
        self.promote();
        self.next();
    }

    fn promote(&mut self) {
        let next = self.spare.take().map_or_else(|| open(&self.program, &self.arguments), Ok);
        let next = next.unwrap_or_else(|error| {
            eprintln!("binglide: no compute process: {error} (E_IO)");
            std::process::exit(1)
        });
        let mut old = std::mem::replace(&mut self.current, next);
        let _ = old.child.kill();
        self.ended.push(old.child);
        // One that waits for a disk dies when that answers: nobody waits for it here.
        self.ended.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
    }

    fn ensure_spare(&mut self) {
        if self.spare.is_none() {
            self.spare = open(&self.program, &self.arguments).ok();
        }
    }

    fn next(&mut self) {
        if self.running.is_some() {
            return;
        }
        let Some(job) = self.waiting.pop_front() else { return };
        let (task, frames) = encode_task(&job.task);
        let entries = [("kind", "run".into()), ("id", job.id.into()), ("service", job.service.as_str().into())];
        self.bytes_done = 0;
        self.running = Some(job);
        self.send(map_of(entries.into_iter().chain([("task", task)])), &frames);
    }

    /// What cannot be written is found out by `turn`: a dead process ends its socket.
    fn send(&mut self, map: Value, frames: &Frames) {
        if write_message(&mut self.current.stream, &map, frames).is_err() {
            let _ = self.current.child.kill();
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        for compute in [Some(&mut self.current), self.spare.as_mut()].into_iter().flatten() {
            let _ = compute.child.kill();
        }
    }
}

/// The process closed its end: it is dying, or as good as dead.
fn cause_of_death(child: &mut Child) -> String {
    for _ in 0..DEATH_LOOKS {
        match child.try_wait() {
            Ok(Some(status)) => match status.signal() {
                Some(signal) => return format!("signal {signal}"),
                None => return format!("exit code {}", status.code().unwrap_or(-1)),
            },
            Ok(None) => std::thread::sleep(DEATH_LOOK),
            Err(error) => return error.to_string(),
        }
    }
    "it closed its pipe".into()
}

/// The running program itself, also where its file was replaced meanwhile: both processes are to be the same.
fn this_program() -> io::Result<PathBuf> {
    let own = PathBuf::from("/proc/self/exe");
    if own.exists() {
        return Ok(own);
    }
    std::env::current_exe()
}

fn open(program: &PathBuf, arguments: &[std::ffi::OsString]) -> io::Result<Compute> {
    let (stream, theirs) = UnixStream::pair()?;
    // Reads do not wait: `turn` is called when there is something. Writes may, for a while.
    stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
    stream.set_read_timeout(Some(Duration::from_millis(1)))?;
    let child = Command::new(program)
        .arg0(std::env::args_os().next().unwrap_or_default())
        .args(arguments)
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .spawn()?;
    Ok(Compute { child, stream, inbox: Inbox::default() })
}
