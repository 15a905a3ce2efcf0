//! What `compute` fills for a concat field: rows of numbers, in order of offset, joined and limited as the algebra says
//! (BXMDPv2.md section 9.3). The sink keeps one list a cell of the part.
use crate::protocol::errors::{fail, ErrorCode, Fault};
use crate::protocol::parts::Column;

#[derive(Clone, Debug, Default)]
struct CellRows {
    rows: Vec<f64>,
    count: u64,
    first: f64,
    last: f64,
}

/// A list of rows a cell.
#[derive(Debug)]
pub struct RowSink {
    name: String,
    width: usize,
    gap: Option<f64>,
    limit: u64,
    cells: Vec<CellRows>,
    /// The cell that each row of the batch lies in; empty: the only one.
    cell_of: Vec<usize>,
    is_signed: bool,
}

impl RowSink {
    /// `gap`: intervals at most so far apart are one; none: never.
    pub(crate) fn new(
        name: &str,
        width: usize,
        cells: usize,
        gap: Option<f64>,
        limit: u64,
        is_signed: bool,
    ) -> RowSink {
        let cells = vec![CellRows::default(); cells];
        RowSink { name: name.to_string(), width, gap, limit, cells, cell_of: Vec::new(), is_signed }
    }

    /// Tells where the rows of the coming batch lie.
    pub(crate) fn place_rows(&mut self, cell_of: &[usize]) {
        self.cell_of.clear();
        self.cell_of.extend_from_slice(cell_of);
    }

    fn cell(&mut self, row: usize) -> &mut CellRows {
        let cell = if self.cell_of.is_empty() { 0 } else { self.cell_of[row] };
        &mut self.cells[cell]
    }

    /// Adds one row of numbers, found in row `row` of the input: `[start, end, …more]`, ascending and not overlapping; of
    /// one number: that number. E_SERVICE where it is no such row.
    pub fn add(&mut self, row: usize, numbers: &[i64]) -> Result<(), Fault> {
        let (width, gap, limit) = (self.width, self.gap, self.limit);
        let bad = |what: String, name: &str| Err(fail(ErrorCode::Service, format!("field {name}: {what}")));
        let safe = numbers.iter().all(|n| n.unsigned_abs() < 1 << 53 && (self.is_signed || *n >= 0));
        let ordered = numbers.len() < 2 || numbers[0] <= numbers[1];
        if numbers.len() != width || !safe || !ordered {
            return bad(format!("a row is {numbers:?}; it takes {width} whole numbers"), &self.name);
        }
        let (start, end) = (numbers[0] as f64, numbers[usize::from(width > 1)] as f64);
        let cell = self.cell(row);
        if cell.count > 0 && width > 1 && start < cell.last {
            let what = format!("a row starts at {start}, before the last one ended, {}", cell.last);
            return bad(what, &self.name);
        }
        let kept = cell.rows.len() == cell.count as usize * width;
        if cell.count > 0 && gap.is_some_and(|gap| start - cell.last <= gap) {
            if kept {
                let at = cell.rows.len() - width;
                cell.rows[at + 1] = end;
                cell.rows[at + 2..].iter_mut().zip(&numbers[2..]).for_each(|(to, &from)| *to += from as f64);
            }
        } else {
            if kept && cell.count < limit {
                cell.rows.extend(numbers.iter().map(|&n| n as f64));
            }
            if cell.count == 0 {
                cell.first = start;
            }
            cell.count += 1;
        }
        cell.last = end;
        Ok(())
    }

    /// Adds many rows of one number as they are; [start, end) is where in the range they were found.
    pub fn append(&mut self, row: usize, numbers: &[u8], start: u64, end: u64) {
        let limit = self.limit;
        let cell = self.cell(row);
        let room = limit.saturating_sub(cell.count).min(numbers.len() as u64) as usize;
        cell.rows.extend(numbers[..room].iter().map(|&n| f64::from(n)));
        if cell.count == 0 {
            cell.first = start as f64;
        }
        cell.last = end as f64;
        cell.count += numbers.len() as u64;
    }

    /// Forgets all rows: those of a sample have no neighbours and say nothing.
    pub(crate) fn clear(&mut self) {
        self.cells.iter_mut().for_each(|cell| *cell = CellRows::default());
    }

    /// The two columns of the part.
    pub(crate) fn column(&self) -> Column {
        let index = self.cells.iter().flat_map(|cell| [cell.count as f64, cell.first, cell.last]).collect();
        Column { data: self.cells.iter().flat_map(|cell| cell.rows.iter().copied()).collect(), index }
    }
}
