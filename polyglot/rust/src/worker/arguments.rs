//! The arguments of a service's program: the same in every language.
use std::ffi::OsString;
use std::path::PathBuf;

use super::bench::COMPUTE_ARGUMENT;
use crate::protocol::errors::{fail, ErrorCode, Fault};

const PIECE_BYTES: u64 = 8 << 20;

const HELP: &str = "\
Usage: PROGRAM [options]

Becomes a worker process of a binglide broker.

  --broker ENDPOINT   where the broker is (or $BINGLIDE_BROKER)
  --slot ID           this process's place among the broker's workers; made up if missing
  --root DIR          open files of this folder only; again for more (default: the working directory)
  --stall-ms N        a task without progress for so long is ended
  --parent            end when standard input does
  --describe          print what the service says of itself, and end
  --bare FILE         compute FILE without a broker and print how long its pieces take
    --piece-bytes N   bytes of a piece (default 8388608)
    --params JSON     a map of parameters
    --cell-bytes N    width of the cells (default 0: none)
";

/// What the program is to do.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    pub is_compute: bool,
    pub broker: Option<String>,
    pub slot: Option<String>,
    pub roots: Vec<PathBuf>,
    pub stall_ms: Option<f64>,
    pub parent: bool,
    pub describe: bool,
    pub bare: Option<PathBuf>,
    pub piece_bytes: u64,
    pub params: Option<String>,
    pub cell_bytes: u64,
}

impl Arguments {
    /// E_USAGE names what is wrong; --help prints and ends.
    pub fn parse(given: impl IntoIterator<Item = OsString>) -> Result<Arguments, Fault> {
        let mut it = Arguments { piece_bytes: PIECE_BYTES, ..Arguments::default() };
        let mut given = given.into_iter();
        while let Some(argument) = given.next() {
            let argument = argument.to_string_lossy().into_owned();
            let (name, inline) = match argument.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name.to_string(), Some(OsString::from(value))),
                _ => (argument, None),
            };
            let missing = || fail(ErrorCode::Usage, format!("{name} takes a value; see --help"));
            let mut value = || inline.clone().or_else(|| given.next()).ok_or_else(missing);
            match name.as_str() {
                COMPUTE_ARGUMENT => it.is_compute = true,
                "--broker" => it.broker = Some(text(value()?)),
                "--slot" => it.slot = Some(text(value()?)),
                "--root" => it.roots.push(value()?.into()),
                "--stall-ms" => it.stall_ms = Some(number(&name, value()?)? as f64),
                "--parent" => it.parent = true,
                "--describe" => it.describe = true,
                "--bare" => it.bare = Some(value()?.into()),
                "--piece-bytes" => it.piece_bytes = number(&name, value()?)?,
                "--params" => it.params = Some(text(value()?)),
                "--cell-bytes" => it.cell_bytes = number(&name, value()?)?,
                "--help" | "-h" => {
                    print!("{HELP}");
                    std::process::exit(0);
                }
                _ => return Err(fail(ErrorCode::Usage, format!("there is no option {name}; see --help"))),
            }
        }
        if it.piece_bytes == 0 {
            return Err(fail(ErrorCode::Usage, "--piece-bytes is 0; it takes a number from 1"));
        }
        if it.roots.is_empty() {
            it.roots.push(".".into());
        }
        Ok(it)
    }
}

fn text(value: OsString) -> String {
    value.to_string_lossy().into_owned()
}

fn number(name: &str, value: OsString) -> Result<u64, Fault> {
    let value = text(value);
    value.parse().map_err(|_| fail(ErrorCode::Usage, format!("{name} is {value}; it takes a whole number")))
}
