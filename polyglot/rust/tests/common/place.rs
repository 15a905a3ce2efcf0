//! Real brokers, workers and clients. Every process is ended by whoever started it.
#![allow(dead_code)]

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use binglide::client::{Answer, Client};
use binglide::protocol::messages::{Extent, Query, Report};
use binglide::Fault;

use super::repository;

pub const FAST: &str = env!("CARGO_BIN_EXE_binglide-fast");

/// Something that hangs is an error here, not a test run that never ends.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A child that is ended with the test.
pub struct Ended(pub Child);
impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A broker without slots of its own, in a folder of its own.
pub struct Place {
    pub folder: PathBuf,
    pub endpoint: String,
    pub broker: Ended,
}

impl Place {
    pub fn start() -> Place {
        Place::start_at("ipc://{folder}/b.sock")
    }

    /// `{folder}` in it is the place's own.
    pub fn start_at(bind: &str) -> Place {
        static PLACES: AtomicU32 = AtomicU32::new(0);
        let name = format!("binglide-rs-{}-{}", std::process::id(), PLACES.fetch_add(1, Ordering::SeqCst));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
        let (endpoint, broker) = start_broker(&folder, &bind.replace("{folder}", folder.to_str().unwrap()));
        Place { folder, endpoint, broker }
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        std::fs::write(self.folder.join(name), bytes).unwrap();
        self.folder.join(name)
    }

    pub fn worker(&self, program: &Path, slot: &str) -> Ended {
        let mut command = Command::new(program);
        command.args(["--broker", &self.endpoint, "--slot", slot, "--parent", "--root"]).arg(&self.folder);
        Ended(command.stdin(Stdio::piped()).spawn().expect("the worker starts"))
    }

    pub fn node_worker(&self, slot: &str) -> Ended {
        let mut command = Command::new("node");
        command.arg(dist("bin/binglide-worker.js")).args(["--broker", &self.endpoint, "--slot", slot, "--root"]);
        Ended(command.arg(&self.folder).stdin(Stdio::null()).spawn().expect("node is there"))
    }

    pub fn command_line(&self, arguments: &[&str], file: &Path) -> Output {
        let mut command = Command::new("node");
        command.arg(dist("bin/binglide.js")).args(arguments).args(["--broker", &self.endpoint]).arg(file);
        command.env("BINGLIDE_RUNTIME_DIR", self.folder.join("run")).env("BINGLIDE_CACHE_DIR", self.folder.join("c"));
        command.output().expect("node is there")
    }

    pub fn client(&self) -> Client {
        Client::connect(&self.endpoint).unwrap()
    }

    /// Workers of that service, by the slot; waits until there are so many.
    pub fn wait_for_workers(&self, service: &str, count: u64) {
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

/// It says where it is.
pub fn start_broker(folder: &Path, bind: &str) -> (String, Ended) {
    let mut command = Command::new("node");
    command.arg(dist("bin/binglide-broker.js")).args(["--bind", bind, "--cores", "0", "--parent", "--root"]);
    command.arg(folder).arg("--cache-dir").arg(folder.join("cache")).env("BINGLIDE_RUNTIME_DIR", folder);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("node is there");
    let stdout = child.stdout.take().unwrap();
    let broker = Ended(child);
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    assert!(line.contains("://"), "{bind} is {line}");
    (line.trim().to_string(), broker)
}

pub fn dist(file: &str) -> PathBuf {
    std::env::var_os("BINGLIDE_DIST").map_or(repository().join("dist"), PathBuf::from).join(file)
}

/// A program among the examples, which cargo builds with the tests.
pub fn example(name: &str) -> PathBuf {
    let path = Path::new(FAST).parent().unwrap().join("examples").join(name);
    assert!(path.exists(), "{} is not built; run `cargo test` without a filter of targets", path.display());
    path
}

pub fn query(service: &str, file: &Path) -> Query {
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

pub fn hard(how: &str, file: &Path) -> Query {
    let params = binglide::worker::Params(vec![("how".into(), how.into())]);
    Query { params, ..query("HARD", file) }
}

pub fn end_of(client: &mut Client, request: u64) -> Answer {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        match client.next(Duration::from_millis(100)).unwrap() {
            Some((of, answer)) if of == request && answer.is_end() => return answer,
            _ => {}
        }
    }
    panic!("request {request} does not end")
}

pub fn ask(client: &mut Client, query: Query) -> Result<Report, Fault> {
    let request = client.ask(query);
    match end_of(client, request) {
        Answer::Final(report) => Ok(report),
        Answer::Failed(fault) => Err(fault),
        other => panic!("{other:?}"),
    }
}

pub fn array<'a>(report: &'a Report, name: &str) -> &'a [f64] {
    let found = report.arrays.iter().find(|(other, _)| other == name);
    &found.unwrap_or_else(|| panic!("no {name} in {:?}", report.scalars)).1.data
}

pub fn histogram(bytes: &[u8]) -> Vec<f64> {
    let mut counts = vec![0.0; 256];
    bytes.iter().for_each(|&byte| counts[usize::from(byte)] += 1.0);
    counts
}
