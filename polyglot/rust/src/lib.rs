//! binglide for Rust: services (`worker`), small clients (`client`) and the protocol BXMDPv2 (`protocol`), which
//! protocol/BXMDPv2.md specifies. The names are those of the specification, in this language's case.
//!
//! A service is a type with two methods and the one line `serve(Bits)`: see examples/bits.rs. Whoever only wants to
//! ask finds examples/ask.rs.
#![forbid(unsafe_op_in_unsafe_fn)]
#![warn(missing_docs)]

pub mod client;
pub mod fast;
pub mod protocol;
pub mod worker;

pub use protocol::errors::{fail, ErrorCode, Fault};
