//! parts.json: columns become their frames, frames their columns, and pieces fold to the whole.
mod common;

use binglide::protocol::algebra::{combine, identity_of, shape_width, Span};
use binglide::protocol::descriptor::{Descriptor, FieldSpec, Merge};
use binglide::protocol::npy::decode_npy;
use binglide::protocol::params::Params;
use binglide::protocol::parts::{Column, PartFrames};
use common::*;
use serde_json::{json, Value as Json};

/// The fields of a vector, read as those of a descriptor.
fn fields_of(vector: &Json) -> Vec<FieldSpec> {
    let params: Vec<Json> = vector["params"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| json!({"name": name, "type": "int", "default": value, "min": 0, "help": ""}))
        .collect();
    let descriptor = json!({"name": "TEST", "version": 1, "inputs": 1, "help": "", "params": params, "overlap": 0,
        "cached": true, "fields": vector["fields"], "report": []});
    Descriptor::from_value(&value_of(&descriptor)).unwrap().fields
}

fn span_of(part: &Json) -> Span {
    let number = |name: &str| part[name].as_u64().unwrap();
    Span { start: number("start"), end: number("end"), cell_bytes: number("cellBytes") }
}

fn column_of(part: &Json, field: &FieldSpec) -> Column {
    let index = &part["columns"][format!("{}.index", field.name)];
    let index = if index.is_null() { Vec::new() } else { numbers(index) };
    Column { data: numbers(&part["columns"][&field.name]), index }
}

/// Both ways.
fn check_frames(name: &str, fields: &[FieldSpec], part: &Json) {
    let (span, mut made) = (span_of(part), PartFrames::default());
    for field in fields {
        made.add(field, &span, &column_of(part, field)).unwrap_or_else(|fault| panic!("{name}: {fault}"));
    }
    assert_eq!(json!(made.arrays), part["arrays"], "{name}");
    assert_eq!(made.frames, frames_of(&part["frames"]), "{name}");
    for (array, frame) in made.arrays.iter().zip(&made.frames) {
        assert_eq!(decode_npy(frame).unwrap().data, numbers(&part["columns"][array]), "{array} of {name}");
    }
}

/// What a worker folds: everything but lists, which only neighbours fold.
fn fold(field: &FieldSpec, pieces: &[Json], span: Span) -> Vec<f64> {
    let rows = |span: &Span| if field.cells { span.cells() } else { 1 };
    let widths = pieces.iter().filter(|piece| rows(&span_of(piece)) > 0);
    let width = widths.map(|piece| column_of(piece, field).data.len() / rows(&span_of(piece))).max();
    let width = width.unwrap_or_else(|| shape_width(field, &Params::default()));
    let mut whole = vec![identity_of(field); rows(&span) * width];
    for piece in pieces {
        let (of, data) = (span_of(piece), column_of(piece, field).data);
        for (row, source) in data.chunks(width).enumerate() {
            let (start, end) = if field.cells { of.cell_bounds(row) } else { (of.start, of.end) };
            if start < span.start || end > span.end || (field.cells && start == end) {
                continue;
            }
            let cell = if field.cells { span.cell_of(start) } else { 0 };
            combine(field, &mut whole[cell * width..(cell + 1) * width], source).unwrap();
        }
    }
    whole
}

#[test]
fn parts_are_their_frames_and_pieces_fold_to_the_whole() {
    let all = vectors("parts");
    let mut folded = 0;
    for vector in all.as_array().unwrap() {
        let (name, fields) = (vector["name"].as_str().unwrap(), fields_of(vector));
        let pieces = vector["pieces"].as_array().unwrap();
        pieces.iter().chain([&vector["whole"]]).for_each(|part| check_frames(name, &fields, part));
        for field in fields.iter().filter(|field| field.merge != Merge::Concat) {
            let wanted = column_of(&vector["whole"], field).data;
            assert_eq!(fold(field, pieces, span_of(&vector["whole"])), wanted, "{} of {name}", field.name);
            folded += 1;
        }
    }
    assert!(folded >= 12, "{folded} fields were folded");
}
