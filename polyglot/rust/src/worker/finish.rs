//! A finish task (BXMDPv2.md section 9.6): merged rows into the service's own `finish`, what it returns into frames.
use std::error::Error;

use super::definition::{FinishPart, Loaded, Outputs};
use super::fields::FieldPlan;
use crate::protocol::descriptor::{FieldSpec, Merge};
use crate::protocol::descriptor_check::{is_name, RESERVED_OUTPUTS};
use crate::protocol::errors::{fail, ErrorCode, Fault};
use crate::protocol::messages::FinishTask;
use crate::protocol::npy::{decode_npy, Dtype, NamedArray};
use crate::protocol::params::{check_params, Params};
use crate::protocol::parts::PartFrames;

type Made = Result<Outputs, Box<dyn Error + Send + Sync>>;

/// `call` calls what is the author's, and makes a typed error of what goes wrong there. E_PROTOCOL where the service has
/// no finish or the rows are not its own.
pub(crate) fn finish(
    loaded: &Loaded,
    task: &FinishTask,
    call: impl FnOnce(&dyn Fn() -> Made) -> Result<Outputs, Fault>,
) -> Result<PartFrames, Fault> {
    let descriptor = &loaded.descriptor;
    let name = &descriptor.name;
    let none = || fail(ErrorCode::Protocol, format!("task of {name}: it has no finish"));
    let finish = loaded.finish.ok_or_else(none)?;
    let params = check_params(name, &descriptor.params, &task.params)?;
    let part = FinishPart { rows: task.rows, arrays: columns(loaded, task, &params)? };
    let outputs = call(&|| finish(&part, &params))?;
    let mut frames = PartFrames::default();
    for (output, data) in outputs {
        let bad = |what: String| Err(fail(ErrorCode::Service, format!("{name}: finish returns {what}")));
        if !is_name(output) {
            return bad(format!("{output:.80}, which is no name; it takes letters, digits and _"));
        }
        let reported = descriptor.report.iter().any(|other| other.name == output);
        let taken = ["lo", "hi"].contains(&output) || RESERVED_OUTPUTS.contains(&output);
        if reported || taken || frames.arrays.iter().any(|other| other == output) {
            return bad(format!("{output}, which a report has already; choose another name"));
        }
        if data.is_empty() || data.len() % task.rows != 0 {
            let (numbers, rows) = (data.len(), task.rows);
            return bad(format!("{numbers} numbers of {output}; wanted a row for each of {rows} rows"));
        }
        frames.add_array(output, Dtype::F8, task.rows, &data)?;
    }
    Ok(frames)
}

/// `n` and each field that merges into numbers of its own, each once, of so many rows.
fn columns(loaded: &Loaded, task: &FinishTask, params: &Params) -> Result<Vec<(String, NamedArray)>, Fault> {
    let bad = |what: String| fail(ErrorCode::Protocol, format!("rows to finish {what}"));
    let merges = |spec: &FieldSpec| matches!(spec.merge, Merge::Sum | Merge::Min | Merge::Max | Merge::Or);
    let mut columns: Vec<(String, NamedArray)> = Vec::new();
    for (name, frame) in task.arrays.arrays.iter().zip(&task.arrays.frames) {
        let field = loaded.fields.iter().find(|plan| plan.spec.name == *name && merges(&plan.spec));
        let width = match field {
            Some(plan) => plan.width(params)?,
            None if name == "n" => 1,
            None => return Err(bad(format!("have an array {name:.80} too many"))),
        };
        let array = decode_npy(frame)?;
        if array.data.len() != task.rows.saturating_mul(width) {
            let (numbers, rows) = (array.data.len(), task.rows);
            return Err(bad(format!("have {numbers} numbers of {name}, not {width} for each of {rows} rows")));
        }
        columns.push((name.clone(), array));
    }
    // One that is only in parts of the other form has no rows.
    let in_both = |plan: &&FieldPlan| merges(&plan.spec) && plan.spec.form.is_none();
    let wanted = loaded.fields.iter().filter(in_both).map(|plan| plan.spec.name.as_str());
    match wanted.chain(["n"]).find(|name| !columns.iter().any(|(other, _)| other == name)) {
        Some(name) => Err(bad(format!("have no array {name}"))),
        None => Ok(columns),
    }
}
