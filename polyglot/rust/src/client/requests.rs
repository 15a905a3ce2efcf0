//! A client's open requests, pure: what is sent again after a new beginning, and what is told to whoever asked.
//!
//! Rules: FINAL or ERROR ends a request, whatever else comes for it is ignored (C-7). Reports whose completion is below
//! what was shown are withheld (C-6). An invalid message ends all (C-11).
use crate::protocol::errors::{fail, ErrorCode, Fault};
use crate::protocol::frames::Frames;
use crate::protocol::messages::{FromClient, Report, ToClient};

/// A PARTIAL with more array bytes than this, as float64, is acknowledged (C-12).
const LARGE_REPORT_BYTES: usize = 256 * 1024;

/// What comes for a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// True of what has been seen so far.
    Partial(Report),
    /// Exact; the request is over.
    Final(Report),
    /// A piece of an opaque service's answer.
    RawPartial(Frames),
    /// The end of it.
    RawFinal(Frames),
    /// The request is over.
    Failed(Fault),
}

impl Answer {
    /// Nothing follows.
    pub fn is_end(&self) -> bool {
        !matches!(self, Answer::Partial(_) | Answer::RawPartial(_))
    }
}

struct Open {
    request_id: u64,
    message: FromClient,
    is_raw: bool,
    shown: f64,
}

/// The open requests of one client.
#[derive(Default)]
pub(crate) struct Requests {
    open: Vec<Open>,
}

impl Requests {
    pub fn add(&mut self, request_id: u64, message: FromClient) {
        let is_raw = matches!(message, FromClient::RawRequest { .. });
        self.open.push(Open { request_id, message, is_raw, shown: -1.0 });
    }

    pub fn has(&self, request_id: u64) -> bool {
        self.open.iter().any(|open| open.request_id == request_id)
    }

    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// All of them, for a broker that knows nothing.
    pub fn messages(&self) -> Vec<FromClient> {
        self.open.iter().map(|open| open.message.clone()).collect()
    }

    /// Everything ends in this fault.
    pub fn fail_all(&mut self, fault: &Fault) -> Vec<(u64, Answer)> {
        self.open.drain(..).map(|open| (open.request_id, Answer::Failed(fault.clone()))).collect()
    }

    /// What is told of a message, and what is sent for it.
    pub fn on_message(&mut self, message: ToClient) -> (Option<(u64, Answer)>, Option<FromClient>) {
        let (request_id, is_raw) = match &message {
            ToClient::Partial { request_id, .. } | ToClient::Final { request_id, .. } => (*request_id, Some(false)),
            ToClient::RawPartial { request_id, .. } | ToClient::RawFinal { request_id, .. } => {
                (*request_id, Some(true))
            }
            ToClient::Error { request_id, .. } => (*request_id, None),
            _ => return (None, None),
        };
        let Some(at) = self.open.iter().position(|open| open.request_id == request_id) else { return (None, None) };
        if is_raw.is_some_and(|is_raw| is_raw != self.open[at].is_raw) {
            self.open.remove(at);
            let fault = fail(ErrorCode::Protocol, "the answer is of another kind than the request");
            let cancel = FromClient::Cancel { job_id: None, request_id: Some(request_id) };
            return (Some((request_id, Answer::Failed(fault))), Some(cancel));
        }
        let (answer, reply) = match message {
            ToClient::Partial { report, .. } => {
                let seen = is_large(&report).then_some(FromClient::Heartbeat { seen: Some(request_id) });
                if report.completion < self.open[at].shown {
                    return (None, seen);
                }
                self.open[at].shown = report.completion;
                (Answer::Partial(report), seen)
            }
            ToClient::Final { report, .. } => (Answer::Final(report), None),
            ToClient::RawPartial { body, .. } => (Answer::RawPartial(body), None),
            ToClient::RawFinal { body, .. } => (Answer::RawFinal(body), None),
            ToClient::Error { fault, .. } => (Answer::Failed(fault), None),
            _ => unreachable!("only answers have a request"),
        };
        if answer.is_end() {
            self.open.remove(at);
        }
        (Some((request_id, answer)), reply)
    }
}

fn is_large(report: &Report) -> bool {
    report.arrays.iter().map(|(_, array)| array.data.len() * 8).sum::<usize>() > LARGE_REPORT_BYTES
}
