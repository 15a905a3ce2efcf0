//! HIST and ENT on one slot: `binglide-fast --broker ENDPOINT --slot ID`.
use binglide::fast::{Ent, Hist};
use binglide::worker::serve_all;

fn main() {
    serve_all(vec![Box::new(Hist), Box::new(Ent)])
}
