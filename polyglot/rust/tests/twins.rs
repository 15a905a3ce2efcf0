//! HIST and ENT against the TypeScript services: the same digests, and parts that are the same to the bit. Of samples,
//! `lo` and `hi` may differ in their last bits: logarithms do.
mod common;

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use binglide::protocol::descriptor::Form;
use binglide::protocol::messages::*;
use binglide::protocol::npy::decode_npy;
use binglide::protocol::params::{ParamValue, Params};
use binglide::protocol::parts::PartFrames;
use binglide::worker::definition::Loaded;
use binglide::worker::engine::Engine;
use binglide::worker::source::{stat_identity, Roots};
use binglide::worker::Service;
use common::*;
use serde_json::{json, Value as Json};

/// Runs tasks of a built-in service and prints digest, and names and frames of each part.
const SCRIPT: &str = r#"
import { statSync } from 'node:fs';
const dist = process.argv[1];
const { builtinServices } = await import(dist + '/workers/services/index.js');
const { descriptorDigest } = await import(dist + '/protocol/descriptor.js');
const { runTask } = await import(dist + '/workers/engine.js');
const { resolveRoots } = await import(dist + '/workers/source.js');
const { statIdentity } = await import(dist + '/cache/identity.js');
const { name, path, tasks } = JSON.parse(process.argv[2]);
const service = builtinServices.find(({ descriptor }) => descriptor.name === name);
const host = { roots: resolveRoots(['/']), signal: new AbortController().signal, isCancelled: () => false,
  progressed: () => {} };
const parts = [];
for (const task of tasks) {
  const inputs = [{ path: Buffer.from(path), identity: statIdentity(statSync(path, { bigint: true })) }];
  const { part } = await runTask(service, { ...task, inputs }, host);
  parts.push({ arrays: part.arrays, frames: part.frames.map((frame) => Buffer.from(frame).toString('hex')) });
}
console.log(JSON.stringify({ digest: descriptorDigest(service.descriptor), parts }));
"#;

fn of_typescript(name: &str, path: &Path, tasks: &[Json]) -> Json {
    let given = json!({"name": name, "path": path, "tasks": tasks}).to_string();
    let dist = std::env::var_os("BINGLIDE_DIST").map_or(repository().join("dist"), Into::into);
    let mut node = Command::new("node");
    node.args(["--input-type=module", "-e", SCRIPT]).arg(dist.canonicalize().expect("dist is built")).arg(given);
    let output = node.output().expect("node is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn task_of(json: &Json, path: &Path) -> Task {
    let pair = |run: &Json| (run[0].as_u64().unwrap(), run[1].as_u64().unwrap());
    let params = json["params"].as_object().unwrap().iter();
    let identity = stat_identity(&std::fs::metadata(path).unwrap());
    Task::Read(ReadTask {
        sampled: json["kind"] == "sample",
        inputs: vec![TaskInput { path: path.as_os_str().as_bytes().to_vec(), identity }],
        runs: json["runs"].as_array().unwrap().iter().map(pair).collect(),
        cell_bytes: json["cellBytes"].as_u64().unwrap(),
        form: Form::of(json["form"].as_str().unwrap()).unwrap(),
        params: Params(params.map(|(name, it)| (name.clone(), ParamValue::Number(it.as_f64().unwrap()))).collect()),
        read_ms_max: None,
    })
}

fn exact(start: u64, end: u64, cell_bytes: u64) -> Json {
    json!({"kind": "exact", "runs": [[start, end]], "cellBytes": cell_bytes, "form": "summed", "params": {}})
}

fn assert_twin(service: impl Service, tasks: &[Json]) {
    let loaded = Loaded::new(service).unwrap();
    let (name, digest) = (loaded.descriptor.name.clone(), loaded.descriptor.digest());
    let path = std::env::temp_dir().join(format!("binglide-twins-{}-{name}", std::process::id()));
    std::fs::write(&path, Random(11).bytes(3_000_001)).unwrap();
    let engine = Engine::new(loaded, Roots::resolve(&["/".into()]).unwrap());
    let theirs = of_typescript(&name, &path, tasks);
    let parts: Vec<PartFrames> = tasks
        .iter()
        .map(|task| engine.run(&task_of(task, &path)).0.unwrap_or_else(|fault| panic!("{fault}")))
        .collect();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(theirs["digest"].as_str(), Some(digest.as_str()));
    for ((task, ours), theirs) in tasks.iter().zip(&parts).zip(theirs["parts"].as_array().unwrap()) {
        assert_eq!(json!(ours.arrays), theirs["arrays"], "{task}");
        for ((array, ours), theirs) in ours.arrays.iter().zip(&ours.frames).zip(frames_of(&theirs["frames"])) {
            if array == "lo" || array == "hi" {
                let (ours, theirs) = (decode_npy(ours).unwrap(), decode_npy(&theirs).unwrap());
                let near = |(a, b): (&f64, &f64)| (a.is_nan() && b.is_nan()) || (a - b).abs() < 1e-9;
                assert_eq!(ours.data.len(), theirs.data.len(), "{array} of {task}");
                assert!(ours.data.iter().zip(&theirs.data).all(near), "{array} of {task}");
                // HIST has nothing along the cells that an interval could be of.
                assert_eq!(ours.data.iter().any(|n| !n.is_nan()), name == "ENT", "{array} of {task} tells something");
            } else {
                assert!(*ours == theirs, "{array} of {task} differs");
            }
        }
    }
}

#[test]
fn hist_is_its_twin() {
    let sample = json!({"kind": "sample", "runs": [[0, 4096], [1_000_000, 1_004_096], [2_999_000, 3_000_001]],
        "cellBytes": 0, "form": "summed", "params": {}});
    assert_twin(binglide::fast::Hist, &[exact(0, 3_000_001, 0), exact(77, 200, 0), exact(5, 5, 0), sample]);
}

#[test]
fn ent_is_its_twin() {
    let block = |bytes: u64, start: u64, end: u64| json!({"kind": "exact", "runs": [[start, end]], "cellBytes": bytes, "form": "whole", "params": {"block": bytes}});
    let runs: Vec<Json> = (0..40).map(|i| json!([i * 65_536 + i * 100, i * 65_536 + i * 100 + 4096])).collect();
    let runs: Vec<Json> =
        runs.into_iter().chain((0..3).map(|i| json!([2_700_000 + i * 9000, 2_704_096 + i * 9000]))).collect();
    let sample =
        json!({"kind": "sample", "runs": runs, "cellBytes": 262_144, "form": "summed", "params": {"block": 0}});
    let mut tasks =
        vec![exact(0, 3_000_001, 4096), exact(0, 3_000_001, 65_536), exact(777, 2_345_678, 1 << 20), sample];
    tasks.extend([exact(0, 3_000_001, 0), block(1000, 0, 3_000_001), block(4096, 0, 3_000_001)]);
    tasks.extend([block(65_536, 65_536, 3_000_001), block(256, 1_000_000, 1_100_000), block(1, 0, 1000)]);
    assert_twin(binglide::fast::Ent, &tasks);
}
