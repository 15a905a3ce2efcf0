//! A slot: one bench to compute on, several services, each with a conversation of its own (seat.rs), and all with one SUB
//! socket for cancellations.
//!
//! Rules: one thread holds all sockets and never computes, so heartbeats go on whatever the service does. The broker
//! gives a slot one task at a time; should two seats get one each, the bench takes them in turn.
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::bench::Bench;
use super::definition::Loaded;
use super::events::{Command, Event};
use super::options::WorkerOptions;
use super::seat::{dealer, received, Seat};
use crate::protocol::decode::decode_to_worker;
use crate::protocol::encode::encode_from_worker;
use crate::protocol::errors::{fail, ErrorCode, Fault};
use crate::protocol::frames::CANCEL_TOPIC;

/// Taking leave is quick or is not done.
const FAREWELL: Duration = Duration::from_millis(800);
/// Longer waits are cut: the loop finds out that there is nothing to do.
const WAIT_MS_MAX: f64 = 60_000.0;

pub(crate) struct SlotOptions {
    pub broker: String,
    pub slot: String,
    pub roots: Vec<PathBuf>,
    /// None: the core's usual one.
    pub stall_ms: Option<f64>,
    /// Standard input ends when whoever started this does.
    pub parent: bool,
}

pub(crate) struct Slot {
    context: zmq::Context,
    broker: String,
    bench: Bench,
    seats: Vec<Seat>,
    cancellations: Option<(String, zmq::Socket)>,
    began: Instant,
}

/// Serves until a signal, or the end of standard input with `parent`.
pub(crate) fn run_slot(options: SlotOptions, services: &[Loaded]) -> Result<(), Fault> {
    let mut ends = Ends::listen(options.parent)?;
    let mut slot = Slot::new(&options, services)?;
    let mut is_started = false;
    while !slot.turn(&mut ends)? {
        if !is_started && slot.bench.is_loaded() {
            is_started = true;
            slot.everyone(|| Event::Started)?;
        }
    }
    std::thread::spawn(|| {
        std::thread::sleep(FAREWELL);
        std::process::exit(0)
    });
    slot.everyone(|| Event::StopRequested)
}

impl Slot {
    fn new(options: &SlotOptions, services: &[Loaded]) -> Result<Slot, Fault> {
        let seat = |loaded: &Loaded| {
            let mut core = WorkerOptions::new(loaded.descriptor.clone(), options.slot.clone());
            core.task_stall_ms = options.stall_ms.unwrap_or(core.task_stall_ms);
            Seat::new(core)
        };
        let seats: Vec<Seat> = services.iter().map(seat).collect::<Result<_, _>>()?;
        let context = zmq::Context::new();
        // A broker's address that is none is found out now, not in the middle of a conversation.
        drop(dealer(&context, &options.broker)?);
        let (broker, began) = (options.broker.clone(), Instant::now());
        Ok(Slot { context, broker, bench: Bench::start(&options.roots)?, seats, cancellations: None, began })
    }

    fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64() * 1e3
    }

    fn everyone(&mut self, event: impl Fn() -> Event) -> Result<(), Fault> {
        (0..self.seats.len()).try_for_each(|seat| self.handle(seat, event()))
    }

    fn handle(&mut self, seat: usize, event: Event) -> Result<(), Fault> {
        let now = self.now();
        let commands = self.seats[seat].core.handle(event, now);
        commands.into_iter().try_for_each(|command| self.perform(seat, command))
    }

    fn perform(&mut self, at: usize, command: Command) -> Result<(), Fault> {
        let Slot { context, broker, bench, seats, .. } = self;
        let seat = &mut seats[at];
        match command {
            Command::OpenSocket => seat.socket = Some(dealer(context, broker)?),
            Command::CloseSocket => seat.close(),
            Command::Send(message) => seat.send(encode_from_worker(message)),
            Command::Subscribe { endpoint } => self.subscribe(endpoint)?,
            Command::StartTask { run, task } => seat.started = Some((run, bench.begin(&seat.name, task))),
            Command::AbortTask { run } => seat.task_of(run).into_iter().for_each(|task| bench.abort(task)),
            Command::ReplaceProcess { run } => seat.task_of(run).into_iter().for_each(|task| bench.replace(task)),
        }
        Ok(())
    }

    fn subscribe(&mut self, endpoint: String) -> Result<(), Fault> {
        if self.cancellations.as_ref().is_some_and(|(known, _)| *known == endpoint) {
            return Ok(());
        }
        let open = || {
            let socket = self.context.socket(zmq::SUB)?;
            socket.set_linger(0)?;
            socket.connect(&endpoint)?;
            socket.set_subscribe(CANCEL_TOPIC)?;
            Ok(socket)
        };
        // Nothing but speed depends on it (W-1).
        self.cancellations = open().map_err(|_: zmq::Error| ()).ok().map(|socket| (endpoint, socket));
        Ok(())
    }

    /// One wait and what came of it; true: it is time to end.
    fn turn(&mut self, ends: &mut Ends) -> Result<bool, Fault> {
        let ready = self.wait(ends)?;
        if ready.ends && ends.have_come() {
            return Ok(true);
        }
        if ready.bench {
            let ended = self.bench.turn();
            self.tell_progress()?;
            self.tell_ends(ended)?;
        }
        for seat in ready.seats {
            let Some(socket) = &self.seats[seat].socket else { continue };
            for frames in received(socket) {
                // What an older socket still holds is not heard.
                if self.seats[seat].socket.is_some() {
                    self.handle(seat, Event::Received(decode_to_worker(&frames)))?;
                }
            }
        }
        if ready.cancellations {
            self.tell_cancellations()?;
        }
        let now = self.now();
        for seat in 0..self.seats.len() {
            if self.seats[seat].core.next_deadline() <= now {
                self.handle(seat, Event::DeadlineReached)?;
            }
        }
        loop {
            let ended = self.bench.take_ends();
            if ended.is_empty() {
                return Ok(false);
            }
            self.tell_ends(ended)?;
        }
    }

    fn tell_ends(&mut self, ended: Vec<super::bench::TaskEnd>) -> Result<(), Fault> {
        for end in ended {
            let found = self.seats.iter().enumerate().find_map(|(at, seat)| Some((at, seat.run_of(end.id)?)));
            let Some((seat, run)) = found else { continue };
            let work = end.work;
            let event = match end.result {
                Ok(part) => Event::TaskComputed { run, part, work },
                Err(fault) => Event::TaskFailed { run, fault, work },
            };
            self.handle(seat, event)?;
        }
        Ok(())
    }

    /// The cores hear of progress before they judge by the clock.
    fn tell_progress(&mut self) -> Result<(), Fault> {
        let Some((task, bytes_done)) = self.bench.progress() else { return Ok(()) };
        let found = self.seats.iter().enumerate().find_map(|(at, seat)| Some((at, seat.run_of(task)?)));
        found.map_or(Ok(()), |(seat, run)| self.handle(seat, Event::TaskProgressed { run, bytes_done }))
    }

    /// A subscription matches prefixes, so both frames are compared whole: the topic here, the job id in the cores.
    fn tell_cancellations(&mut self) -> Result<(), Fault> {
        let published = self.cancellations.as_ref().map(|(_, socket)| received(socket)).unwrap_or_default();
        for frames in published {
            let [topic, job_id] = &frames[..] else { continue };
            if topic == CANCEL_TOPIC {
                let job_id = String::from_utf8_lossy(job_id).into_owned();
                self.everyone(|| Event::CancelPublished { job_id: job_id.clone() })?;
            }
        }
        Ok(())
    }

    fn wait(&self, ends: &Ends) -> Result<Ready, Fault> {
        let deadline = self.seats.iter().map(|seat| seat.core.next_deadline()).fold(f64::INFINITY, f64::min);
        let wait_ms = (deadline - self.now()).clamp(0.0, WAIT_MS_MAX).ceil() as i64;
        let (mut items, mut of_seats) = (Vec::new(), Vec::new());
        items.push(zmq::PollItem::from_fd(self.bench.descriptor(), zmq::POLLIN));
        items.push(zmq::PollItem::from_fd(ends.signals.as_raw_fd(), zmq::POLLIN));
        items.push(zmq::PollItem::from_fd(if ends.parent { 0 } else { ends.signals.as_raw_fd() }, zmq::POLLIN));
        for (at, seat) in self.seats.iter().enumerate() {
            if let Some(socket) = &seat.socket {
                of_seats.push((at, items.len()));
                items.push(socket.as_poll_item(zmq::POLLIN));
            }
        }
        let of_cancellations = self.cancellations.as_ref().map(|(_, socket)| {
            items.push(socket.as_poll_item(zmq::POLLIN));
            items.len() - 1
        });
        match zmq::poll(&mut items, wait_ms) {
            Ok(_) => {}
            Err(zmq::Error::EINTR) => return Ok(Ready::default()),
            Err(error) => return Err(fail(ErrorCode::Internal, format!("polling failed: {error}"))),
        }
        let is = |at: usize| !items[at].get_revents().is_empty();
        Ok(Ready {
            bench: is(0),
            ends: is(1) || is(2),
            seats: of_seats.into_iter().filter(|(_, item)| is(*item)).map(|(at, _)| at).collect(),
            cancellations: of_cancellations.is_some_and(is),
        })
    }
}

#[derive(Default)]
struct Ready {
    bench: bool,
    ends: bool,
    seats: Vec<usize>,
    cancellations: bool,
}

/// What ends a process: SIGTERM, SIGINT and SIGHUP; with a parent SIGTERM and the end of standard input.
pub(crate) struct Ends {
    pub signals: UnixStream,
    pub parent: bool,
}

impl Ends {
    pub fn listen(parent: bool) -> Result<Ends, Fault> {
        let failed = |error: std::io::Error| fail(ErrorCode::Internal, format!("no signals: {error}"));
        let (signals, theirs) = UnixStream::pair().map_err(failed)?;
        signals.set_nonblocking(true).map_err(failed)?;
        // What a terminal says reaches the whole group: a parent decides itself what becomes of its workers.
        for signal in [SIGINT, SIGHUP] {
            if parent {
                signal_hook::flag::register(signal, Arc::default()).map_err(failed)?;
            } else {
                let other = theirs.try_clone().map_err(failed)?;
                signal_hook::low_level::pipe::register(signal, other).map_err(failed)?;
            }
        }
        signal_hook::low_level::pipe::register(SIGTERM, theirs).map_err(failed)?;
        Ok(Ends { signals, parent })
    }

    /// Reads what there is: standard input is only read when poll found something there.
    pub fn have_come(&mut self) -> bool {
        if matches!(self.signals.read(&mut [0; 16]), Ok(1..)) {
            return true;
        }
        self.parent && matches!(std::io::stdin().read(&mut [0; 4096]), Ok(0) | Err(_))
    }
}
