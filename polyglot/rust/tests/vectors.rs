//! The golden frames of protocol/vectors: everything that a worker or a client encodes, decodes or refuses. What only a
//! broker reads is counted, so that a new kind of vector does not go by unseen.
mod common;

use binglide::protocol::codec::{pack, unpack_map};
use binglide::protocol::decode::*;
use binglide::protocol::descriptor::Descriptor;
use binglide::protocol::encode::*;
use binglide::protocol::entropy::{block_q, entropy_table};
use binglide::protocol::errors::{fail, ErrorCode, Fault};
use binglide::protocol::ids::*;
use binglide::protocol::messages::*;
use binglide::protocol::npy::{decode_npy, encode_npy};
use common::messages::*;
use common::*;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

/// Maps are compared as maps: frames that are msgpack maps, without regard to the order of their keys.
fn assert_same_frames(name: &str, got: &[Vec<u8>], wanted: &[Vec<u8>]) {
    let plain = |frame: &Vec<u8>| match unpack_map(frame) {
        Ok(map) => pack(&ordered(map)),
        Err(_) => frame.clone(),
    };
    let (got, wanted): (Vec<_>, Vec<_>) = (got.iter().map(plain).collect(), wanted.iter().map(plain).collect());
    assert_eq!(got, wanted, "{name}");
}
fn ordered(value: rmpv::Value) -> rmpv::Value {
    match value {
        rmpv::Value::Map(entries) => {
            let mut entries: Vec<_> = entries.into_iter().map(|(key, item)| (key, ordered(item))).collect();
            entries.sort_by(|a, b| a.0.as_str().cmp(&b.0.as_str()));
            rmpv::Value::Map(entries)
        }
        rmpv::Value::Array(items) => rmpv::Value::Array(items.into_iter().map(ordered).collect()),
        other => other,
    }
}

/// In the order of names, as far as that order means nothing.
fn normal_to_client(message: ToClient) -> ToClient {
    let normal = |mut report: Report| {
        report.scalars.sort_by(|a, b| a.0.cmp(&b.0));
        report.arrays.sort_by(|a, b| a.0.cmp(&b.0));
        report
    };
    match message {
        ToClient::Partial { request_id, report } => ToClient::Partial { request_id, report: normal(report) },
        ToClient::Final { request_id, report } => ToClient::Final { request_id, report: normal(report) },
        other => other,
    }
}
fn normal_to_worker(message: ToWorker) -> ToWorker {
    match message {
        ToWorker::Assign { attempt, epoch, job_id, task: Task::Read(mut task) } => {
            task.params = sorted(task.params);
            ToWorker::Assign { attempt, epoch, job_id, task: Task::Read(task) }
        }
        other => other,
    }
}

/// One vector of a message: true where it was ours to check.
fn check_message(vector: &Json) -> bool {
    let (name, it) = (text(vector, "name"), &vector["message"]);
    let frames = frames_of(&vector["frames"]);
    let plain_body = || body(&it["body"]);
    let plain_worker = |it: &Json| {
        let address = || unhex(&text(&it["address"], "hex"));
        match text(it, "kind").as_str() {
            "plainReady" => FromPlainWorker::Ready { service: text(it, "service") },
            "plainPartial" => FromPlainWorker::Partial { address: address(), body: plain_body() },
            "plainFinal" => FromPlainWorker::Final { address: address(), body: plain_body() },
            "plainHeartbeat" => FromPlainWorker::Heartbeat,
            _ => FromPlainWorker::Disconnect,
        }
    };
    match text(vector, "direction").as_str() {
        "worker-to-broker" => assert_same_frames(&name, &encode_from_worker(from_worker(it)), &frames),
        "client-to-broker" => assert_same_frames(&name, &encode_from_client(from_client(it)), &frames),
        "broker-to-worker" => {
            let got = decode_to_worker(&frames).unwrap_or_else(|fault| panic!("{name}: {fault}"));
            assert_eq!(normal_to_worker(got), normal_to_worker(to_worker(it)), "{name}");
        }
        "broker-to-client" => {
            let got = decode_to_client(&frames).unwrap_or_else(|fault| panic!("{name}: {fault}"));
            // NaN is equal to nothing; printed it is.
            assert_eq!(format!("{:?}", normal_to_client(got)), format!("{:?}", to_client(it)), "{name}");
        }
        "plain-client-to-broker" => {
            assert_same_frames(&name, &encode_plain_request(&text(it, "service"), plain_body()), &frames);
        }
        "broker-to-plain-client" => {
            let is_final = text(it, "kind") == "plainFinal";
            let wanted = ToPlainClient { is_final, service: text(it, "service"), body: plain_body() };
            assert_eq!(decode_to_plain_client(&frames), Ok(wanted), "{name}");
        }
        "plain-worker-to-broker" => assert_same_frames(&name, &encode_from_plain_worker(plain_worker(it)), &frames),
        "broker-to-plain-worker" => {
            let wanted = match text(it, "kind").as_str() {
                "plainAssign" => {
                    ToPlainWorker::Request { address: unhex(&text(&it["address"], "hex")), body: plain_body() }
                }
                "plainHeartbeat" => ToPlainWorker::Heartbeat,
                _ => ToPlainWorker::Disconnect,
            };
            assert_eq!(decode_to_plain_worker(&frames), Ok(wanted), "{name}");
        }
        "broker-to-subscribers" => {
            let topic = if text(it, "kind") == "cancelled" { "cancel" } else { "tick" };
            assert_eq!(frames[0], topic.as_bytes(), "{name}");
        }
        other => panic!("{name}: nobody checks {other}"),
    }
    true
}

#[test]
fn every_message_becomes_its_frames_and_frames_become_their_message() {
    for file in ["messages-client", "messages-worker", "messages-plain", "errors"] {
        let checked = vectors(file).as_array().unwrap().iter().filter(|vector| check_message(vector)).count();
        assert_eq!(checked, vectors(file).as_array().unwrap().len(), "{file}");
        assert!(checked > 10, "{file} has vectors");
    }
}

#[test]
fn errors_to_plain_clients_have_two_frames() {
    let mut checked = 0;
    for vector in vectors("errors").as_array().unwrap() {
        if vector["direction"] != "broker-to-plain-client" {
            continue;
        }
        let wanted = frames_of(&vector["frames"]);
        let it = unpack_map(&wanted[4]).unwrap();
        let code = it.as_map().unwrap().iter().find(|(key, _)| key.as_str() == Some("code")).unwrap();
        let code = ErrorCode::of(code.1.as_str().unwrap()).unwrap();
        let made = plain_error_body(&fail(code, code.remedy()));
        assert_same_frames(&text(vector, "name"), &made[..1], &wanted[3..4]);
        checked += 1;
    }
    assert_eq!(checked, ErrorCode::ALL.len());
}

#[test]
fn readers_take_what_writers_write_otherwise() {
    let mut checked = 0;
    for vector in vectors("accepted").as_array().unwrap() {
        let frames = frames_of(&vector["frames"]);
        match vector["direction"].as_str().unwrap() {
            "broker-to-worker" => {
                assert_eq!(decode_to_worker(&frames), Ok(to_worker(&vector["message"])), "{vector}");
            }
            // Only a broker reads these; their maps are read by the same codec.
            "client-to-broker" | "worker-to-broker" => {
                if let Some(map) = frames.get(2..).and_then(<[Vec<u8>]>::last) {
                    assert!(unpack_map(map).is_ok(), "{vector}");
                }
            }
            other => panic!("nobody checks {other}"),
        }
        checked += 1;
    }
    assert!(checked >= 10);
}

#[test]
fn what_is_invalid_is_refused() {
    let mut refused = 0;
    for vector in vectors("invalid").as_array().unwrap() {
        let frames = frames_of(&vector["frames"]);
        let (name, reason) = (text(vector, "name"), text(vector, "reason"));
        let fault = match vector["direction"].as_str().unwrap() {
            // A worker says DISCONNECT and begins anew: core.rs does that with every fault of its codec.
            "broker-to-worker" => decode_to_worker(&frames).err(),
            "broker-to-client" => decode_to_client(&frames).err(),
            "broker-to-plain-worker" => decode_to_plain_worker(&frames).err(),
            "broker-to-plain-client" => decode_to_plain_client(&frames).err(),
            // What a worker says of itself is checked before it is said.
            "worker-to-broker" if reason.contains("descriptor") || name.starts_with("READY: ") => {
                let Some(map) = frames.get(3) else { continue };
                let Ok(map) = unpack_map(map) else { continue };
                let entries = map.as_map().unwrap();
                let Some((_, it)) = entries.iter().find(|(key, _)| key.as_str() == Some("descriptor")) else {
                    continue;
                };
                match Descriptor::from_value(it) {
                    Err(fault) => Some(fault),
                    Ok(_) if reason.contains("descriptor") => None,
                    Ok(_) => continue,
                }
            }
            // Maps that are none: the codec is the same for all.
            _ if reason.contains("msgpack") || reason.contains("header of") => unpack_map(frames.last().unwrap()).err(),
            _ => continue,
        };
        assert!(fault.is_some(), "{name} was taken, against {reason}");
        refused += 1;
    }
    assert!(refused >= 60, "{refused} were ours");
}

#[test]
fn arrays_travel_as_npy() {
    let all = vectors("npy");
    for vector in all["arrays"].as_array().unwrap() {
        let (frame, wanted) = (unhex(&text(vector, "frame")), array(&vector["array"]));
        assert_eq!(encode_npy(wanted.dtype, &wanted.shape, &wanted.data), frame, "{}", vector["name"]);
        assert_eq!(format!("{:?}", decode_npy(&frame)), format!("{:?}", Ok::<_, Fault>(wanted)), "{}", vector["name"]);
    }
    for vector in all["read"].as_array().unwrap() {
        assert_eq!(decode_npy(&unhex(&text(vector, "frame"))), Ok(array(&vector["array"])), "{}", vector["name"]);
    }
    for vector in all["refused"].as_array().unwrap() {
        assert!(decode_npy(&unhex(&text(vector, "frame"))).is_err(), "{}", vector["name"]);
    }
}

#[test]
fn descriptors_have_their_digests_and_survive_the_wire() {
    let all = vectors("descriptors");
    for vector in all.as_array().unwrap() {
        let descriptor = Descriptor::from_value(&value_of(&vector["descriptor"])).unwrap();
        assert_eq!(descriptor.digest(), text(vector, "digest"), "{}", vector["name"]);
        let sent = unpack_map(&pack(&descriptor.to_value())).unwrap();
        assert_eq!(Descriptor::from_value(&sent), Ok(descriptor), "{}", vector["name"]);
    }
    assert!(all.as_array().unwrap().len() >= 10);
}

#[test]
fn ids_are_made_and_read() {
    let all = vectors("ids");
    for vector in all["base32"].as_array().unwrap() {
        assert_eq!(base32(&unhex(&text(&vector["bytes"], "hex"))), text(vector, "text"));
    }
    for vector in all["jobIds"].as_array().unwrap() {
        let (client, request) = (text(vector, "client"), count(vector, "request"));
        assert_eq!(job_id_of(&client, request), text(vector, "jobId"));
        let read = &vector["readBack"];
        let wanted = Some((text(read, "client"), count(read, "request")));
        let got = parse_job_id(vector["jobId"].as_str().unwrap()).map(|(client, n)| (client.to_string(), n));
        assert_eq!(got, wanted);
    }
    for vector in all["notJobIds"].as_array().unwrap() {
        assert_eq!(parse_job_id(vector.as_str().unwrap()), None, "{vector}");
    }
}

#[test]
fn the_entropy_table_is_exact() {
    let (all, table) = (vectors("entropy-table"), entropy_table());
    for (c, wanted) in all["table"].as_array().unwrap().iter().enumerate() {
        assert_eq!(table[c], wanted.as_i64().unwrap(), "T[{c}]");
    }
    for entry in ["powers", "hard"].iter().flat_map(|name| all[name].as_array().unwrap()) {
        assert_eq!(table[entry[0].as_u64().unwrap() as usize], entry[1].as_i64().unwrap(), "T{entry}");
    }
    let bytes: Vec<u8> = table.iter().flat_map(|entry| entry.to_le_bytes()).collect();
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(digest, text(&all, "sha256"));
    for block in all["blocks"].as_array().unwrap() {
        let mut counts = [0; 256];
        for pair in block["counts"].as_array().unwrap() {
            counts[pair[0].as_u64().unwrap() as usize] = pair[1].as_u64().unwrap() as u32;
        }
        assert_eq!(block_q(&counts), block["q"].as_i64().unwrap(), "{}", block["name"]);
    }
}

/// Golden frames with bytes changed, cut off, added and swapped: every decoder answers, with a message or a fault.
#[test]
fn decoders_survive_damaged_frames() {
    let files = ["messages-client", "messages-worker", "messages-plain", "invalid", "accepted"];
    let all: Vec<Json> = files.iter().flat_map(|file| vectors(file).as_array().unwrap().clone()).collect();
    let golden: Vec<Vec<Vec<u8>>> = all.iter().map(|vector| frames_of(&vector["frames"])).collect();
    let (mut random, mut refused) = (Random(17), 0);
    for turn in 0..30_000 {
        let mut frames = golden[turn % golden.len()].clone();
        for _ in 0..1 + random.next() % 3 {
            let Some(count) = Some(frames.len() as u64).filter(|count| *count > 0) else { break };
            let at = (random.next() % count) as usize;
            let place = random.next() as usize % (frames[at].len() + 1);
            match random.next() % 4 {
                0 if place < frames[at].len() => frames[at][place] = random.next() as u8,
                1 => frames[at].truncate(place),
                2 => frames[at].insert(place, random.next() as u8),
                _ => frames.swap(at, (random.next() % count) as usize),
            }
        }
        // Both sides' decoders, whatever the header says: a peer may be of any kind.
        for header in [b"BXMW02", b"BXMC02", b"MDPW02", b"MDPC02"] {
            if let Some(first) = frames.first_mut() {
                *first = header.to_vec();
            }
            let outcomes = [
                decode_to_worker(&frames).is_err(),
                decode_to_client(&frames).is_err(),
                decode_to_plain_worker(&frames).is_err(),
                decode_to_plain_client(&frames).is_err(),
            ];
            refused += outcomes.iter().filter(|is_fault| **is_fault).count();
        }
        frames.iter().for_each(|frame| drop(decode_npy(frame)));
        if let Some(value) = frames.last().and_then(|frame| unpack_map(frame).ok()) {
            drop(Descriptor::from_value(&value));
        }
    }
    assert!(refused > 300_000, "{refused} of 480,000 were refused");
}
