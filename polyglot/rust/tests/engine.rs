//! The engine over real files: parts against what a loop counts, faults of authors and of files, and finish.
mod common;

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use binglide::protocol::descriptor::Form;
use binglide::protocol::messages::*;
use binglide::protocol::npy::{decode_npy, encode_npy, Dtype, NamedArray};
use binglide::protocol::params::Params;
use binglide::protocol::parts::PartFrames;
use binglide::worker::definition::Loaded;
use binglide::worker::engine::Engine;
use binglide::worker::source::{stat_identity, Roots};
use binglide::worker::*;
use binglide::{ErrorCode, Fault};
use common::Random;

/// A folder of the test's own, removed with it.
struct Sandbox(PathBuf);

impl Sandbox {
    fn new(name: &str) -> Sandbox {
        let path = std::env::temp_dir().join(format!("binglide-rs-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Sandbox(path.canonicalize().unwrap())
    }
    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        std::fs::write(self.0.join(name), bytes).unwrap();
        self.0.join(name)
    }
    fn engine(&self, service: impl Service) -> Engine {
        Engine::new(Loaded::new(service).unwrap(), Roots::resolve(std::slice::from_ref(&self.0)).unwrap())
    }
}
impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn read_task(path: &PathBuf, (start, end): (u64, u64), cell_bytes: u64) -> ReadTask {
    let identity = stat_identity(&std::fs::metadata(path).unwrap());
    ReadTask {
        sampled: false,
        inputs: vec![TaskInput { path: path.as_os_str().as_bytes().to_vec(), identity }],
        runs: vec![(start, end)],
        cell_bytes,
        form: Form::Summed,
        params: Params::default(),
        read_ms_max: None,
    }
}

fn fault_of(engine: &Engine, task: ReadTask) -> Fault {
    engine.run(&Task::Read(task)).0.expect_err("it fails")
}

/// One service whose compute is a function, for what authors do wrong.
struct With(fn(&Rows, &Out, &TaskView) -> Outcome, fn() -> Definition);
impl Service for With {
    fn definition(&self) -> Definition {
        (self.1)()
    }
    fn compute(&self, input: &Rows, out: &Out, task: &TaskView) -> Outcome {
        (self.0)(input, out, task)
    }
}
fn numbers() -> Definition {
    Definition::new("TEST").version(1).row_bytes(4096).field(Field::u4("x").sum().cells())
}

#[test]
fn a_field_folds_into_cells_of_any_width() {
    let sandbox = Sandbox::new("cells");
    let file = Random(7).bytes(300_000);
    let path = sandbox.write("file", &file);
    let engine = sandbox.engine(With(
        |input, out, task| {
            for row in 0..input.rows() {
                task.check()?;
                out.u4("x")[row] = input.row(row).iter().map(|&byte| u32::from(byte)).sum();
            }
            Ok(())
        },
        numbers,
    ));
    for (range, cell_bytes) in [((0, 300_000), 0), ((777, 298_765), 4096), ((5, 299_999), 10_000), ((7, 7), 4096)] {
        let (part, work) = engine.run(&Task::Read(read_task(&path, range, cell_bytes)));
        let part = part.unwrap();
        let mut wanted: Vec<f64> = Vec::new();
        let mut at = range.0;
        while at < range.1 {
            let cell = |cell: u64| range.1.min((cell + 1) * cell_bytes);
            let next = at.checked_div(cell_bytes).map_or(range.1, cell);
            wanted.push(file[at as usize..next as usize].iter().map(|&byte| f64::from(byte)).sum());
            at = next;
        }
        assert_eq!(part.arrays, ["x"]);
        let array = decode_npy(&part.frames[0]).unwrap();
        assert_eq!((array.dtype, array.data), (Dtype::U8, wanted), "{range:?} by {cell_bytes}");
        assert_eq!(work.bytes_read, range.1 - range.0);
    }
}

#[test]
fn an_overlap_is_readable_as_far_as_the_file_goes() {
    let sandbox = Sandbox::new("overlap");
    let path = sandbox.write("file", &Random(9).bytes(10_000));
    let engine = sandbox.engine(With(
        |input, out, _| {
            (0..input.rows()).for_each(|row| out.u4("x")[row] = input.ahead(row).len() as u32);
            Ok(())
        },
        || numbers().overlap(100),
    ));
    let (part, _) = engine.run(&Task::Read(read_task(&path, (0, 10_000), 4096)));
    assert_eq!(decode_npy(&part.unwrap().frames[0]).unwrap().data, [4196.0, 4196.0, 1808.0]);
}

#[test]
fn a_panic_of_the_authors_is_an_error_with_offset_file_and_line() {
    let sandbox = Sandbox::new("panic");
    let path = sandbox.write("file", &[1; 10_000]);
    let line = line!() + 4;
    let engine = sandbox.engine(With(
        |input, out, _| {
            (0..input.rows()).for_each(|row| {
                let _ = (input.row(row), out.u4("x")[row + 2]);
            });
            Ok(())
        },
        numbers,
    ));
    let fault = fault_of(&engine, read_task(&path, (0, 10_000), 4096));
    let wanted = "TEST failed at 0x1000: index out of bounds: the len is 3 but the index is 3, engine.rs:";
    assert_eq!(fault.message, format!("{wanted}{line}"));
    assert_eq!((fault.code, fault.range), (ErrorCode::Service, Some((0, 10_000))));
    // The engine lives on.
    assert_eq!(fault_of(&engine, read_task(&path, (0, 10_000), 4096)).message, format!("{wanted}{line}"));
}

#[test]
fn what_compute_leaves_is_checked() {
    let sandbox = Sandbox::new("checks");
    let path = sandbox.write("file", &[1; 5000]);
    let message = |compute, definition| {
        let engine = sandbox.engine(With(compute, definition));
        fault_of(&engine, read_task(&path, (0, 5000), 4096)).message
    };
    let short = message(
        |_, out, _| {
            out.u4("x").pop();
            Ok(())
        },
        numbers,
    );
    assert_eq!(short, "TEST failed at 0x0: field x: wanted 2 numbers (u4), got 1");
    let nan = message(
        |_, out, _| {
            out.f8("y")[0] = f64::NAN;
            Ok(())
        },
        || Definition::new("TEST").version(1).field(Field::f8("y").max()),
    );
    assert_eq!(nan, "TEST failed at 0x0: field y: wanted numbers (f8), got NaN");
    let large = message(
        |_, out, _| {
            out.u8("y")[0] = 1 << 53;
            Ok(())
        },
        || Definition::new("TEST").version(1).field(Field::u8("y").max()),
    );
    assert_eq!(large, "TEST failed at 0x0: field y: wanted whole numbers up to 2^53−1 (u8), got 9007199254740992");
    let own = message(|_, _, _| Err("no such thing".into()), numbers);
    assert_eq!(own, "TEST failed at 0x0: no such thing");
}

#[test]
fn files_are_held_to_their_identity_and_to_the_roots() {
    let (sandbox, other) = (Sandbox::new("files"), Sandbox::new("other"));
    let path = sandbox.write("file", &[1; 5000]);
    let engine = sandbox.engine(With(|_, _, _| Ok(()), numbers));
    let mut task = read_task(&path, (0, 5000), 0);
    task.inputs[0].identity.mtime_ns = "1".into();
    assert_eq!(fault_of(&engine, task).code, ErrorCode::Changed);
    let outside = other.write("file", &[1; 10]);
    assert_eq!(fault_of(&engine, read_task(&outside, (0, 10), 0)).code, ErrorCode::OutsideRoots);
    let link = sandbox.0.join("link");
    std::os::unix::fs::symlink(&outside, &link).unwrap();
    assert_eq!(fault_of(&engine, read_task(&link, (0, 10), 0)).code, ErrorCode::OutsideRoots);
    let mut task = read_task(&path, (0, 5000), 0);
    task.inputs[0].path = sandbox.0.join("gone").as_os_str().as_bytes().to_vec();
    assert_eq!(fault_of(&engine, task).code, ErrorCode::NotFound);
    assert_eq!(fault_of(&engine, read_task(&sandbox.0.clone(), (0, 0), 0)).code, ErrorCode::Directory);
    assert_eq!(fault_of(&engine, read_task(&path, (0, 5001), 0)).code, ErrorCode::Range);
    let mut task = read_task(&path, (0, 5000), 0);
    task.params.0.push(("word".into(), 1.into()));
    assert_eq!(fault_of(&engine, task).message, "TEST takes no parameter word; it takes none");
}

#[test]
fn finish_gives_one_array_of_rows_for_each_output() {
    let sandbox = Sandbox::new("finish");
    let task = |field: &[f64]| {
        let frame = |data: &[f64]| encode_npy(Dtype::U8, &[2], &data[..2]);
        let frames = vec![frame(&[4.0, 8.0]), frame(field)];
        let arrays = PartFrames { arrays: vec!["n".into(), "x".into()], frames };
        Task::Finish(FinishTask { params: Params::default(), rows: 2, arrays })
    };
    fn share(part: &FinishPart, _: &Params) -> Result<Outputs, Box<dyn std::error::Error + Send + Sync>> {
        if part.get("x")[0] > 100.0 {
            return Err("too much".into());
        }
        Ok(vec![("share", part.get("x").iter().zip(part.n()).map(|(x, n)| x / n).collect())])
    }
    let engine = sandbox.engine(With(|_, _, _| Ok(()), || numbers().finish(share)));
    let part = engine.run(&task(&[1.0, 6.0])).0.unwrap();
    assert_eq!(part.arrays, ["share"]);
    assert_eq!(
        decode_npy(&part.frames[0]),
        Ok(NamedArray { dtype: Dtype::F8, shape: vec![2], data: vec![0.25, 0.75] })
    );
    let fault = engine.run(&task(&[101.0, 6.0])).0.unwrap_err();
    assert_eq!((fault.code, fault.message.as_str()), (ErrorCode::Service, "TEST failed in finish: too much"));
    let Task::Finish(mut other) = task(&[1.0, 6.0]) else { unreachable!() };
    other.rows = 1;
    let message = engine.run(&Task::Finish(other)).0.unwrap_err().message;
    assert_eq!(message, "rows to finish have 2 numbers of n, not 1 for each of 1 rows");
    // Blocks have a field that this form has not.
    let blocks = || numbers().field(Field::u4("q").sum().cells().form(Form::Whole)).finish(share);
    let blocks = sandbox.engine(With(|_, _, _| Ok(()), blocks));
    assert_eq!(blocks.run(&task(&[1.0, 6.0])).0.unwrap().arrays, ["share"]);
    let none = sandbox.engine(With(|_, _, _| Ok(()), numbers));
    assert_eq!(none.run(&task(&[1.0, 6.0])).0.unwrap_err().code, ErrorCode::Protocol);
}

#[test]
fn definitions_that_are_none_are_refused() {
    let refused = |definition: fn() -> Definition| Loaded::new(With(|_, _, _| Ok(()), definition)).err().unwrap();
    let without = refused(|| Definition::new("TEST").field(Field::u4("x")));
    assert_eq!(without.message, "TEST: field x has no operator; say .sum(), .min(), .max(), .or() or .once()");
    let twice = refused(|| numbers().field(Field::u4("x").max()));
    assert_eq!(twice.message, "descriptor: fields has a name twice");
    let default = refused(|| numbers().param(Param::int("word", 3).one_of([1, 2])));
    assert_eq!(default.message, "descriptor: parameter word: its default is none that it takes");
    let name = refused(|| Definition::new("test").field(Field::u4("x").sum()));
    assert_eq!(name.message, "descriptor: name is not [A-Z][A-Z0-9]*");
}
