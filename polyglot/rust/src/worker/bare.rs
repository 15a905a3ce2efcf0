//! `--bare FILE`: the author's function alone, without a broker. Bytes are read before the clock starts, rows are cut as
//! a task would have them, nothing is folded or checked. It is what a task's time is compared with.
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

use super::arguments::Arguments;
use super::definition::{Loaded, TaskView};
use super::engine::{Pace, Unwatched};
use super::fold::PartBuilder;
use super::rows::Rows;
use crate::protocol::algebra::Span;
use crate::protocol::codec::map_of;
use crate::protocol::descriptor::Form;
use crate::protocol::errors::{fail, ErrorCode, Fault};
use crate::protocol::fields as read;
use crate::protocol::json::value_of;
use crate::protocol::params::{check_params, Params};

/// Prints one line of JSON: {"pieces": n, "bytes": b, "ms": [ms of each piece]}.
pub(crate) fn bare(loaded: &Loaded, path: &Path, arguments: &Arguments) -> Result<(), Fault> {
    if loaded.descriptor.inputs != 1 {
        return Err(fail(ErrorCode::Usage, format!("{} compares files; --bare has one", loaded.descriptor.name)));
    }
    let failed = |error: std::io::Error| fail(ErrorCode::Io, format!("{}: {error}", path.display()));
    let file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let given = arguments.params.as_deref().map_or(Ok(Params::default()), params_of)?;
    let params = check_params(&loaded.descriptor.name, &loaded.descriptor.params, &given)?;
    let overlap_bytes = loaded.overlap(&params)?;
    loaded.service.prepare();
    let piece_bytes = arguments.piece_bytes.min(size);
    let pieces = size.checked_div(piece_bytes).unwrap_or(0);
    let pace = Pace::default();
    let mut ms = Vec::new();
    for start in (0..pieces).map(|piece| piece * piece_bytes) {
        let length = (piece_bytes + overlap_bytes).min(size - start);
        let mut bytes = vec![0; length as usize];
        file.read_exact_at(&mut bytes, start).map_err(failed)?;
        let span = Span { start, end: start + piece_bytes, cell_bytes: arguments.cell_bytes };
        ms.push(piece_ms(loaded, &params, span, &bytes, size, &pace)?);
    }
    println!("{}", serde_json::json!({"pieces": pieces, "bytes": pieces * piece_bytes, "ms": ms}));
    Ok(())
}

fn params_of(text: &str) -> Result<Params, Fault> {
    let bad = |_| fail(ErrorCode::Usage, format!("--params is {text:.80}; it takes a JSON map"));
    let json = serde_json::from_str(text).map_err(bad)?;
    read::params(&map_of([("params", value_of(&json))]))
}

/// Milliseconds of compute alone.
fn piece_ms(loaded: &Loaded, params: &Params, span: Span, bytes: &[u8], size: u64, pace: &Pace) -> Result<f64, Fault> {
    let mut builder = PartBuilder::new(loaded, span, Form::Summed, params, false)?;
    let mut rows = Rows { overlap_bytes: loaded.overlap(params)?, ..Rows::default() };
    let (mut at, mut ms) = (span.start, 0.0);
    while at < span.end {
        let grid = loaded.grid(span.cell_bytes, Form::Summed, pace.bytes());
        rows.cut(&grid, at, span.end, pace.bytes());
        let next = rows.end();
        let held = (at - span.start) as usize..((next + rows.overlap_bytes - span.start) as usize).min(bytes.len());
        rows.held[0].length = held.len();
        rows.held[0].bytes.clear();
        rows.held[0].bytes.extend_from_slice(&bytes[held]);
        let out = builder.outs(&rows);
        let view = TaskView {
            params,
            form: Form::Summed,
            input_sizes: &[size],
            watch: &Unwatched,
            rows: &rows,
            bytes_done: at - span.start,
        };
        let began = Instant::now();
        let outcome = loaded.service.compute(&rows, out, &view);
        let took = began.elapsed().as_secs_f64() * 1e3;
        outcome.map_err(|error| fail(ErrorCode::Service, format!("{} failed: {error}", loaded.descriptor.name)))?;
        pace.measured(next - at, took);
        ms += took;
        at = next;
    }
    Ok(ms)
}
