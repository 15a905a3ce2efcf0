//! Computes one task: opens inputs, reads batches, lets the service compute, folds, and makes the part.
//!
//! Rules: the cancel flag is tested and progress told between batches, which are 1 MiB at most and smaller for services
//! that are slow. Every failure comes out as a typed error; a panic of the author's is one with file and line.
use std::cell::RefCell;
use std::error::Error;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Once;
use std::time::Instant;

use super::definition::{Loaded, Outcome, TaskView, Watch};
use super::finish::finish;
use super::fold::PartBuilder;
use super::reader::fill;
use super::rows::{Grid, Rows, BATCH_BYTES_MAX};
use super::source::{Roots, Source};
use super::state::cancelled;
use super::thinning::Thinning;
use crate::protocol::algebra::Span;
use crate::protocol::descriptor::{Form, Size};
use crate::protocol::errors::{fail, ErrorCode, Fault};
use crate::protocol::messages::{ReadTask, Task, TaskWork};
use crate::protocol::params::{check_params, Params};
use crate::protocol::parts::PartFrames;

/// A batch is to take about so long, so that a service that is slow need not test the cancel flag itself.
const BATCH_MS: f64 = 20.0;
const BATCH_BYTES_MIN: f64 = (64 << 10) as f64;
/// The overlap of a row at the most.
const OVERLAP_BYTES_MAX: i64 = 64 << 20;

/// A service that computes task after task.
pub struct Engine {
    loaded: Loaded,
    roots: Roots,
    /// How many bytes of input go by in a batch: measured, kept between tasks.
    pace: Pace,
}

/// Who cancels nothing and hears nothing.
pub struct Unwatched;
impl Watch for Unwatched {
    fn is_cancelled(&self) -> bool {
        false
    }
    fn progressed(&self, _: u64) {}
}

impl Engine {
    /// Files are opened under `roots` only.
    pub fn new(loaded: Loaded, roots: Roots) -> Engine {
        record_panics();
        Engine { loaded, roots, pace: Pace::default() }
    }

    /// The service's name.
    pub fn name(&self) -> &str {
        &self.loaded.descriptor.name
    }

    /// The part, or what went wrong, and what it cost.
    pub fn run(&self, task: &Task) -> (Result<PartFrames, Fault>, TaskWork) {
        self.run_watched(task, &Unwatched)
    }

    pub(crate) fn run_watched(&self, task: &Task, watch: &dyn Watch) -> (Result<PartFrames, Fault>, TaskWork) {
        let began = Instant::now();
        let mut sources = Vec::new();
        let result = match task {
            Task::Read(task) => self.read(task, &mut sources, watch),
            Task::Finish(task) => finish(&self.loaded, task, |act| self.call(" in finish", act)),
        };
        let seek_ms = sources.iter().filter_map(Source::seek_ms).reduce(f64::max);
        let bytes_read = sources.iter().map(|source: &Source| source.bytes_read).sum();
        let work = TaskWork { bytes_read, ms: began.elapsed().as_secs_f64() * 1e3, seek_ms };
        (result.map_err(|fault| self.typed(fault, task, watch)), work)
    }

    fn typed(&self, mut fault: Fault, task: &Task, watch: &dyn Watch) -> Fault {
        if watch.is_cancelled() {
            fault = cancelled();
        } else if let Task::Read(ReadTask { runs, .. }) = task {
            let (first, last) = (runs.first(), runs.last());
            fault.range = fault.range.or(first.zip(last).map(|(first, last)| (first.0, last.1)));
        }
        fault.service.get_or_insert_with(|| self.name().to_string());
        fault
    }

    fn read(&self, task: &ReadTask, sources: &mut Vec<Source>, watch: &dyn Watch) -> Result<PartFrames, Fault> {
        let descriptor = &self.loaded.descriptor;
        if task.inputs.len() != descriptor.inputs {
            let what = format!("task of {}: {} inputs, not {}", self.name(), task.inputs.len(), descriptor.inputs);
            return Err(fail(ErrorCode::Protocol, what));
        }
        let params = check_params(self.name(), &descriptor.params, &task.params)?;
        for input in &task.inputs {
            sources.push(Source::open(input, &self.roots)?);
        }
        TaskRun::new(self, task, &params, sources, watch)?.run()
    }

    /// One call of the author's; `what` says where a fault belongs.
    fn call<T>(&self, what: &str, act: impl FnOnce() -> Result<T, Box<dyn Error + Send + Sync>>) -> Result<T, Fault> {
        let told = match catch_unwind(AssertUnwindSafe(act)) {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => match error.downcast::<Fault>() {
                Ok(fault) if fault.code != ErrorCode::Service => return Err(*fault),
                Ok(fault) => fault.message,
                Err(error) => error.to_string(),
            },
            Err(_) => last_panic(),
        };
        let line: String = told.lines().next().unwrap_or("").chars().take(400).collect();
        Err(fail(ErrorCode::Service, format!("{} failed{what}: {line}", self.name())))
    }
}

/// Bytes of a batch, so that one takes about 20 ms.
pub(crate) struct Pace(AtomicU64);

impl Default for Pace {
    fn default() -> Pace {
        Pace(AtomicU64::new(BATCH_BYTES_MIN as u64))
    }
}

impl Pace {
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub fn measured(&self, bytes: u64, ms: f64) {
        let aim = bytes as f64 / ms.max(0.01) * BATCH_MS;
        self.0.store(aim.clamp(BATCH_BYTES_MIN, BATCH_BYTES_MAX as f64) as u64, Ordering::Relaxed);
    }
}

impl Loaded {
    /// How batches of the service are cut.
    pub(crate) fn grid(&self, cell_bytes: u64, form: Form, batch_bytes: u64) -> Grid {
        // A block is computed in one piece, so its row is never a stretch of it.
        let stretch_bytes = if form == Form::Whole { BATCH_BYTES_MAX } else { batch_bytes };
        Grid { cell_bytes, row_bytes: self.row_bytes, stretch_bytes }
    }

    /// Bytes readable past a row's own; E_PARAM where that is too many.
    pub(crate) fn overlap(&self, params: &Params) -> Result<u64, Fault> {
        let bytes = self.descriptor.overlap.of(params);
        if (0..=OVERLAP_BYTES_MAX).contains(&bytes) {
            return Ok(bytes as u64);
        }
        let what = format!("{}: an overlap of {bytes} is not 0 to {OVERLAP_BYTES_MAX} bytes", self.descriptor.name);
        Err(fail(ErrorCode::Param, what))
    }
}

/// One task under way.
struct TaskRun<'a> {
    engine: &'a Engine,
    task: &'a ReadTask,
    params: &'a Params,
    sources: &'a mut [Source],
    sizes: Vec<u64>,
    watch: &'a dyn Watch,
    rows: Rows,
    builder: PartBuilder,
    shift: i64,
    /// Bytes of earlier batches.
    bytes_done: u64,
}

impl<'a> TaskRun<'a> {
    fn new(
        engine: &'a Engine,
        task: &'a ReadTask,
        params: &'a Params,
        sources: &'a mut [Source],
        watch: &'a dyn Watch,
    ) -> Result<TaskRun<'a>, Fault> {
        let loaded = &engine.loaded;
        let (start, end) = (task.runs[0].0, task.runs[task.runs.len() - 1].1);
        let shift = loaded.descriptor.shift.clone().map_or(0, |name| Size::Param(name).of(params));
        let sizes: Vec<u64> = sources.iter().map(Source::size).collect();
        let ends = sizes.iter().enumerate().map(|(input, &size)| size as i64 - if input == 0 { 0 } else { shift });
        let common = ends.min().unwrap_or(0);
        if start < end && (end as i64 > common || start as i64 + shift < 0) {
            let what = format!("[{start}, {end}) is not inside the input, which has {common} bytes there");
            return Err(fail(ErrorCode::Range, what));
        }
        let span = Span { start, end, cell_bytes: task.cell_bytes };
        let rows = Rows { overlap_bytes: loaded.overlap(params)?, ..Rows::default() };
        let builder = PartBuilder::new(loaded, span, task.form, params, task.sampled)?;
        Ok(TaskRun { engine, task, params, sources, sizes, watch, rows, builder, shift, bytes_done: 0 })
    }

    fn run(mut self) -> Result<PartFrames, Fault> {
        let runs = &self.task.runs;
        // Where reads are slow, runs of a sample are passed over.
        let mut thinning = Thinning::new(runs.len(), self.task.read_ms_max.unwrap_or(f64::INFINITY));
        let (mut i, mut before) = (0, 0.0);
        while i < runs.len() {
            let (start, end) = runs[i];
            self.builder.run_begins(start);
            self.compute_run(start, end)?;
            self.builder.run_ended(start, end);
            let read_ms: f64 = self.sources.iter().map(|source| source.read_ms).sum();
            i = thinning.next(i, read_ms - before);
            before = read_ms;
        }
        if self.watch.is_cancelled() {
            return Err(cancelled());
        }
        self.sources.iter().try_for_each(Source::check_unchanged)?;
        self.builder.finish()
    }

    fn compute_run(&mut self, start: u64, end: u64) -> Result<(), Fault> {
        let mut at = start;
        while at < end {
            if self.watch.is_cancelled() {
                return Err(cancelled());
            }
            let batch_bytes = self.engine.pace.bytes();
            let grid = self.engine.loaded.grid(self.task.cell_bytes, self.task.form, batch_bytes);
            self.rows.cut(&grid, at, end, batch_bytes);
            fill(&mut self.rows, self.sources, self.shift)?;
            let (next, began) = (self.rows.end(), Instant::now());
            self.compute_batch()?;
            self.engine.pace.measured(next - at, began.elapsed().as_secs_f64() * 1e3);
            self.bytes_done += next - at;
            at = next;
            self.watch.progressed(self.bytes_done);
        }
        Ok(())
    }

    fn compute_batch(&mut self) -> Result<(), Fault> {
        let TaskRun { engine, rows, builder, .. } = self;
        let out = builder.outs(rows);
        let view = TaskView {
            params: self.params,
            form: self.task.form,
            input_sizes: &self.sizes,
            watch: self.watch,
            rows,
            bytes_done: self.bytes_done,
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| engine.loaded.service.compute(rows, out, &view)));
        let offset = rows.offset(rows.current.get());
        let place = format!(" at {offset:#x}");
        let told: Outcome = outcome.unwrap_or_else(|_| Err(last_panic().into()));
        engine.call(&place, || told)?;
        builder.take().map_err(|fault| match fault.code {
            ErrorCode::Service => {
                fail(ErrorCode::Service, format!("{} failed{place}: {}", engine.name(), fault.message))
            }
            _ => fault,
        })
    }
}

thread_local! {
    static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Notes where a panic came from: whoever catches one gets the message alone. What printed it before still does.
fn record_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let payload = info.payload();
            let text = payload.downcast_ref::<&str>().map(ToString::to_string);
            let text = text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".into());
            let place = info.location().map(|location| {
                let file = location.file().rsplit(['/', '\\']).next().unwrap_or_default();
                format!(", {file}:{}", location.line())
            });
            let line = text.lines().next().unwrap_or_default();
            LAST_PANIC.with(|last| *last.borrow_mut() = format!("{line}{}", place.unwrap_or_default()));
            before(info);
        }));
    });
}

fn last_panic() -> String {
    LAST_PANIC.with(|last| std::mem::take(&mut *last.borrow_mut()))
}
