//! A plain MDP 0.2 worker (RFC 18): one service, one DEALER, one request at a time. The broker sees an opaque service;
//! body frames go to the handler as they come.
//!
//! Rules (RFC 18): READY once a socket; 0 or more PARTIAL and exactly one FINAL a request; heartbeats both ways, also
//! while the handler works, which it does in a thread of its own; after DISCONNECT or silence nothing more is sent, the
//! socket is closed and a new one opened.
use std::error::Error;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{mpsc, Arc};
use std::time::Instant;

use super::seat::{dealer, received};
use super::slot::Ends;
use crate::protocol::decode::decode_to_plain_worker;
use crate::protocol::encode::{encode_from_plain_worker, plain_error_body};
use crate::protocol::errors::{fail, ErrorCode, Fault};
use crate::protocol::frames::Frames;
use crate::protocol::ids::is_token;
use crate::protocol::liveness::Liveness;
use crate::protocol::messages::{FromPlainWorker, ToPlainWorker};

/// The body of the FINAL, or what becomes an error FINAL: a `Fault` as it is, anything else as E_SERVICE.
pub type PlainAnswer = Result<Frames, Box<dyn Error + Send + Sync>>;
type Handler = dyn Fn(&Frames, &Partials) -> PlainAnswer + Send + Sync;

/// Serves until SIGTERM or SIGINT. `handler` gets a request's body frames and gives those of the answer.
pub fn serve_plain(
    endpoint: &str,
    service: &str,
    handler: impl Fn(&Frames) -> PlainAnswer + Send + Sync + 'static,
) -> Result<(), Fault> {
    PlainWorker::new(endpoint, service).run(move |body, _| handler(body))
}

/// The same with PARTIALs before the answer.
pub fn serve_plain_partials(
    endpoint: &str,
    service: &str,
    handler: impl Fn(&Frames, &Partials) -> PlainAnswer + Send + Sync + 'static,
) -> Result<(), Fault> {
    PlainWorker::new(endpoint, service).run(handler)
}

/// What a handler said of the request with that number.
enum Said {
    Partial(Frames),
    Final(Frames),
}

/// A handler's way to the socket's thread.
pub struct Partials {
    request: u64,
    said: mpsc::Sender<(u64, Said)>,
    wake: UnixStream,
    is_over: Arc<AtomicBool>,
}

impl Partials {
    /// Sends a PARTIAL.
    pub fn send(&self, body: Frames) {
        self.say(Said::Partial(body));
    }

    /// The conversation ended: nobody waits for the answer any more.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn say(&self, said: Said) {
        // The other side outlives every handler, but for the end of the process.
        let _ = self.said.send((self.request, said));
        let _ = (&self.wake).write(&[1]);
    }
}

/// A plain worker that is to run.
pub struct PlainWorker {
    endpoint: String,
    service: String,
    heartbeat_ms: f64,
}

struct Conversation {
    socket: zmq::Socket,
    liveness: Liveness,
    is_over: Arc<AtomicBool>,
    /// The request under way and its client's address.
    request: Option<(u64, Vec<u8>)>,
}

impl Conversation {
    fn send(&mut self, message: FromPlainWorker, now: f64) {
        self.liveness.spoke(now);
        let _ = self.socket.send_multipart(encode_from_plain_worker(message), zmq::DONTWAIT);
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ = self.socket.set_linger(100);
    }
}

/// A worker under way.
struct Running {
    context: zmq::Context,
    worker: PlainWorker,
    handler: Arc<Handler>,
    conversation: Option<Conversation>,
    /// When the next conversation may begin.
    open_at: f64,
    requests: u64,
    sender: mpsc::Sender<(u64, Said)>,
    said: mpsc::Receiver<(u64, Said)>,
    wake: (UnixStream, UnixStream),
    began: Instant,
}

impl PlainWorker {
    /// `service`: printable, not `mmi.…`.
    pub fn new(endpoint: &str, service: &str) -> PlainWorker {
        PlainWorker { endpoint: endpoint.to_string(), service: service.to_string(), heartbeat_ms: 1000.0 }
    }

    /// RFC 18 agrees on none: it has to be about the broker's. Default 1000.
    pub fn heartbeat_ms(mut self, ms: f64) -> PlainWorker {
        self.heartbeat_ms = ms;
        self
    }

    /// Serves until SIGTERM or SIGINT; takes leave of the broker then.
    pub fn run(self, handler: impl Fn(&Frames, &Partials) -> PlainAnswer + Send + Sync + 'static) -> Result<(), Fault> {
        if !is_token(self.service.as_bytes()) || self.service.starts_with("mmi.") {
            let what = format!("service {:.80} is not 1 to 255 printable characters, or is the broker's", self.service);
            return Err(fail(ErrorCode::Usage, what));
        }
        if !(self.heartbeat_ms.is_finite() && self.heartbeat_ms >= 1.0) {
            return Err(fail(ErrorCode::Usage, format!("heartbeat_ms is {}; it takes 1 and more", self.heartbeat_ms)));
        }
        let failed = |error: std::io::Error| fail(ErrorCode::Internal, format!("no wake-up: {error}"));
        let wake = UnixStream::pair().map_err(failed)?;
        wake.0.set_nonblocking(true).map_err(failed)?;
        wake.1.set_nonblocking(true).map_err(failed)?;
        let mut ends = Ends::listen(false)?;
        let (sender, said) = mpsc::channel();
        let mut running = Running {
            context: zmq::Context::new(),
            worker: self,
            handler: Arc::new(handler),
            conversation: None,
            open_at: 0.0,
            requests: 0,
            sender,
            said,
            wake,
            began: Instant::now(),
        };
        while !running.turn(&mut ends)? {}
        running.disconnect();
        Ok(())
    }
}

impl Running {
    fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64() * 1e3
    }

    /// One wait and what came of it; true: it is time to end.
    fn turn(&mut self, ends: &mut Ends) -> Result<bool, Fault> {
        self.keep_alive()?;
        let now = self.now();
        let due = self.conversation.as_ref().map_or(self.open_at, |it| it.liveness.deadline());
        let mut items = vec![
            zmq::PollItem::from_fd(ends.signals.as_raw_fd(), zmq::POLLIN),
            zmq::PollItem::from_fd(self.wake.0.as_raw_fd(), zmq::POLLIN),
        ];
        items.extend(self.conversation.iter().map(|it| it.socket.as_poll_item(zmq::POLLIN)));
        match zmq::poll(&mut items, (due - now).max(0.0).ceil() as i64) {
            Ok(_) | Err(zmq::Error::EINTR) => {}
            Err(error) => return Err(fail(ErrorCode::Internal, format!("polling failed: {error}"))),
        }
        if ends.have_come() {
            return Ok(true);
        }
        let _ = self.wake.0.read(&mut [0; 256]);
        while let Ok((request, said)) = self.said.try_recv() {
            self.on_said(request, said);
        }
        let arrived = self.conversation.as_ref().map(|it| received(&it.socket)).unwrap_or_default();
        for frames in arrived {
            if self.conversation.is_some() {
                self.on_frames(&frames);
            }
        }
        Ok(false)
    }

    fn keep_alive(&mut self) -> Result<(), Fault> {
        let now = self.now();
        if self.conversation.as_ref().is_some_and(|it| it.liveness.is_late(now)) {
            self.conversation = None;
        }
        match &mut self.conversation {
            Some(it) if it.liveness.beat_is_due(now) => it.send(FromPlainWorker::Heartbeat, now),
            None if now >= self.open_at => self.open(now)?,
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, now: f64) -> Result<(), Fault> {
        let PlainWorker { endpoint, service, heartbeat_ms } = &self.worker;
        let mut conversation = Conversation {
            socket: dealer(&self.context, endpoint)?,
            liveness: Liveness::new(*heartbeat_ms, now),
            is_over: Arc::default(),
            request: None,
        };
        conversation.send(FromPlainWorker::Ready { service: service.clone() }, now);
        self.conversation = Some(conversation);
        Ok(())
    }

    fn disconnect(&mut self) {
        let now = self.now();
        if let Some(conversation) = &mut self.conversation {
            conversation.send(FromPlainWorker::Disconnect, now);
        }
        self.conversation = None;
    }

    fn on_frames(&mut self, frames: &Frames) {
        let now = self.now();
        let Some(conversation) = &mut self.conversation else { return };
        // The next one begins later, so that a broker that always says so is not asked all the time.
        let open_at = now + self.worker.heartbeat_ms / 2.0;
        match decode_to_plain_worker(frames) {
            Ok(ToPlainWorker::Request { address, body }) if conversation.request.is_none() => {
                conversation.liveness.heard(now);
                self.requests += 1;
                conversation.request = Some((self.requests, address));
                let is_over = conversation.is_over.clone();
                self.answer(body, is_over);
            }
            Ok(ToPlainWorker::Heartbeat) => conversation.liveness.heard(now),
            Ok(ToPlainWorker::Disconnect) => (self.conversation, self.open_at) = (None, open_at),
            // A broker that does not keep to the protocol.
            Ok(ToPlainWorker::Request { .. }) | Err(_) => {
                self.disconnect();
                self.open_at = open_at;
            }
        }
    }

    fn answer(&self, body: Frames, is_over: Arc<AtomicBool>) {
        let (handler, said) = (self.handler.clone(), self.sender.clone());
        let wake = self.wake.1.try_clone().expect("a socket has another handle");
        let partials = Partials { request: self.requests, said, wake, is_over };
        std::thread::spawn(move || {
            let answer = catch_unwind(AssertUnwindSafe(|| handler(&body, &partials)));
            let fault = match answer {
                Ok(Ok(body)) => return partials.say(Said::Final(body)),
                Ok(Err(error)) => match error.downcast::<Fault>() {
                    Ok(fault) => *fault,
                    Err(error) => fail(ErrorCode::Service, error.to_string()),
                },
                Err(_) => fail(ErrorCode::Service, "the handler panicked"),
            };
            partials.say(Said::Final(plain_error_body(&fault)));
        });
    }

    /// What belongs to a conversation that ended is not sent.
    fn on_said(&mut self, request: u64, said: Said) {
        let now = self.now();
        let Some(conversation) = &mut self.conversation else { return };
        let Some((current, address)) = conversation.request.clone() else { return };
        if current != request {
            return;
        }
        match said {
            Said::Partial(body) => conversation.send(FromPlainWorker::Partial { address, body }, now),
            Said::Final(body) => {
                conversation.request = None;
                conversation.send(FromPlainWorker::Final { address, body }, now);
            }
        }
    }
}
