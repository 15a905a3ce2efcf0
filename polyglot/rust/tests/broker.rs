//! Real brokers, workers and clients: the daemon of this repository, programs of this crate, the command line of Node.
mod common;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use binglide::client::{Answer, PlainClient};
use binglide::protocol::messages::{Query, Scalar};
use binglide::ErrorCode;
use common::place::*;
use common::*;
use serde_json::Value as Json;

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
    let place = Place::start_at("tcp://127.0.0.1:*");
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
fn a_worker_finds_abroker_that_was_started_again() {
    let mut place = Place::start();
    let bytes = Random(5).bytes(100_000);
    let file = place.write("file", &bytes);
    let _worker = place.worker(Path::new(FAST), "rust");
    place.wait_for_workers("HIST", 1);
    let mut client = place.client();
    assert_eq!(array(&ask(&mut client, query("HIST", &file)).unwrap(), "counts"), histogram(&bytes));
    drop(std::mem::replace(&mut place.broker, Ended(Command::new("true").spawn().unwrap())));
    let endpoint;
    (endpoint, place.broker) = start_broker(&place.folder, &place.endpoint);
    assert_eq!(endpoint, place.endpoint);
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
    // What a terminal says is for the parent to hear.
    for signal in [libc::SIGINT, libc::SIGHUP] {
        unsafe { libc::kill(worker.0.id() as i32, signal) };
    }
    std::thread::sleep(Duration::from_millis(100));
    assert!(worker.0.try_wait().unwrap().is_none(), "it goes on");
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
