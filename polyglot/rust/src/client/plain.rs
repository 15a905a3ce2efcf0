//! RFC 18's client: strictly synchronous, one request at a time (P-4).
use std::time::{Duration, Instant};

use crate::protocol::codec::unpack_map;
use crate::protocol::decode::decode_to_plain_client;
use crate::protocol::encode::encode_plain_request;
use crate::protocol::errors::{fail, ErrorCode, Fault};
use crate::protocol::fields;
use crate::protocol::frames::{Frames, PLAIN_ERROR_MARK};

/// Sockets that ask the same before a broker counts as gone.
const ATTEMPTS: usize = 3;

/// A piece of the answer, or its end.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum PlainAnswer {
    Partial(Frames),
    Final(Frames),
}

/// A plain client.
pub struct PlainClient {
    // Before the context: sockets are closed first.
    socket: zmq::Socket,
    endpoint: String,
    context: zmq::Context,
}

impl PlainClient {
    /// Connects in the background. E_USAGE where the endpoint is none.
    pub fn connect(endpoint: &str) -> Result<PlainClient, Fault> {
        let context = zmq::Context::new();
        let socket = open(&context, endpoint)?;
        Ok(PlainClient { socket, endpoint: endpoint.to_string(), context })
    }

    /// Asks, and calls `partial` for each PARTIAL; the body of the FINAL. An error of the broker's (P-3) is a fault. Where
    /// nothing comes for `silence`, a new socket asks again (RFC 18); after the third one it is E_NO_BROKER.
    pub fn ask(
        &mut self,
        service: &str,
        body: Frames,
        silence: Duration,
        mut partial: impl FnMut(Frames),
    ) -> Result<Frames, Fault> {
        for _ in 0..ATTEMPTS {
            let send = self.socket.send_multipart(encode_plain_request(service, body.clone()), zmq::DONTWAIT);
            send.map_err(|error| fail(ErrorCode::NoBroker, format!("{}: {error}", self.endpoint)))?;
            while let Some(answer) = self.receive(service, silence)? {
                match answer {
                    PlainAnswer::Partial(body) => partial(body),
                    PlainAnswer::Final(body) => return unless_error(body),
                }
            }
            // What the old socket still holds belongs to nobody.
            self.socket = open(&self.context, &self.endpoint)?;
        }
        let what = format!("the broker at {} does not answer; start one with `binglide up`", self.endpoint);
        Err(fail(ErrorCode::NoBroker, what))
    }

    /// None: nothing came in time.
    fn receive(&self, service: &str, silence: Duration) -> Result<Option<PlainAnswer>, Fault> {
        let until = Instant::now() + silence;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            if !self.socket.poll(zmq::POLLIN, left.as_millis() as i64 + 1).is_ok_and(|ready| ready > 0) {
                continue;
            }
            let Ok(frames) = self.socket.recv_multipart(zmq::DONTWAIT) else { continue };
            let answer = decode_to_plain_client(&frames)?;
            if answer.service != service {
                let what = format!("an answer of {:.80} to a request of {service}", answer.service);
                return Err(fail(ErrorCode::Protocol, what));
            }
            return Ok(Some(match answer.is_final {
                true => PlainAnswer::Final(answer.body),
                false => PlainAnswer::Partial(answer.body),
            }));
        }
    }
}

fn open(context: &zmq::Context, endpoint: &str) -> Result<zmq::Socket, Fault> {
    let bad = |error: zmq::Error| fail(ErrorCode::Usage, format!("no socket to {endpoint}: {error}"));
    let socket = context.socket(zmq::DEALER).map_err(bad)?;
    socket.set_linger(0).map_err(bad)?;
    socket.connect(endpoint).map_err(bad)?;
    Ok(socket)
}

fn unless_error(body: Frames) -> Result<Frames, Fault> {
    match &body[..] {
        [mark, map] if mark == PLAIN_ERROR_MARK => Err(fields::fault(&unpack_map(map)?)?),
        _ => Ok(body),
    }
}
