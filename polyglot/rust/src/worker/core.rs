//! One v2 worker as a pure state machine: one service, one conversation with one broker. No socket, file, process or
//! clock: `handle(event, now)` returns what the shell is to do. `now` is in milliseconds of a clock that only goes
//! forward.
//!
//! Rules: every attempt of a living conversation is answered exactly once, by FINAL or ERROR. One task runs, the others
//! wait in order. Nothing is sent after a conversation ended.
use std::collections::VecDeque;

use super::events::{Command, Event};
use super::options::WorkerOptions;
use super::state::{cancelled, Assignment, Conversation, Process};
use crate::protocol::errors::{fail, ErrorCode, Fault};
use crate::protocol::liveness::Liveness;
use crate::protocol::messages::{FromWorker, Task, TaskWork, ToWorker};
use crate::protocol::parts::PartFrames;

/// What the worker does, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum State {
    Resting,
    Unregistered,
    Idle,
    Working,
    Stopped,
}

/// The state machine.
pub struct WorkerCore {
    options: WorkerOptions,
    conversation: Conversation,
    process: Process,
    /// Tasks started so far; names the newest one.
    runs: u64,
    /// Conversations that ended before they had lasted an interval, in a row.
    failures: i32,
    /// Filled by one `handle`, then returned.
    commands: Vec<Command>,
}

impl WorkerCore {
    /// E_USAGE where an option is none.
    pub fn new(options: WorkerOptions) -> Result<WorkerCore, Fault> {
        options.check()?;
        let conversation = Conversation::Resting { until: f64::INFINITY };
        Ok(WorkerCore { options, conversation, process: Process::Free, runs: 0, failures: 0, commands: Vec::new() })
    }

    /// What the worker does.
    pub fn state(&self) -> State {
        match (&self.conversation, &self.process) {
            (Conversation::Resting { .. }, _) => State::Resting,
            (Conversation::Unregistered { .. }, _) => State::Unregistered,
            (Conversation::Registered { .. }, Process::Free) => State::Idle,
            (Conversation::Registered { .. }, _) => State::Working,
            (Conversation::Stopped, _) => State::Stopped,
        }
    }

    /// The only door.
    pub fn handle(&mut self, event: Event, now: f64) -> Vec<Command> {
        if !matches!(self.conversation, Conversation::Stopped) {
            self.dispatch(event, now);
        }
        std::mem::take(&mut self.commands)
    }

    /// When `DeadlineReached` is due at the latest.
    pub fn next_deadline(&self) -> f64 {
        self.conversation_deadline().min(self.process_deadline())
    }

    fn dispatch(&mut self, event: Event, now: f64) {
        match event {
            Event::Started => self.open(now),
            Event::Received(message) => self.on_received(message, now),
            Event::CancelPublished { job_id } => self.cancel(&|held| held.job_id == job_id, false, now),
            Event::TaskComputed { run, part, work } => self.on_ended(run, Ok(part), work, now),
            Event::TaskFailed { run, fault, work } => self.on_ended(run, Err(fault), work, now),
            Event::TaskProgressed { run, bytes_done } => self.on_progress(run, bytes_done, now),
            Event::DeadlineReached => self.on_deadline(now),
            Event::StopRequested => self.on_stop(now),
        }
    }

    // --- the conversation

    fn open(&mut self, now: f64) {
        let liveness = Liveness::new(self.options.heartbeat_ms, now);
        self.conversation = Conversation::Unregistered { liveness, opened_at: now };
        self.commands.push(Command::OpenSocket);
        let WorkerOptions { descriptor, slot, credit, .. } = &self.options;
        let ready = FromWorker::Ready { descriptor: descriptor.clone(), slot: slot.clone(), credit: *credit };
        self.send(ready, now);
    }

    fn liveness(&mut self) -> Option<&mut Liveness> {
        match &mut self.conversation {
            Conversation::Unregistered { liveness, .. } | Conversation::Registered { liveness, .. } => Some(liveness),
            _ => None,
        }
    }

    fn on_received(&mut self, message: Result<ToWorker, Fault>, now: f64) {
        let Some(liveness) = self.liveness() else { return };
        let Ok(message) = message else { return self.leave(now) };
        liveness.heard(now);
        match message {
            ToWorker::Welcome(welcome) => {
                // A second one is a sign of life.
                let Conversation::Unregistered { opened_at, .. } = self.conversation else { return };
                self.conversation = Conversation::Registered {
                    liveness: Liveness::new(welcome.heartbeat_ms as f64, now),
                    opened_at,
                    message_bytes_max: welcome.message_bytes_max,
                    queue: VecDeque::new(),
                };
                self.commands.push(Command::Subscribe { endpoint: welcome.cancel_endpoint });
            }
            ToWorker::Assign { attempt, epoch, job_id, task } => {
                self.on_assigned(Assignment { attempt, epoch, job_id }, task, now);
            }
            ToWorker::Cancel { job_id, attempts, waiting } => {
                let all = attempts.is_empty();
                let is_meant =
                    |held: &Assignment| if all { held.job_id == job_id } else { attempts.contains(&held.attempt) };
                self.cancel(&is_meant, waiting, now);
            }
            ToWorker::Heartbeat => {}
            ToWorker::Disconnect => self.lose(now),
        }
    }

    fn on_assigned(&mut self, assignment: Assignment, task: Task, now: f64) {
        let twice = self.running().is_some_and(|held| held.attempt == assignment.attempt);
        let running = usize::from(self.running().is_some());
        let Conversation::Registered { queue, .. } = &mut self.conversation else { return self.leave(now) };
        let held = running + queue.len();
        if twice || queue.iter().any(|(held, _)| held.attempt == assignment.attempt) {
            self.leave(now);
        } else if held >= self.options.held_max {
            let busy = fail(ErrorCode::Busy, format!("a worker holds {held} attempts already"));
            self.answer_error(assignment, busy, TaskWork::default(), now);
        } else {
            queue.push_back((assignment, task));
            self.start_next(now);
        }
    }

    /// The broker does not follow the specification: say so and begin anew.
    fn leave(&mut self, now: f64) {
        self.send(FromWorker::Disconnect, now);
        self.lose(now);
    }

    /// The conversation is over, its work dropped. The next begins at once, or later where they keep ending early.
    fn lose(&mut self, now: f64) {
        let (Conversation::Unregistered { liveness, opened_at } | Conversation::Registered { liveness, opened_at, .. }) =
            &self.conversation
        else {
            unreachable!("only a conversation is lost")
        };
        let lasted = now - opened_at >= liveness.interval_ms;
        self.failures = if lasted { 0 } else { self.failures + 1 };
        self.drop_work(now);
        self.commands.push(Command::CloseSocket);
        if self.failures < 2 {
            return self.open(now);
        }
        let WorkerOptions { reconnect_min_ms, reconnect_max_ms, .. } = self.options;
        let rest_ms = reconnect_max_ms.min(reconnect_min_ms * 2f64.powi(self.failures - 2));
        self.conversation = Conversation::Resting { until: now + rest_ms };
    }

    fn on_stop(&mut self, now: f64) {
        self.drop_work(now);
        if self.liveness().is_some() {
            self.send(FromWorker::Disconnect, now);
            self.commands.push(Command::CloseSocket);
        }
        self.conversation = Conversation::Stopped;
    }

    fn send(&mut self, message: FromWorker, now: f64) {
        self.liveness().expect("a message has a socket to go by").spoke(now);
        self.commands.push(Command::Send(message));
    }

    fn answer_error(&mut self, assignment: Assignment, mut fault: Fault, work: TaskWork, now: f64) {
        let Assignment { attempt, epoch, .. } = assignment;
        fault.service.get_or_insert_with(|| self.options.descriptor.name.clone());
        self.send(FromWorker::Error { attempt, epoch, fault, work }, now);
    }

    // --- the process

    fn running(&self) -> Option<&Assignment> {
        match &self.process {
            Process::Free => None,
            Process::Busy { assignment, .. } => Some(assignment),
            Process::Aborting { assignment, .. } => assignment.as_ref(),
        }
    }

    fn start_next(&mut self, now: f64) {
        let Conversation::Registered { queue, .. } = &mut self.conversation else { return };
        if !matches!(self.process, Process::Free) {
            return;
        }
        let Some((assignment, task)) = queue.pop_front() else { return };
        self.runs += 1;
        self.process = Process::Busy { run: self.runs, assignment, bytes_done: 0, progress_at: now };
        self.commands.push(Command::StartTask { run: self.runs, task });
    }

    /// Results of replaced processes and of earlier runs fall through; one that overtook its cancellation is sent.
    fn on_ended(&mut self, ended: u64, result: Result<PartFrames, Fault>, work: TaskWork, now: f64) {
        let assignment = match &self.process {
            Process::Busy { run, assignment, .. } if *run == ended => Some(assignment.clone()),
            Process::Aborting { run, assignment, .. } if *run == ended => assignment.clone(),
            _ => return,
        };
        self.process = Process::Free;
        if let Some(assignment) = assignment {
            match result.and_then(|part| self.short_enough(part)) {
                Err(fault) => self.answer_error(assignment, fault, work, now),
                Ok(part) => {
                    let Assignment { attempt, epoch, .. } = assignment;
                    self.send(FromWorker::Final { attempt, epoch, part, work }, now);
                }
            }
        }
        self.start_next(now);
    }

    /// What the broker would not take is an error that it understands.
    fn short_enough(&self, part: PartFrames) -> Result<PartFrames, Fault> {
        let Conversation::Registered { message_bytes_max, .. } = self.conversation else { return Ok(part) };
        let bytes = part.bytes();
        if bytes as u64 <= message_bytes_max {
            return Ok(part);
        }
        let what = format!("a part of {bytes} bytes is longer than the broker takes, {message_bytes_max}");
        Err(fail(ErrorCode::Cells, what))
    }

    fn on_progress(&mut self, of: u64, to: u64, now: f64) {
        if let Process::Busy { run, bytes_done, progress_at, .. } = &mut self.process {
            if *run == of && to > *bytes_done {
                (*bytes_done, *progress_at) = (to, now);
            }
        }
    }

    /// `waiting`: what runs goes on.
    fn cancel(&mut self, is_meant: &dyn Fn(&Assignment) -> bool, waiting: bool, now: f64) {
        let Conversation::Registered { queue, .. } = &mut self.conversation else { return };
        let (meant, kept) = queue.drain(..).partition::<Vec<_>, _>(|(held, _)| is_meant(held));
        queue.extend(kept);
        for (assignment, _) in meant {
            self.answer_error(assignment, cancelled(), TaskWork::default(), now);
        }
        if let Process::Busy { assignment, .. } = &self.process {
            if !waiting && is_meant(assignment) {
                self.abort(Some(assignment.clone()), now);
            }
        }
    }

    /// Everything of this conversation: nobody is left to answer.
    fn drop_work(&mut self, now: f64) {
        if let Conversation::Registered { queue, .. } = &mut self.conversation {
            queue.clear();
        }
        match &mut self.process {
            Process::Busy { .. } => self.abort(None, now),
            Process::Aborting { assignment, .. } => *assignment = None,
            Process::Free => {}
        }
    }

    fn abort(&mut self, assignment: Option<Assignment>, now: f64) {
        let Process::Busy { run, bytes_done, .. } = self.process else { unreachable!("only what runs is aborted") };
        self.process = Process::Aborting { run, assignment, bytes_done, until: now + self.options.cancel_grace_ms };
        self.commands.push(Command::AbortTask { run });
    }

    /// A slot without a child to compute in is of no use: another is started, and the task is answered.
    fn replace(&mut self, fault: Fault, ms: f64, now: f64) {
        let (run, assignment, bytes_done) = match std::mem::replace(&mut self.process, Process::Free) {
            Process::Busy { run, assignment, bytes_done, .. } => (run, Some(assignment), bytes_done),
            Process::Aborting { run, assignment, bytes_done, .. } => (run, assignment, bytes_done),
            Process::Free => unreachable!("only a busy process is replaced"),
        };
        self.commands.push(Command::ReplaceProcess { run });
        if let Some(assignment) = assignment {
            let work = TaskWork { bytes_read: bytes_done, ms, seek_ms: None };
            self.answer_error(assignment, fault, work, now);
        }
        self.start_next(now);
    }

    // --- time

    fn conversation_deadline(&self) -> f64 {
        match &self.conversation {
            Conversation::Resting { until } => *until,
            Conversation::Unregistered { liveness, .. } | Conversation::Registered { liveness, .. } => {
                liveness.deadline()
            }
            Conversation::Stopped => f64::INFINITY,
        }
    }

    fn process_deadline(&self) -> f64 {
        match &self.process {
            _ if matches!(self.conversation, Conversation::Stopped) => f64::INFINITY,
            Process::Free => f64::INFINITY,
            Process::Busy { progress_at, .. } => progress_at + self.options.task_stall_ms,
            Process::Aborting { until, .. } => *until,
        }
    }

    fn on_deadline(&mut self, now: f64) {
        if now >= self.process_deadline() {
            self.on_process_late(now);
        }
        match self.conversation {
            Conversation::Resting { until } if now >= until => self.open(now),
            Conversation::Unregistered { ref liveness, .. } | Conversation::Registered { ref liveness, .. } => {
                if liveness.is_late(now) {
                    self.lose(now);
                } else if liveness.beat_is_due(now) {
                    self.beat(now);
                }
            }
            _ => {}
        }
    }

    fn on_process_late(&mut self, now: f64) {
        match &self.process {
            Process::Busy { bytes_done, .. } => {
                let (ms, name) = (self.options.task_stall_ms, &self.options.descriptor.name);
                let what = format!(
                    "{name} made no progress for {} s after {bytes_done} bytes; its loops are to call task.check()",
                    ms / 1000.0
                );
                self.replace(fail(ErrorCode::Stalled, what), ms, now);
            }
            Process::Aborting { .. } => self.replace(cancelled(), self.options.cancel_grace_ms, now),
            Process::Free => {}
        }
    }

    fn beat(&mut self, now: f64) {
        let done = match &self.process {
            Process::Busy { assignment, bytes_done, .. } => Some((assignment.attempt, *bytes_done)),
            Process::Aborting { assignment: Some(assignment), bytes_done, .. } => {
                Some((assignment.attempt, *bytes_done))
            }
            _ => None,
        };
        self.send(FromWorker::Heartbeat(done), now);
    }
}
