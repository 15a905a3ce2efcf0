//! A v2 client: one DEALER, its conversations with the broker, one after the other where they end.
//!
//! Rules: HELLO is the first message on every socket, and nothing else is sent before WELCOME (C-3). A broker that was
//! silent for 5 intervals is late: a new socket, HELLO, and all open requests again under their numbers (C-1). Sockets
//! are opened every 100 ms at the most (C-9).
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::random_client_id;
use super::requests::{Answer, Requests};
use crate::protocol::decode::decode_to_client;
use crate::protocol::encode::encode_from_client;
use crate::protocol::errors::{fail, ErrorCode, Fault};
use crate::protocol::frames::Frames;
use crate::protocol::ids::job_id_of;
use crate::protocol::liveness::Liveness;
use crate::protocol::messages::{FromClient, Query, ToClient, Welcome};

const HEARTBEAT_MS: f64 = 1000.0;
const REOPEN_MS: f64 = 100.0;
/// Without a broker for so long requests end.
const NO_BROKER_MS: f64 = 10_000.0;

/// So long may the last message take to leave, in milliseconds.
const FAREWELL_MS: i32 = 1000;

/// A client. Nothing happens but in `next`: whoever waits elsewhere for longer than 5 intervals loses its jobs.
pub struct Client {
    context: zmq::Context,
    endpoint: String,
    client_id: String,
    socket: Option<zmq::Socket>,
    liveness: Liveness,
    /// Of the broker that welcomed us on this socket.
    welcome: Option<Welcome>,
    was_welcomed: bool,
    opened_at: f64,
    /// Without a broker since then.
    alone_since: f64,
    requests: Requests,
    request_ids: u64,
    /// Said before WELCOME, of no request's own: cancellations.
    unsaid: Vec<FromClient>,
    told: VecDeque<(u64, Answer)>,
    began: Instant,
}

impl Client {
    /// Connects in the background. E_USAGE where the endpoint is none.
    pub fn connect(endpoint: &str) -> Result<Client, Fault> {
        let mut client = Client {
            context: zmq::Context::new(),
            endpoint: endpoint.to_string(),
            client_id: random_client_id(),
            socket: None,
            liveness: Liveness::new(HEARTBEAT_MS, 0.0),
            welcome: None,
            was_welcomed: false,
            opened_at: -REOPEN_MS,
            alone_since: 0.0,
            requests: Requests::default(),
            request_ids: 0,
            unsaid: Vec::new(),
            told: VecDeque::new(),
            began: Instant::now(),
        };
        client.open()?;
        Ok(client)
    }

    /// Asks a service with a descriptor; the request's number.
    pub fn ask(&mut self, query: Query) -> u64 {
        let job_id = None;
        self.begin(|request_id| FromClient::Request { request_id, job_id, query })
    }

    /// Asks an opaque service.
    pub fn ask_raw(&mut self, service: &str, body: Frames) -> u64 {
        let service = service.to_string();
        self.begin(|request_id| FromClient::RawRequest { request_id, service, body })
    }

    /// The request's job id, which anybody may cancel.
    pub fn job_id(&self, request_id: u64) -> String {
        job_id_of(&self.client_id, request_id)
    }

    /// Asks that the request end; its end comes as E_CANCELLED, unless FINAL was faster.
    pub fn cancel(&mut self, request_id: u64) {
        if self.requests.has(request_id) {
            self.say(FromClient::Cancel { job_id: None, request_id: Some(request_id) });
        }
    }

    /// What comes next for any request, with its number; none: nothing came in time.
    pub fn next(&mut self, wait: Duration) -> Result<Option<(u64, Answer)>, Fault> {
        let until = self.now() + wait.as_secs_f64() * 1e3;
        loop {
            if let Some(told) = self.told.pop_front() {
                return Ok(Some(told));
            }
            self.keep_alive()?;
            let now = self.now();
            if self.told.is_empty() && now >= until {
                return Ok(None);
            }
            let due = if self.socket.is_some() { self.liveness.deadline() } else { self.opened_at + REOPEN_MS };
            let wait_ms = (due.min(until) - now).clamp(0.0, 1000.0).ceil() as i64;
            match &self.socket {
                Some(socket) => {
                    if socket.poll(zmq::POLLIN, wait_ms).is_ok_and(|ready| ready > 0) {
                        self.receive();
                    }
                }
                None => std::thread::sleep(Duration::from_millis(wait_ms as u64)),
            }
        }
    }

    fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64() * 1e3
    }

    fn begin(&mut self, message: impl FnOnce(u64) -> FromClient) -> u64 {
        self.request_ids += 1;
        if self.requests.is_empty() && self.welcome.is_none() {
            self.alone_since = self.now();
        }
        let message = message(self.request_ids);
        self.requests.add(self.request_ids, message.clone());
        if self.welcome.is_some() {
            self.send(message);
        }
        self.request_ids
    }

    fn say(&mut self, message: FromClient) {
        if self.welcome.is_some() {
            self.send(message);
        } else {
            self.unsaid.push(message);
        }
    }

    fn send(&mut self, message: FromClient) {
        let now = self.now();
        if let Some(socket) = &self.socket {
            self.liveness.spoke(now);
            let _ = socket.send_multipart(encode_from_client(message), zmq::DONTWAIT);
        }
    }

    fn open(&mut self) -> Result<(), Fault> {
        let bad = |error: zmq::Error| fail(ErrorCode::Usage, format!("no socket to {}: {error}", self.endpoint));
        let socket = self.context.socket(zmq::DEALER).map_err(bad)?;
        socket.set_linger(0).map_err(bad)?;
        socket.set_sndhwm(0).map_err(bad)?;
        socket.connect(&self.endpoint).map_err(bad)?;
        self.opened_at = self.now();
        self.liveness = Liveness::new(HEARTBEAT_MS, self.opened_at);
        self.socket = Some(socket);
        self.send(FromClient::Hello { client_id: self.client_id.clone() });
        Ok(())
    }

    /// The conversation is over; the next begins when it may.
    fn lose(&mut self) {
        self.socket = None;
        if self.welcome.take().is_some() {
            self.alone_since = self.now();
        }
    }

    fn keep_alive(&mut self) -> Result<(), Fault> {
        let now = self.now();
        if self.socket.is_some() && self.liveness.is_late(now) {
            self.lose();
        }
        if self.socket.is_none() && now >= self.opened_at + REOPEN_MS {
            self.open()?;
        }
        if self.welcome.is_some() && self.liveness.beat_is_due(now) {
            self.send(FromClient::Heartbeat { seen: None });
        }
        if self.welcome.is_none() && now >= self.alone_since + NO_BROKER_MS && !self.requests.is_empty() {
            let (code, what) = match self.was_welcomed {
                true => (ErrorCode::BrokerLost, "went away and did not come back; ask again"),
                false => (ErrorCode::NoBroker, "does not answer; start one with `binglide up`"),
            };
            let fault = fail(code, format!("the broker at {} {what}", self.endpoint));
            self.told.extend(self.requests.fail_all(&fault));
        }
        Ok(())
    }

    fn receive(&mut self) {
        while let Some(Ok(frames)) = self.socket.as_ref().map(|socket| socket.recv_multipart(zmq::DONTWAIT)) {
            let now = self.now();
            match decode_to_client(&frames) {
                Err(fault) => {
                    let what = format!("the broker said what cannot be understood: {}", fault.message);
                    self.told.extend(self.requests.fail_all(&fail(ErrorCode::Protocol, what)));
                }
                Ok(message) => {
                    self.liveness.heard(now);
                    self.on_message(message, now);
                }
            }
        }
    }

    fn on_message(&mut self, message: ToClient, now: f64) {
        match message {
            ToClient::Welcome(welcome) => self.on_welcome(welcome, now),
            ToClient::Disconnect => self.lose(),
            message if self.welcome.is_some() => {
                let (told, reply) = self.requests.on_message(message);
                self.told.extend(told);
                reply.into_iter().for_each(|reply| self.send(reply));
            }
            _ => {}
        }
    }

    fn on_welcome(&mut self, welcome: Welcome, now: f64) {
        match &self.welcome {
            Some(known) if known.epoch == welcome.epoch => {}
            Some(_) => self.lose(),
            None => {
                self.liveness = Liveness::new(welcome.heartbeat_ms as f64, now);
                self.welcome = Some(welcome);
                self.was_welcomed = true;
                let again = self.requests.messages().into_iter().chain(std::mem::take(&mut self.unsaid));
                again.collect::<Vec<_>>().into_iter().for_each(|message| self.send(message));
            }
        }
    }
}

impl Drop for Client {
    /// Its jobs end at once, not after 5 intervals (C-10).
    fn drop(&mut self) {
        if self.welcome.is_some() {
            self.send(FromClient::Disconnect);
        }
        if let Some(socket) = &self.socket {
            let _ = socket.set_linger(FAREWELL_MS);
        }
    }
}
