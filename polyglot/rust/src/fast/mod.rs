//! The twins of two built-in services, HIST and ENT: the same descriptor digests and the same parts to the bit, faster.
//! `binglide-fast` serves both on one slot.

mod ent;
mod hist;
mod histogram;

pub use ent::Ent;
pub use hist::Hist;
pub use histogram::add_histogram;
