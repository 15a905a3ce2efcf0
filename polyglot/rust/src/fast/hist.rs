//! HIST: how often each byte value stands in the range.
use super::histogram::add_histogram;
use crate::worker::{Definition, Field, Out, Outcome, Rows, Scope, Service, TaskView};

/// The service.
pub struct Hist;

impl Service for Hist {
    fn definition(&self) -> Definition {
        Definition::new("HIST")
            .version(1)
            .help("counts of the 256 byte values")
            .field(Field::u8("counts").shape([256]).sum().per_byte_max(1))
            .output("counts", "counts", "value", Scope::Whole)
    }

    fn compute(&self, input: &Rows, out: &Out, _: &TaskView) -> Outcome {
        let mut counts = out.u8("counts");
        for row in 0..input.rows() {
            add_histogram(input.row(row), &mut counts);
        }
        Ok(())
    }
}
