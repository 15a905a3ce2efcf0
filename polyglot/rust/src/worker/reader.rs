//! The bytes of a task's batches, read from all inputs into buffers that are used again.
use super::rows::Rows;
use super::source::Source;
use crate::protocol::errors::Fault;

/// Fills `rows.held` from the sources; `shift`: bytes that the second input is read further along.
pub(crate) fn fill(rows: &mut Rows, sources: &mut [Source], shift: i64) -> Result<(), Fault> {
    let (start, end) = (rows.start() as i64, (rows.end() + rows.overlap_bytes) as i64);
    for (input, source) in sources.iter_mut().enumerate() {
        let shift = if input == 0 { 0 } else { shift };
        let length = (end.min(source.size() as i64 - shift) - start) as usize;
        let held = &mut rows.held[input];
        if held.bytes.len() < length {
            held.bytes.resize(length, 0);
        }
        held.length = length;
        source.read(&mut held.bytes[..length], (start + shift) as u64)?;
        source.will_read((start + shift) as u64 + length as u64, length as u64);
    }
    Ok(())
}
