//! Small clients: `Client` speaks v2, with reports, cancellation and requests that survive a restart of the broker;
//! `PlainClient` is RFC 18's, one request at a time. Both are one socket in the caller's thread, and wait where they say.

mod conversation;
mod plain;
mod requests;

pub use conversation::Client;
pub use plain::{PlainAnswer, PlainClient};
pub use requests::Answer;

use std::time::{SystemTime, UNIX_EPOCH};

use crate::protocol::ids::base32;

/// 128 random bits in base32: a client's id.
fn random_client_id() -> String {
    let mut bytes = [0u8; 16];
    let random = std::fs::File::open("/dev/urandom").and_then(|mut it| std::io::Read::read_exact(&mut it, &mut bytes));
    if random.is_err() {
        // Unique on one machine is enough where there is no better.
        let ns = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        bytes = (ns ^ u128::from(std::process::id()) << 96).to_le_bytes();
    }
    base32(&bytes)
}
