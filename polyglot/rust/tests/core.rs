//! The worker's core as stories: events in, the whole command list out.
mod common;

use binglide::protocol::descriptor::Form;
use binglide::protocol::errors::wrong;
use binglide::protocol::messages::*;
use binglide::protocol::params::Params;
use binglide::protocol::parts::PartFrames;
use binglide::worker::core::{State, WorkerCore};
use binglide::worker::definition::Loaded;
use binglide::worker::events::{Command, Event};
use binglide::worker::options::WorkerOptions;
use binglide::{fail, ErrorCode};

fn options() -> WorkerOptions {
    WorkerOptions::new(Loaded::new(binglide::fast::Hist).unwrap().descriptor, "s1")
}
fn job(n: u64) -> String {
    format!("26:{}{n}", "a".repeat(26))
}
fn task() -> Task {
    let (runs, params) = (vec![(0, 4096)], Params::default());
    Task::Read(ReadTask {
        sampled: false,
        inputs: vec![],
        runs,
        cell_bytes: 0,
        form: Form::Summed,
        params,
        read_ms_max: None,
    })
}
fn part() -> PartFrames {
    PartFrames { arrays: vec!["counts".into()], frames: vec![vec![0; 8]] }
}
fn work() -> TaskWork {
    TaskWork { bytes_read: 4096, ms: 3.0, seek_ms: None }
}
fn received(message: ToWorker) -> Event {
    Event::Received(Ok(message))
}
fn welcome() -> Event {
    received(ToWorker::Welcome(Welcome {
        heartbeat_ms: 1000,
        cancel_endpoint: "ipc://cancel.sock".into(),
        epoch: "e1".into(),
        message_bytes_max: 1 << 20,
        jobs_max: 8,
    }))
}
fn assign(attempt: u64) -> Event {
    received(ToWorker::Assign { attempt, epoch: "e1".into(), job_id: job(attempt), task: task() })
}
fn cancel(n: u64, attempts: &[u64]) -> Event {
    received(ToWorker::Cancel { job_id: job(n), attempts: attempts.to_vec(), waiting: false })
}
fn computed(run: u64) -> Event {
    Event::TaskComputed { run, part: part(), work: work() }
}
fn failed(run: u64) -> Event {
    Event::TaskFailed { run, fault: fail(ErrorCode::Cancelled, "stopped"), work: work() }
}
fn ready() -> Command {
    let WorkerOptions { descriptor, slot, credit, .. } = options();
    Command::Send(FromWorker::Ready { descriptor, slot, credit })
}
fn done(attempt: u64) -> Command {
    Command::Send(FromWorker::Final { attempt, epoch: "e1".into(), part: part(), work: work() })
}
fn error(attempt: u64, code: ErrorCode, message: &str, work: TaskWork) -> Command {
    let mut fault = fail(code, message);
    fault.service = Some("HIST".into());
    Command::Send(FromWorker::Error { attempt, epoch: "e1".into(), fault, work })
}
fn cancelled(attempt: u64) -> Command {
    error(attempt, ErrorCode::Cancelled, "the task was cancelled", TaskWork::default())
}
fn start(run: u64) -> Command {
    Command::StartTask { run, task: task() }
}
fn beat(done: Option<(u64, u64)>) -> Command {
    Command::Send(FromWorker::Heartbeat(done))
}
fn disconnect() -> Command {
    Command::Send(FromWorker::Disconnect)
}

fn registered() -> WorkerCore {
    let mut core = WorkerCore::new(options()).unwrap();
    core.handle(Event::Started, 0.0);
    core.handle(welcome(), 0.0);
    core
}

#[test]
fn says_ready_is_welcomed_and_listens_to_cancellations() {
    let mut core = WorkerCore::new(options()).unwrap();
    assert_eq!(core.state(), State::Resting);
    assert_eq!(core.handle(Event::Started, 0.0), [Command::OpenSocket, ready()]);
    assert_eq!(core.state(), State::Unregistered);
    assert_eq!(core.handle(welcome(), 5.0), [Command::Subscribe { endpoint: "ipc://cancel.sock".into() }]);
    assert_eq!(core.handle(welcome(), 6.0), []);
    assert_eq!(core.state(), State::Idle);
}

#[test]
fn runs_one_task_at_a_time_in_order_and_answers_each_once() {
    let mut core = registered();
    assert_eq!(core.handle(assign(1), 1.0), [start(1)]);
    assert_eq!(core.handle(assign(2), 2.0), []);
    assert_eq!(core.handle(computed(1), 3.0), [done(1), start(2)]);
    assert_eq!(core.handle(computed(1), 4.0), []);
    assert_eq!(core.handle(computed(2), 5.0), [done(2)]);
    assert_eq!(core.state(), State::Idle);
}

#[test]
fn a_task_before_welcome_or_an_attempt_twice_ends_the_conversation() {
    let mut core = WorkerCore::new(options()).unwrap();
    core.handle(Event::Started, 0.0);
    assert_eq!(core.handle(assign(1), 1.0), [disconnect(), Command::CloseSocket, Command::OpenSocket, ready()]);
    let mut core = registered();
    core.handle(assign(1), 1.0);
    let again = [disconnect(), Command::AbortTask { run: 1 }, Command::CloseSocket, Command::OpenSocket, ready()];
    assert_eq!(core.handle(assign(1), 2.0), again);
    // Its result belongs to nobody any more.
    core.handle(welcome(), 3.0);
    assert_eq!(core.handle(computed(1), 4.0), []);
}

#[test]
fn what_waits_is_given_back_and_what_runs_goes_on_where_that_is_asked() {
    let mut core = registered();
    core.handle(assign(1), 1.0);
    core.handle(assign(2), 1.0);
    let recall = received(ToWorker::Cancel { job_id: job(1), attempts: vec![1, 2], waiting: true });
    assert_eq!(core.handle(recall, 2.0), [cancelled(2)]);
    assert_eq!(core.handle(computed(1), 3.0).len(), 1);
}

#[test]
fn a_cancellation_ends_what_waits_at_once_and_what_runs_when_it_has_stopped() {
    let mut core = registered();
    core.handle(assign(1), 1.0);
    core.handle(assign(2), 1.0);
    assert_eq!(core.handle(cancel(2, &[]), 2.0), [cancelled(2)]);
    assert_eq!(core.handle(cancel(9, &[1]), 3.0), [Command::AbortTask { run: 1 }]);
    assert_eq!(core.handle(cancel(1, &[]), 3.0), []);
    assert_eq!(core.handle(failed(1), 4.0), [error(1, ErrorCode::Cancelled, "stopped", work())]);
    assert_eq!(core.handle(assign(3), 5.0), [start(2)]);
    assert_eq!(core.handle(Event::CancelPublished { job_id: job(4) }, 6.0), []);
    assert_eq!(core.handle(Event::CancelPublished { job_id: job(3) }, 6.0), [Command::AbortTask { run: 2 }]);
    // A FINAL that overtook the cancellation is sent.
    assert_eq!(core.handle(computed(2), 7.0), [done(3)]);
}

#[test]
fn a_kernel_that_does_not_stop_loses_its_process_after_the_grace() {
    let mut core = registered();
    core.handle(assign(1), 0.0);
    core.handle(Event::TaskProgressed { run: 1, bytes_done: 100 }, 5.0);
    core.handle(cancel(1, &[]), 10.0);
    assert_eq!(core.next_deadline(), 110.0);
    assert_eq!(core.handle(Event::DeadlineReached, 109.0), []);
    let spent = TaskWork { bytes_read: 100, ms: 100.0, seek_ms: None };
    let answer = error(1, ErrorCode::Cancelled, "the task was cancelled", spent);
    assert_eq!(core.handle(Event::DeadlineReached, 110.0), [Command::ReplaceProcess { run: 1 }, answer]);
    assert_eq!(core.handle(assign(2), 111.0), [start(2)]);
    assert_eq!(core.handle(computed(1), 112.0), []);
}

#[test]
fn a_task_without_progress_is_stalled_and_the_next_one_begins() {
    let mut core = registered();
    core.handle(assign(1), 0.0);
    core.handle(assign(2), 0.0);
    // The broker goes on saying that it is there.
    for second in 1..=9 {
        core.handle(received(ToWorker::Heartbeat), f64::from(second) * 1000.0);
    }
    core.handle(Event::TaskProgressed { run: 1, bytes_done: 7 }, 500.0);
    core.handle(received(ToWorker::Heartbeat), 10_400.0);
    let commands = core.handle(Event::DeadlineReached, 10_500.0);
    let spent = TaskWork { bytes_read: 7, ms: 10_000.0, seek_ms: None };
    let answer = error(
        1,
        ErrorCode::Stalled,
        "HIST made no progress for 10 s after 7 bytes; its loops are to call task.check()",
        spent,
    );
    assert_eq!(commands, [Command::ReplaceProcess { run: 1 }, answer, start(2)]);
}

#[test]
fn heartbeats_say_how_far_the_task_is() {
    let mut core = registered();
    assert_eq!(core.handle(Event::DeadlineReached, 1000.0), [beat(None)]);
    core.handle(assign(1), 1000.0);
    core.handle(Event::TaskProgressed { run: 1, bytes_done: 4096 }, 1500.0);
    core.handle(Event::TaskProgressed { run: 7, bytes_done: 9999 }, 1500.0);
    assert_eq!(core.handle(Event::DeadlineReached, 2000.0), [beat(Some((1, 4096)))]);
}

#[test]
fn a_silent_broker_is_left_and_conversations_that_end_early_come_slower() {
    let mut core = registered();
    core.handle(assign(1), 0.0);
    let lost = [Command::AbortTask { run: 1 }, Command::CloseSocket, Command::OpenSocket, ready()];
    assert_eq!(core.handle(Event::DeadlineReached, 5000.0), lost);
    let again = [Command::CloseSocket, Command::OpenSocket, ready()];
    assert_eq!(core.handle(received(ToWorker::Disconnect), 5001.0), again);
    assert_eq!(core.handle(received(ToWorker::Disconnect), 5002.0), [Command::CloseSocket]);
    assert_eq!((core.state(), core.next_deadline()), (State::Resting, 5052.0));
    assert_eq!(core.handle(Event::DeadlineReached, 5052.0), [Command::OpenSocket, ready()]);
}

#[test]
fn what_is_invalid_ends_the_conversation() {
    let mut core = registered();
    let again = [disconnect(), Command::CloseSocket, Command::OpenSocket, ready()];
    assert_eq!(core.handle(Event::Received(Err(wrong("command", "one"))), 2000.0), again);
}

#[test]
fn more_than_it_may_hold_is_busy_and_a_part_too_long_is_an_error() {
    let mut core = WorkerCore::new(WorkerOptions { credit: 1, held_max: 1, ..options() }).unwrap();
    core.handle(Event::Started, 0.0);
    core.handle(welcome(), 0.0);
    core.handle(assign(1), 0.0);
    let busy = error(2, ErrorCode::Busy, "a worker holds 1 attempts already", TaskWork::default());
    assert_eq!(core.handle(assign(2), 1.0), [busy]);
    let part = PartFrames { arrays: vec!["counts".into()], frames: vec![vec![0; (1 << 20) + 1]] };
    let message = "a part of 1048577 bytes is longer than the broker takes, 1048576";
    let commands = core.handle(Event::TaskComputed { run: 1, part, work: work() }, 2.0);
    assert_eq!(commands, [error(1, ErrorCode::Cells, message, work())]);
}

#[test]
fn a_stop_takes_leave_and_nothing_follows() {
    let mut core = registered();
    core.handle(assign(1), 0.0);
    let leave = [Command::AbortTask { run: 1 }, disconnect(), Command::CloseSocket];
    assert_eq!(core.handle(Event::StopRequested, 1.0), leave);
    assert_eq!(core.handle(computed(1), 2.0), []);
    assert_eq!((core.state(), core.next_deadline()), (State::Stopped, f64::INFINITY));
}

#[test]
fn options_that_are_none_are_refused() {
    let refused = |options: WorkerOptions| WorkerCore::new(options).err().unwrap().message;
    let message = refused(WorkerOptions { held_max: 8, ..options() });
    assert_eq!(message, "held_max is 8; it takes at least credit, 16");
    let message = refused(WorkerOptions { task_stall_ms: f64::NAN, ..options() });
    assert_eq!(message, "task_stall_ms is NaN; it takes a number from 1");
}
