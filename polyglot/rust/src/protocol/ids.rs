//! The names of things on the wire. A job id is `len(clientId):clientId` followed by the request number: a client knows
//! it before it sends, it is printable, and whoever asks on the job's behalf carries it on.
use super::codec::SAFE_MAX;

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Lower-case RFC 4648 base32 without padding.
pub fn base32(bytes: &[u8]) -> String {
    let mut text = String::new();
    let (mut held, mut bits) = (0u32, 0);
    for &byte in bytes {
        held = (held << 8) | u32::from(byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(ALPHABET[(held >> bits) as usize & 31] as char);
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.push(ALPHABET[(held << (5 - bits)) as usize & 31] as char);
    }
    text
}

/// 16 to 64 characters of `a-z2-7`.
pub fn is_client_id(text: &str) -> bool {
    (16..=64).contains(&text.len()) && text.bytes().all(|byte| ALPHABET.contains(&byte))
}

/// 1 to 255 characters of printable ASCII: slots, epochs, names of services.
pub fn is_token(text: &[u8]) -> bool {
    (1..=255).contains(&text.len()) && text.iter().all(|byte| (0x21..=0x7e).contains(byte))
}

/// The name of a job before it is asked for.
pub fn job_id_of(client: &str, request: u64) -> String {
    format!("{}:{client}{request}", client.len())
}

/// The two halves of a job id; none where the text is no job id.
pub fn parse_job_id(text: &str) -> Option<(&str, u64)> {
    let (length, rest) = text.split_once(':')?;
    let count = decimal(length)? as usize;
    let client = rest.get(..count)?;
    let request = decimal(&rest[count..])?;
    is_token(client.as_bytes()).then_some((client, request))
}

/// A safe number in decimal without sign or leading zeros.
fn decimal(text: &str) -> Option<u64> {
    let value: u64 = text.parse().ok()?;
    (value.to_string() == text && value <= SAFE_MAX as u64).then_some(value)
}
