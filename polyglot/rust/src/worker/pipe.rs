//! Messages between a worker's two processes, over a pair of Unix sockets: the number of frames, then each frame's length
//! and bytes, numbers of 32 bits little-endian. The first frame is a msgpack map.
use std::io::{self, Read, Write};

use rmpv::Value;

use crate::protocol::codec::{pack, unpack_map};
use crate::protocol::frames::Frames;

/// Sends a map and frames behind it.
pub(crate) fn write_message(to: &mut impl Write, map: &Value, frames: &[Vec<u8>]) -> io::Result<()> {
    let first = pack(map);
    let mut bytes = Vec::with_capacity(8 + first.len() + frames.iter().map(|frame| 4 + frame.len()).sum::<usize>());
    bytes.extend_from_slice(&(1 + frames.len() as u32).to_le_bytes());
    for frame in std::iter::once(&first).chain(frames) {
        bytes.extend_from_slice(&(frame.len() as u32).to_le_bytes());
        bytes.extend_from_slice(frame);
    }
    to.write_all(&bytes)
}

/// Collects bytes until whole messages are there.
#[derive(Default)]
pub(crate) struct Inbox {
    bytes: Vec<u8>,
}

impl Inbox {
    /// One read's worth of bytes; false: the other side is gone. A socket that would block has none now.
    pub fn read_from(&mut self, from: &mut impl Read) -> io::Result<bool> {
        let before = self.bytes.len();
        self.bytes.resize(before + (1 << 18), 0);
        let got = from.read(&mut self.bytes[before..]);
        self.bytes.truncate(before + *got.as_ref().unwrap_or(&0));
        match got {
            Ok(0) => Ok(false),
            Ok(_) => Ok(true),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// The next whole message, if it is there. Both ends are the same program: what is no message is a bug.
    pub fn next(&mut self) -> Option<(Value, Frames)> {
        let number = |at: usize| {
            let bytes = self.bytes.get(at..at + 4)?;
            Some(u32::from_le_bytes(bytes.try_into().expect("four bytes")) as usize)
        };
        let (mut at, count) = (4, number(0)?);
        let mut places = Vec::new();
        for _ in 0..count {
            let length = number(at)?;
            if self.bytes.len() < at + 4 + length {
                return None;
            }
            places.push(at + 4..at + 4 + length);
            at += 4 + length;
        }
        let mut frames = places.into_iter().map(|place| self.bytes[place].to_vec());
        let map = unpack_map(&frames.next().expect("one frame at least")).expect("a map of this program's own");
        let frames = frames.collect();
        self.bytes.drain(..at);
        Some((map, frames))
    }
}
