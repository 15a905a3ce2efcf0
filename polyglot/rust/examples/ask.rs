//! A v2 client: `ask ENDPOINT SERVICE FILE [FILE] [--cells N] [--range START:END] [--params JSON] [--cancel-after-ms M]`
//! prints each report's completion; ends with 0 on FINAL, 1 on ERROR. `ask ENDPOINT SERVICE --raw TEXT` asks an opaque
//! service and prints the answer's frames. Ctrl-C cancels, and a second one ends at once.
use std::os::unix::ffi::OsStringExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use binglide::client::{Answer, Client};
use binglide::protocol::codec::map_of;
use binglide::protocol::fields;
use binglide::protocol::json::value_of;
use binglide::protocol::messages::{Extent, Query, Scalar};
use binglide::{fail, ErrorCode, Fault};

fn main() {
    std::process::exit(match ask(std::env::args().skip(1)) {
        Ok(()) => 0,
        Err(fault) => {
            eprintln!("ask: {fault}");
            if fault.code == ErrorCode::Usage {
                2
            } else {
                1
            }
        }
    })
}

fn ask(mut given: impl Iterator<Item = String>) -> Result<(), Fault> {
    let usage = || fail(ErrorCode::Usage, "ask ENDPOINT SERVICE FILE [FILE] [--cells N] [--cancel-after-ms M]");
    let (endpoint, service) = (given.next().ok_or_else(usage)?, given.next().ok_or_else(usage)?);
    let mut query = Query {
        service,
        version: None,
        inputs: Vec::new(),
        range: (0, None),
        cells: 1024,
        snap: false,
        params: Default::default(),
        cache: true,
    };
    let (mut raw, mut cancel_after) = (None, None);
    while let Some(argument) = given.next() {
        let number = |text: Option<String>| text.and_then(|text| text.parse::<i64>().ok()).ok_or_else(usage);
        match argument.as_str() {
            "--cells" => query.cells = number(given.next())?.max(1) as u64,
            "--no-cache" => query.cache = false,
            "--raw" => raw = Some(given.next().ok_or_else(usage)?),
            "--cancel-after-ms" => cancel_after = Some(Duration::from_millis(number(given.next())?.max(0) as u64)),
            "--range" => {
                let text = given.next().ok_or_else(usage)?;
                let (start, end) = text.split_once(':').ok_or_else(usage)?;
                let number = |text: &str| number(Some(text.to_string()));
                let start = if start.is_empty() { 0 } else { number(start)? };
                query.range = (start, if end.is_empty() { None } else { Some(number(end)?) });
            }
            "--params" => {
                let json = serde_json::from_str(&given.next().ok_or_else(usage)?).map_err(|_| usage())?;
                query.params = fields::params(&map_of([("params", value_of(&json))]))?;
            }
            file => {
                let path = absolute(file)?;
                query.inputs.push(Extent { path: path.into_os_string().into_vec(), length: None });
            }
        }
    }
    let mut client = Client::connect(&endpoint)?;
    let request = match raw {
        Some(text) => client.ask_raw(&query.service, vec![text.into_bytes()]),
        None => client.ask(query),
    };
    follow(&mut client, request, cancel_after.map(|after| Instant::now() + after))
}

fn follow(client: &mut Client, request: u64, mut cancel_at: Option<Instant>) -> Result<(), Fault> {
    let failed = |error: std::io::Error| fail(ErrorCode::Internal, format!("no signals: {error}"));
    let interrupted = Arc::new(AtomicBool::new(false));
    // In this order the first signal only sets the flag, and the next one finds it set.
    signal_hook::flag::register_conditional_shutdown(signal_hook::consts::SIGINT, 130, interrupted.clone())
        .map_err(failed)?;
    signal_hook::flag::register(signal_hook::consts::SIGINT, interrupted.clone()).map_err(failed)?;
    let mut is_cancelled = false;
    loop {
        let is_due = cancel_at.is_some_and(|at| Instant::now() >= at);
        if !is_cancelled && (is_due || interrupted.load(Ordering::Relaxed)) {
            (is_cancelled, cancel_at) = (true, None);
            client.cancel(request);
        }
        let wait = cancel_at.map_or(Duration::from_millis(200), |at| at.saturating_duration_since(Instant::now()));
        let Some((_, answer)) = client.next(wait)? else { continue };
        match answer {
            Answer::Partial(report) => println!("{}", report.completion),
            Answer::Final(report) => {
                println!("{}", report.completion);
                for (name, scalar) in &report.scalars {
                    match scalar {
                        Scalar::Number(value) => println!("{name} {value}"),
                        other => println!("{name} {other:?}"),
                    }
                }
                for (name, array) in &report.arrays {
                    println!("{name} {} {:?}", array.dtype.text(), array.shape);
                }
                return Ok(());
            }
            Answer::RawPartial(body) | Answer::RawFinal(body) if body.is_empty() => {}
            Answer::RawPartial(body) => print_frames(&body),
            Answer::RawFinal(body) => {
                print_frames(&body);
                return Ok(());
            }
            Answer::Failed(fault) => return Err(fault),
        }
    }
}

fn absolute(file: &str) -> Result<std::path::PathBuf, Fault> {
    let here = std::env::current_dir().map_err(|error| fail(ErrorCode::Io, error.to_string()))?;
    Ok(here.join(file))
}

fn print_frames(body: &[Vec<u8>]) {
    body.iter().for_each(|frame| println!("{}", String::from_utf8_lossy(frame).escape_debug()));
}
