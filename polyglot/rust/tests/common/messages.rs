//! The messages of the vectors, which are JSON, as this crate has them.
#![allow(dead_code)]

use binglide::protocol::descriptor::{Descriptor, Form, Version};
use binglide::protocol::errors::{fail, ErrorCode, Fault};
use binglide::protocol::messages::*;
use binglide::protocol::npy::{Dtype, NamedArray};
use binglide::protocol::params::{ParamValue, Params};
use binglide::protocol::parts::PartFrames;
use serde_json::Value as Json;

use super::{number, numbers, unhex, value_of};

pub fn text(json: &Json, name: &str) -> String {
    json[name].as_str().unwrap_or_else(|| panic!("{name} of {json}")).to_string()
}
pub fn count(json: &Json, name: &str) -> u64 {
    json[name].as_u64().unwrap_or_else(|| panic!("{name} of {json}"))
}
pub fn optional(json: &Json, name: &str) -> Option<String> {
    json[name].as_str().map(ToString::to_string)
}
pub fn body(json: &Json) -> Vec<Vec<u8>> {
    json.as_array().unwrap().iter().map(|frame| unhex(frame["hex"].as_str().unwrap())).collect()
}
pub fn pair(json: &Json) -> (u64, u64) {
    (json[0].as_u64().unwrap(), json[1].as_u64().unwrap())
}
pub fn params(json: &Json) -> Params {
    let entries = json.as_object().unwrap().iter();
    Params(entries.map(|(name, value)| (name.clone(), ParamValue::from_value(&value_of(value)).unwrap())).collect())
}
/// Parameters come in the order of their map, which is no part of the protocol.
pub fn sorted(mut params: Params) -> Params {
    params.0.sort_by(|a, b| a.0.cmp(&b.0));
    params
}
pub fn fault(json: &Json) -> Fault {
    Fault {
        job_id: optional(json, "jobId"),
        service: optional(json, "service"),
        range: json.get("range").map(pair),
        ..fail(ErrorCode::of(&text(json, "code")).unwrap(), text(json, "message"))
    }
}
pub fn work(json: &Json) -> TaskWork {
    TaskWork { bytes_read: count(json, "bytesRead"), ms: number(&json["ms"]), seek_ms: json.get("seekMs").map(number) }
}
pub fn welcome(json: &Json) -> Welcome {
    Welcome {
        heartbeat_ms: count(json, "heartbeatMs"),
        cancel_endpoint: text(json, "cancelEndpoint"),
        epoch: text(json, "epoch"),
        message_bytes_max: count(&json["limits"], "messageBytesMax"),
        jobs_max: count(&json["limits"], "jobsMax"),
    }
}

pub fn from_worker(it: &Json) -> FromWorker {
    let (attempt, epoch) = (it["attempt"].as_u64(), optional(it, "epoch").unwrap_or_default());
    match text(it, "kind").as_str() {
        "ready" => FromWorker::Ready {
            descriptor: Descriptor::from_value(&value_of(&it["descriptor"])).unwrap(),
            slot: text(it, "slot"),
            credit: count(it, "credit"),
        },
        "taskFinal" => {
            let arrays = it["part"]["arrays"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().into());
            let part = PartFrames { arrays: arrays.collect(), frames: body(&it["part"]["frames"]) };
            FromWorker::Final { attempt: attempt.unwrap(), epoch, part, work: work(&it["work"]) }
        }
        "taskError" => {
            FromWorker::Error { attempt: attempt.unwrap(), epoch, fault: fault(&it["fault"]), work: work(&it["work"]) }
        }
        "workerHeartbeat" => FromWorker::Heartbeat(attempt.map(|attempt| (attempt, count(it, "bytesDone")))),
        "workerDisconnect" => FromWorker::Disconnect,
        other => panic!("{other}"),
    }
}

pub fn extent(it: &Json) -> Extent {
    Extent { path: unhex(&text(&it["path"], "hex")), length: it["length"].as_u64() }
}

pub fn query(it: &Json) -> Query {
    let version = match &it["version"] {
        Json::Null => None,
        Json::String(text) => Some(Version::Text(text.clone())),
        number => Some(Version::Number(number.as_i64().unwrap())),
    };
    let range = &it["range"];
    Query {
        service: text(it, "service"),
        version,
        inputs: it["inputs"].as_array().unwrap().iter().map(|i| extent(&i[0])).collect(),
        range: (range["start"].as_i64().unwrap(), range["end"].as_i64()),
        cells: count(it, "cells"),
        snap: it["snap"].as_bool().unwrap(),
        params: params(&it["params"]),
        cache: it["cache"].as_bool().unwrap(),
    }
}

pub fn from_client(it: &Json) -> FromClient {
    let request_id = it["requestId"].as_u64();
    match text(it, "kind").as_str() {
        "hello" => FromClient::Hello { client_id: text(it, "clientId") },
        "request" => FromClient::Request {
            request_id: request_id.unwrap(),
            job_id: optional(it, "jobId"),
            query: query(&it["query"]),
        },
        "rawRequest" => FromClient::RawRequest {
            request_id: request_id.unwrap(),
            service: text(it, "service"),
            body: body(&it["body"]),
        },
        "clientCancel" => FromClient::Cancel { job_id: optional(it, "jobId"), request_id },
        "clientHeartbeat" => FromClient::Heartbeat { seen: it["seen"].as_u64() },
        "clientDisconnect" => FromClient::Disconnect,
        other => panic!("{other}"),
    }
}

pub fn to_worker(it: &Json) -> ToWorker {
    match text(it, "kind").as_str() {
        "welcome" => ToWorker::Welcome(welcome(it)),
        "assign" => ToWorker::Assign {
            attempt: count(it, "attempt"),
            epoch: text(it, "epoch"),
            job_id: text(it, "jobId"),
            task: task(&it["task"]),
        },
        "workerCancel" => ToWorker::Cancel {
            job_id: text(it, "jobId"),
            attempts: it["attempts"].as_array().unwrap().iter().map(|attempt| attempt.as_u64().unwrap()).collect(),
            waiting: it["waiting"] == true,
        },
        "workerHeartbeat" => ToWorker::Heartbeat,
        "workerDisconnect" => ToWorker::Disconnect,
        other => panic!("{other}"),
    }
}

pub fn task(it: &Json) -> Task {
    if it["kind"] == "finish" {
        let names = it["arrays"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_string());
        let arrays = PartFrames { arrays: names.collect(), frames: body(&it["frames"]) };
        let rows = count(it, "rows") as usize;
        return Task::Finish(FinishTask { params: params(&it["params"]), rows, arrays });
    }
    let input = |it: &Json| {
        let identity = &it["identity"];
        TaskInput {
            path: unhex(&text(&it["path"], "hex")),
            identity: StatIdentity {
                dev: text(identity, "dev"),
                ino: text(identity, "ino"),
                size: count(identity, "size"),
                mtime_ns: text(identity, "mtimeNs"),
                ctime_ns: text(identity, "ctimeNs"),
            },
        }
    };
    Task::Read(ReadTask {
        sampled: it["kind"] == "sample",
        inputs: it["inputs"].as_array().unwrap().iter().map(input).collect(),
        runs: it["runs"].as_array().unwrap().iter().map(pair).collect(),
        cell_bytes: count(it, "cellBytes"),
        form: Form::of(&text(it, "form")).unwrap(),
        params: params(&it["params"]),
        read_ms_max: it.get("readMsMax").map(number),
    })
}

pub fn report(it: &Json) -> Report {
    let scalar = |value: &Json| match value {
        Json::Null => Scalar::Unknown,
        Json::Bool(flag) => Scalar::Flag(*flag),
        Json::Object(it) if it.contains_key("start") => {
            Scalar::Stretch { start: count(value, "start"), length: count(value, "length") }
        }
        other => Scalar::Number(number(other)),
    };
    let mut scalars: Vec<_> =
        it["scalars"].as_object().unwrap().iter().map(|(name, value)| (name.clone(), scalar(value))).collect();
    scalars.sort_by(|a, b| a.0.cmp(&b.0));
    let mut arrays: Vec<_> =
        it["arrays"].as_object().unwrap().iter().map(|(name, value)| (name.clone(), array(value))).collect();
    arrays.sort_by(|a, b| a.0.cmp(&b.0));
    Report {
        job_id: text(it, "jobId"),
        service: text(it, "service"),
        range: pair(&it["range"]),
        completion: number(&it["completion"]),
        exact: it["exact"].as_bool().unwrap(),
        cell_bytes: count(it, "cellBytes"),
        scalars,
        arrays,
    }
}

pub fn array(it: &Json) -> NamedArray {
    let shape = it["shape"].as_array().unwrap().iter().map(|dim| dim.as_u64().unwrap() as usize).collect();
    NamedArray { dtype: Dtype::of(&text(it, "dtype")).unwrap(), shape, data: numbers(&it["data"]) }
}

pub fn to_client(it: &Json) -> ToClient {
    let request_id = it["requestId"].as_u64().unwrap_or_default();
    let raw = |it: &Json| (text(it, "service"), body(&it["body"]));
    match text(it, "kind").as_str() {
        "welcome" => ToClient::Welcome(welcome(it)),
        "partial" => ToClient::Partial { request_id, report: report(&it["report"]) },
        "final" => ToClient::Final { request_id, report: report(&it["report"]) },
        "rawPartial" => {
            let (service, body) = raw(it);
            ToClient::RawPartial { request_id, service, body }
        }
        "rawFinal" => {
            let (service, body) = raw(it);
            ToClient::RawFinal { request_id, service, body }
        }
        "error" => ToClient::Error { request_id, fault: fault(&it["fault"]) },
        "cancelAck" => ToClient::CancelAck { job_id: text(it, "jobId"), outcome: text(it, "outcome") },
        "clientHeartbeat" => ToClient::Heartbeat,
        "clientDisconnect" => ToClient::Disconnect,
        other => panic!("{other}"),
    }
}
