//! Services: `Definition` says what one is, `Service` computes, `serve` makes a program of it that becomes a worker.
//!
//! A worker is two processes. The one that `serve` becomes holds the sockets and the clocks (core.rs decides, slot.rs
//! does); a child of the same program computes (compute.rs, engine.rs), and is ended by force where it does not stop.

mod arguments;
mod bare;
mod bench;
mod compute;
pub mod core;
pub mod definition;
pub mod engine;
pub mod events;
mod fields;
mod finish;
mod fold;
pub mod options;
pub mod out;
mod pipe;
pub mod plain;
mod reader;
pub mod rows;
mod sample;
mod seat;
mod serve;
mod sink;
mod slot;
pub mod source;
mod state;
mod thinning;

pub use definition::{Definition, FinishPart, Outcome, Outputs, Service, TaskView};
pub use fields::{Field, Param};
pub use out::Out;
pub use plain::{serve_plain, serve_plain_partials, PlainWorker};
pub use rows::Rows;
pub use serve::{serve, serve_all};

pub use crate::protocol::descriptor::{Form, OutputSpec, Scope};
pub use crate::protocol::params::Params;
