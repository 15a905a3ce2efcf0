//! The first two frames of every message: six bytes that name dialect and side, one byte that names the command.
//! BXMDPv2.md section 3 is the table; RFC 18 is the authority for MDPC02 and MDPW02.

/// One message as ZeroMQ carries it, routing ids taken off.
pub type Frames = Vec<Vec<u8>>;

/// Plain RFC 18 client.
pub const MDPC02: &[u8] = b"MDPC02";
/// Plain RFC 18 worker.
pub const MDPW02: &[u8] = b"MDPW02";
/// v2 client.
pub const BXMC02: &[u8] = b"BXMC02";
/// v2 worker.
pub const BXMW02: &[u8] = b"BXMW02";

/// Commands of the client's side.
#[allow(missing_docs)]
pub mod client {
    pub const REQUEST: u8 = 1;
    pub const PARTIAL: u8 = 2;
    pub const FINAL: u8 = 3;
    pub const HEARTBEAT: u8 = 5;
    pub const DISCONNECT: u8 = 6;
    pub const HELLO: u8 = 7;
    pub const WELCOME: u8 = 8;
    pub const CANCEL: u8 = 9;
    pub const ERROR: u8 = 10;
}

/// Commands of the worker's side.
#[allow(missing_docs)]
pub mod worker {
    pub const READY: u8 = 1;
    pub const REQUEST: u8 = 2;
    pub const PARTIAL: u8 = 3;
    pub const FINAL: u8 = 4;
    pub const HEARTBEAT: u8 = 5;
    pub const DISCONNECT: u8 = 6;
    pub const WELCOME: u8 = 8;
    pub const CANCEL: u8 = 9;
    pub const ERROR: u8 = 10;
}

/// The first body frame of an error to a plain client.
pub const PLAIN_ERROR_MARK: &[u8] = b"BXERR02";
/// The first frame of a cancellation on the PUB socket; the second is the job id.
pub const CANCEL_TOPIC: &[u8] = b"cancel";

/// Header, command and what follows.
pub fn envelope(header: &[u8], command: u8, rest: impl IntoIterator<Item = Vec<u8>>) -> Frames {
    let mut frames = vec![header.to_vec(), vec![command]];
    frames.extend(rest);
    frames
}
