//! `serve(service)`, the last line of an author's program: by its arguments the program becomes a worker, the compute
//! process of one, a description of itself, or a measurement.
use std::time::{SystemTime, UNIX_EPOCH};

use super::arguments::Arguments;
use super::bare::bare;
use super::compute::compute;
use super::definition::{Loaded, Service};
use super::slot::{run_slot, SlotOptions};
use super::source::Roots;
use crate::protocol::descriptor::hex16;
use crate::protocol::errors::{fail, ErrorCode, Fault};

/// Serves one service; does not return. A fault goes to standard error in one line, and ends with 2 where the usage is
/// wrong, else with 1.
pub fn serve(service: impl Service) -> ! {
    serve_all(vec![Box::new(service)])
}

/// Serves several services on one slot of one process, each with a conversation of its own.
pub fn serve_all(services: Vec<Box<dyn Service>>) -> ! {
    let ended = Arguments::parse(std::env::args_os().skip(1)).and_then(|arguments| run(arguments, services));
    let Err(fault) = ended else { std::process::exit(0) };
    eprintln!("binglide: {fault}");
    std::process::exit(if fault.code == ErrorCode::Usage { 2 } else { 1 })
}

fn run(arguments: Arguments, services: Vec<Box<dyn Service>>) -> Result<(), Fault> {
    let mut loaded = services.into_iter().map(Loaded::of).collect::<Result<Vec<_>, _>>()?;
    if arguments.is_compute {
        compute(loaded, Roots::resolve(&arguments.roots)?);
    }
    if loaded.iter().any(|loaded| !loaded.is_versioned) {
        let hash = program_hash()?;
        loaded.iter_mut().for_each(|loaded| loaded.version_from(&hash));
    }
    for (i, one) in loaded.iter().enumerate() {
        let name = &one.descriptor.name;
        if loaded[..i].iter().any(|other| other.descriptor.name == *name) {
            return Err(fail(ErrorCode::Usage, format!("services stand twice: {name}")));
        }
    }
    if arguments.describe {
        for one in &loaded {
            println!("{}", crate::protocol::json::json_of(&one.descriptor.to_value()));
        }
        return Ok(());
    }
    if let Some(file) = &arguments.bare {
        return loaded.iter().try_for_each(|one| bare(one, file, &arguments));
    }
    let broker = arguments.broker.or_else(|| std::env::var("BINGLIDE_BROKER").ok()).filter(|it| !it.is_empty());
    let none = || fail(ErrorCode::Usage, "no broker given; name one with --broker or $BINGLIDE_BROKER");
    Roots::resolve(&arguments.roots)?;
    let options = SlotOptions {
        broker: broker.ok_or_else(none)?,
        slot: arguments.slot.unwrap_or_else(slot_name),
        roots: arguments.roots,
        stall_ms: arguments.stall_ms,
        parent: arguments.parent,
    };
    run_slot(options, &loaded)
}

/// 16 hex digits that stand for the version of a service without one: of its program's file.
fn program_hash() -> Result<String, Fault> {
    let read = || std::fs::read(std::env::current_exe()?);
    let failed = |error: std::io::Error| fail(ErrorCode::Io, format!("the program cannot be read: {error}"));
    read().map(|bytes| hex16(&bytes)).map_err(failed)
}

/// Unique as far as one needs who starts a worker by hand.
fn slot_name() -> String {
    let ns = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    format!("{}.{ns:08x}", std::process::id())
}
