//! This crate's programs, as others start them: by hand, by `binglide run` and `binglide check`, by the judge of the
//! repository.
mod common;

use std::io::{BufRead, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use common::place::*;
use serde_json::Value as Json;

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
