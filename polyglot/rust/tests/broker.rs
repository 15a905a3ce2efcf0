//! Real brokers, workers and clients: the daemon of this repository, programs of this crate, the command line of Node.
//! Every process is ended by whoever started it.
mod common;

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use binglide::client::{Answer, Client, PlainClient};
use binglide::protocol::messages::{Extent, Query, Report, Scalar};
use binglide::{ErrorCode, Fault};
use common::*;
use serde_json::Value as Json;

const FAST: &str = env!("CARGO_BIN_EXE_binglide-fast");

/// Something that hangs is an error here, not a test run that never ends.
const PATIENCE: Duration = Duration::from_secs(60);

/// A child that is ended with the test.
struct Ended(Child);
impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A broker without slots of its own, in a folder of its own.
struct Place {
    folder: PathBuf,
    endpoint: String,
    _broker: Ended,
}

impl Place {
    fn start() -> Place {
        static PLACES: AtomicU32 = AtomicU32::new(0);
        let name = format!("binglide-rs-{}-{}", std::process::id(), PLACES.fetch_add(1, Ordering::SeqCst));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
        let endpoint = format!("ipc://{}", folder.join("b.sock").display());
        let broker = start_broker(&folder, &endpoint);
        Place { folder, endpoint, _broker: broker }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        std::fs::write(self.folder.join(name), bytes).unwrap();
        self.folder.join(name)
    }

    fn worker(&self, program: &Path, slot: &str) -> Ended {
        let mut command = Command::new(program);
        command.args(["--broker", &self.endpoint, "--slot", slot, "--parent", "--root"]).arg(&self.folder);
        Ended(command.stdin(Stdio::piped()).spawn().expect("the worker starts"))
    }

    fn node_worker(&self, slot: &str) -> Ended {
        let mut command = Command::new("node");
        command.arg(dist("bin/binglide-worker.js")).args(["--broker", &self.endpoint, "--slot", slot, "--root"]);
        Ended(command.arg(&self.folder).stdin(Stdio::null()).spawn().expect("node is there"))
    }

    fn command_line(&self, arguments: &[&str], file: &Path) -> Output {
        let mut command = Command::new("node");
        command.arg(dist("bin/binglide.js")).args(arguments).args(["--broker", &self.endpoint]).arg(file);
        command.env("BINGLIDE_RUNTIME_DIR", self.folder.join("run")).env("BINGLIDE_CACHE_DIR", self.folder.join("c"));
        command.output().expect("node is there")
    }

    fn client(&self) -> Client {
        Client::connect(&self.endpoint).unwrap()
    }

    /// Workers of that service, by the slot; waits until there are so many.
    fn wait_for_workers(&self, service: &str, count: u64) {
        let mut client = self.client();
        let until = Instant::now() + PATIENCE;
        loop {
            let request = client.ask_raw("mmi.services", vec![]);
            let Answer::RawFinal(body) = end_of(&mut client, request) else { panic!("mmi.services answers") };
            let it = binglide::protocol::codec::unpack_map(&body[0]).unwrap();
            let json = binglide::protocol::json::json_of(&it);
            let found = json["services"].as_array().unwrap().iter().find(|it| it["descriptor"]["name"] == service);
            if found.is_some_and(|it| it["workers"].as_u64().unwrap() >= count) {
                return;
            }
            assert!(Instant::now() < until, "{service} has too few workers: {json}");
            std::thread::sleep(Duration::from_millis(30));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn start_broker(folder: &Path, endpoint: &str) -> Ended {
    let mut command = Command::new("node");
    command.arg(dist("bin/binglide-broker.js")).args(["--bind", endpoint, "--cores", "0", "--parent", "--root"]);
    command.arg(folder).arg("--cache-dir").arg(folder.join("cache")).env("BINGLIDE_RUNTIME_DIR", folder);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("node is there");
    let stdout = child.stdout.take().unwrap();
    let broker = Ended(child);
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    assert_eq!(line.trim(), endpoint, "the broker says where it is");
    broker
}

fn dist(file: &str) -> PathBuf {
    std::env::var_os("BINGLIDE_DIST").map_or(repository().join("dist"), PathBuf::from).join(file)
}

/// A program among the examples, which cargo builds with the tests.
fn example(name: &str) -> PathBuf {
    let path = Path::new(FAST).parent().unwrap().join("examples").join(name);
    assert!(path.exists(), "{} is not built; run `cargo test` without a filter of targets", path.display());
    path
}

fn query(service: &str, file: &Path) -> Query {
    use std::os::unix::ffi::OsStrExt;
    Query {
        service: service.to_string(),
        version: None,
        inputs: vec![Extent { path: file.as_os_str().as_bytes().to_vec(), length: None }],
        range: (0, None),
        cells: 256,
        snap: false,
        params: Default::default(),
        cache: false,
    }
}

fn hard(how: &str, file: &Path) -> Query {
    let params = binglide::worker::Params(vec![("how".into(), how.into())]);
    Query { params, ..query("HARD", file) }
}

fn end_of(client: &mut Client, request: u64) -> Answer {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        match client.next(Duration::from_millis(100)).unwrap() {
            Some((of, answer)) if of == request && answer.is_end() => return answer,
            _ => {}
        }
    }
    panic!("request {request} does not end")
}

fn ask(client: &mut Client, query: Query) -> Result<Report, Fault> {
    let request = client.ask(query);
    match end_of(client, request) {
        Answer::Final(report) => Ok(report),
        Answer::Failed(fault) => Err(fault),
        other => panic!("{other:?}"),
    }
}

fn array<'a>(report: &'a Report, name: &str) -> &'a [f64] {
    let found = report.arrays.iter().find(|(other, _)| other == name);
    &found.unwrap_or_else(|| panic!("no {name} in {:?}", report.scalars)).1.data
}

fn histogram(bytes: &[u8]) -> Vec<f64> {
    let mut counts = vec![0.0; 256];
    bytes.iter().for_each(|&byte| counts[usize::from(byte)] += 1.0);
    counts
}

#[test]
fn the_command_line_gets_the_histogram_that_a_loop_counts() {
    let place = Place::start();
    let bytes = Random(1).bytes(5_000_000);
    let file = place.write("file", &bytes);
    let _worker = place.worker(Path::new(FAST), "rust");
    let output = place.command_line(&["hist", "--json"], &file);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Json = serde_json::from_slice(&output.stdout).unwrap();
    let found = report.to_string();
    let wanted = serde_json::to_string(&histogram(&bytes).iter().map(|n| *n as u64).collect::<Vec<_>>()).unwrap();
    assert!(found.contains(&wanted), "{found:.2000}");
    let output = place.command_line(&["ent", "--cells", "64"], &file);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).lines().count() > 32);
}

#[test]
fn one_job_is_answered_by_a_typescript_slot_and_a_rust_slot() {
    let place = Place::start();
    let bytes = Random(2).bytes(64 << 20);
    let file = place.write("file", &bytes);
    let rust = place.worker(Path::new(FAST), "rust");
    place.wait_for_workers("ENT", 1);
    let alone = ask(&mut place.client(), query("ENT", &file)).unwrap();
    let _node = place.node_worker("node");
    // Two workers of one descriptor: the digests are the same.
    place.wait_for_workers("ENT", 2);
    let both = ask(&mut place.client(), query("ENT", &file)).unwrap();
    drop(rust);
    let node = ask(&mut place.client(), query("ENT", &file)).unwrap();
    for other in [&both, &node] {
        assert_eq!(format!("{:?}", alone.arrays), format!("{:?}", other.arrays));
        assert_eq!(alone.scalars, other.scalars);
    }
    assert_eq!(alone.completion, 1.0);
}

#[test]
fn an_author_s_service_of_forty_lines_is_served() {
    let source = include_str!("../examples/bits.rs");
    assert!(source.lines().count() <= 40, "{} lines", source.lines().count());
    let place = Place::start();
    let bytes = Random(3).bytes(300_000);
    let file = place.write("file", &bytes);
    let _worker = place.worker(&example("bits"), "bits");
    place.wait_for_workers("BITS", 1);
    let report = ask(&mut place.client(), query("BITS", &file)).unwrap();
    let mut ones = vec![0.0; 8];
    bytes.iter().for_each(|byte| (0..8).for_each(|bit| ones[bit] += f64::from(byte >> bit & 1)));
    assert_eq!(array(&report, "ones"), ones);
    // Its own finish, for the range and along the cells.
    assert_eq!(array(&report, "share"), ones.iter().map(|count| count / 300_000.0).collect::<Vec<_>>());
    let (shares, counts) = (array(&report, "cells.share"), array(&report, "cells.ones"));
    let n = array(&report, "cells.n");
    assert!(shares.iter().zip(counts).enumerate().all(|(i, (share, count))| *share == count / n[i / 8]));
    let params = binglide::worker::Params(vec![("word".into(), 3.into())]);
    let fault = ask(&mut place.client(), Query { params, ..query("BITS", &file) }).unwrap_err();
    assert_eq!((fault.code, fault.message.as_str()), (ErrorCode::Param, "BITS: word is 3; it takes one of 1, 2"));
}

#[test]
fn cancelled_again_and_again_the_slot_goes_on_working() {
    let place = Place::start();
    let file = place.write("file", &vec![1; 4 << 20]);
    let _worker = place.worker(&example("hard"), "hard");
    place.wait_for_workers("HARD", 1);
    let mut client = place.client();
    for turn in 0..12 {
        // One that stops when it is asked, and one that does not and loses its process.
        let request = client.ask(hard(["slow", "spin"][turn % 2], &file));
        let _ = client.next(Duration::from_millis(20 * (turn as u64 % 4))).unwrap();
        client.cancel(request);
        match end_of(&mut client, request) {
            Answer::Failed(fault) => assert_eq!(fault.code, ErrorCode::Cancelled, "{fault}"),
            other => panic!("{other:?}"),
        }
    }
    let report = ask(&mut client, hard("well", &file)).unwrap();
    assert_eq!(array(&report, "cells.count").iter().sum::<f64>(), f64::from(4 << 20));
}

#[test]
fn what_authors_do_wrong_is_told_to_who_asked() {
    let place = Place::start();
    let file = place.write("file", &vec![1; 1 << 20]);
    let _worker = place.worker(&example("hard"), "hard");
    place.wait_for_workers("HARD", 1);
    let mut client = place.client();
    let fault = ask(&mut client, hard("panic", &file)).unwrap_err();
    assert_eq!(fault.code, ErrorCode::Service);
    assert!(fault.message.starts_with("HARD failed at 0x"), "{fault}");
    assert!(fault.message.contains(": as it was told, hard.rs:"), "{fault}");
    let fault = ask(&mut client, hard("kill", &file)).unwrap_err();
    assert_eq!((fault.code, fault.message.as_str()), (ErrorCode::Service, "HARD ended its process: signal 6"));
    let report = ask(&mut client, hard("well", &file)).unwrap();
    assert_eq!(report.scalars.iter().find(|(name, _)| name == "n").unwrap().1, Scalar::Number(f64::from(1 << 20)));
}

#[test]
fn a_worker_finds_a_broker_that_was_started_again() {
    let mut place = Place::start();
    let bytes = Random(5).bytes(100_000);
    let file = place.write("file", &bytes);
    let _worker = place.worker(Path::new(FAST), "rust");
    place.wait_for_workers("HIST", 1);
    let mut client = place.client();
    assert_eq!(array(&ask(&mut client, query("HIST", &file)).unwrap(), "counts"), histogram(&bytes));
    drop(std::mem::replace(&mut place._broker, Ended(Command::new("true").spawn().unwrap())));
    place._broker = start_broker(&place.folder, &place.endpoint);
    // The same client goes on, too.
    assert_eq!(array(&ask(&mut client, query("HIST", &file)).unwrap(), "counts"), histogram(&bytes));
}

#[test]
fn a_worker_ends_with_its_parent_whatever_it_computes() {
    let place = Place::start();
    let file = place.write("file", &vec![1; 1 << 20]);
    let mut worker = place.worker(&example("hard"), "hard");
    place.wait_for_workers("HARD", 1);
    let mut client = place.client();
    client.ask(hard("spin", &file));
    let _ = client.next(Duration::from_millis(200)).unwrap();
    let children = children_of(worker.0.id());
    assert!(!children.is_empty(), "it computes in a process of its own");
    drop(worker.0.stdin.take());
    assert!(worker.0.wait().unwrap().success());
    let until = Instant::now() + PATIENCE;
    while children.iter().any(|pid| Path::new(&format!("/proc/{pid}/stat")).exists()) {
        assert!(Instant::now() < until, "children are left: {children:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn children_of(pid: u32) -> Vec<u32> {
    let of = |entry: std::fs::DirEntry| {
        let child: u32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).ok()?;
        let parent: u32 = stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()?;
        (parent == pid).then_some(child)
    };
    std::fs::read_dir("/proc").unwrap().flatten().filter_map(of).collect()
}

#[test]
fn plain_peers_of_this_crate_understand_each_other() {
    let place = Place::start();
    let echo = Command::new(example("echo_plain")).arg(&place.endpoint).spawn().expect("it is built");
    let mut echo = Ended(echo);
    let mut client = PlainClient::connect(&place.endpoint).unwrap();
    let body = vec![b"a".to_vec(), Vec::new(), vec![0, 255]];
    let answer = client.ask("echo", body.clone(), PATIENCE, |_| panic!("echo has no partial"));
    assert_eq!(answer.unwrap(), body);
    // v2 clients may ask it too.
    let mut v2 = place.client();
    let request = v2.ask_raw("echo", body.clone());
    assert_eq!(end_of(&mut v2, request), Answer::RawFinal(body));
    // It takes leave: a request finds nobody, and is told so.
    // SAFETY: the child is ours and not yet waited for.
    unsafe { libc::kill(echo.0.id() as i32, libc::SIGTERM) };
    assert!(echo.0.wait().unwrap().success());
    let fault = client.ask("echo", vec![vec![1]], PATIENCE, |_| {}).unwrap_err();
    assert_eq!(fault.code, ErrorCode::NoService);
}

#[test]
fn the_examples_ask_and_end_as_they_say() {
    let place = Place::start();
    let file = place.write("file", &vec![1; 4 << 20]);
    let (_fast, _hard) = (place.worker(Path::new(FAST), "fast"), place.worker(&example("hard"), "hard"));
    place.wait_for_workers("HARD", 1);
    place.wait_for_workers("ENT", 1);
    let run = |name: &str, arguments: &[&str]| {
        let mut command = Command::new(example(name));
        let output = command.arg(&place.endpoint).args(arguments).output().expect("it is built");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let file = file.to_str().unwrap();
    let (code, stdout, stderr) = run("ask", &["ENT", file, "--cells", "64"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(stdout.contains("\nn 4194304\n") || stdout.starts_with("1\n"), "{stdout}");
    let spin = ["HARD", file, "--params", r#"{"how":"spin"}"#, "--cancel-after-ms", "100"];
    let (code, _, stderr) = run("ask", &spin);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("(E_CANCELLED)"), "{stderr}");
    let (code, _, stderr) = run("ask", &["HIST", "/nowhere/at/all"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("(E_NOT_FOUND)") || stderr.contains("(E_OUTSIDE_ROOTS)"), "{stderr}");
    let (code, stdout, _) = run("ask_plain", &["HIST", "--file", file]);
    assert_eq!((code, stdout.lines().last()), (Some(0), Some("1")));
}

#[test]
fn run_and_check_take_a_program_of_this_crate() {
    let place = Place::start();
    let file = place.write("file", &vec![3; 100_000]);
    let node = |arguments: &[&str]| {
        let mut command = Command::new("node");
        command.arg(dist("bin/binglide.js")).args(arguments).env_remove("BINGLIDE_BROKER");
        command.env("BINGLIDE_RUNTIME_DIR", place.folder.join("run")).env("BINGLIDE_CACHE_DIR", place.folder.join("c"));
        let output = command.output().expect("node is there");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let (bits, file) = (example("bits"), file.to_str().unwrap());
    let found = node(&["run", bits.to_str().unwrap(), file, "--cells", "1"]);
    assert!(found.lines().any(|line| line.starts_with("0\t100000\t100000\t100000\t100000\t0\t")), "{found}");
    let checked = node(&["check", bits.to_str().unwrap()]);
    assert!(checked.contains("cancel\tok") && !checked.contains("\tfailed\t"), "{checked}");
}

/// The judge of this repository, who knows the specification only: 0 where every MUST and SHOULD passes.
fn conforms(arguments: &[&str], program: &Path, to_program: &[&str]) {
    let mut judge = Command::new("node");
    judge.arg(dist("bin/binglide-conform.js")).args(arguments).arg("--").arg(program).args(to_program);
    let output = judge.output().expect("node is there");
    let verdicts = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{arguments:?}: {verdicts}{}", String::from_utf8_lossy(&output.stderr));
    assert!(verdicts.contains(" pass"), "{verdicts}");
}

#[test]
fn workers_conform() {
    let v2 = ["--broker", "{endpoint}", "--root", "{root}"];
    conforms(&["--worker", "--dialect", "v2"], &example("hard"), &v2);
    conforms(&["--worker", "--dialect", "v2", "--service", "HIST"], Path::new(FAST), &v2);
    conforms(&["--worker", "--dialect", "mdp"], &example("echo_plain"), &["{endpoint}"]);
}

#[test]
fn clients_conform() {
    conforms(&["--client", "--dialect", "v2"], &example("ask"), &["{endpoint}", "{service}", "{file}"]);
    let plain = ["{endpoint}", "{service}", "--file", "{file}"];
    conforms(&["--client", "--dialect", "mdp"], &example("ask_plain"), &plain);
}

#[test]
fn a_program_describes_itself_measures_itself_and_says_what_is_wrong() {
    let describe = |program: &Path| {
        let output = Command::new(program).arg("--describe").stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success());
        let lines: Vec<Json> =
            output.stdout.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
        lines
    };
    let fast = describe(Path::new(FAST));
    assert_eq!(fast.iter().map(|it| it["name"].as_str().unwrap()).collect::<Vec<_>>(), ["HIST", "ENT"]);
    // Without a version it is the hash of the program.
    let mut bytes = Vec::new();
    std::fs::File::open(example("hard")).unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!(describe(&example("hard"))[0]["version"], binglide::protocol::descriptor::hex16(&bytes));
    assert_eq!(describe(&example("bits"))[0]["finish"], true);
    let file = std::env::temp_dir().join(format!("binglide-rs-bare-{}", std::process::id()));
    std::fs::write(&file, vec![7; 100_000]).unwrap();
    let bare =
        Command::new(example("bits")).arg("--bare").arg(&file).args(["--piece-bytes", "30000"]).output().unwrap();
    std::fs::remove_file(&file).unwrap();
    let measured: Json = serde_json::from_slice(&bare.stdout).unwrap();
    assert_eq!((measured["pieces"].as_u64(), measured["bytes"].as_u64()), (Some(3), Some(90_000)));
    assert_eq!(measured["ms"].as_array().unwrap().len(), 3);
    let wrong = |arguments: &[&str]| {
        let output = Command::new(FAST).args(arguments).env_remove("BINGLIDE_BROKER").output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let none = "binglide: no broker given; name one with --broker or $BINGLIDE_BROKER (E_USAGE)\n";
    assert_eq!(wrong(&[]), (Some(2), none.to_string()));
    let option = "binglide: there is no option --brokr; see --help (E_USAGE)\n";
    assert_eq!(wrong(&["--brokr", "x"]), (Some(2), option.to_string()));
    assert_eq!(wrong(&["--broker", "nowhere"]).0, Some(2));
}
