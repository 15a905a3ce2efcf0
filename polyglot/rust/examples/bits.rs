//! BITS: set bits by position in a word, per cell: stuck lines, sample formats, counters.
use binglide::worker::{
    serve, Definition, Field, FinishPart, Out, Outcome, Outputs, Param, Params, Rows, Service, TaskView,
};

struct Bits;

impl Service for Bits {
    fn definition(&self) -> Definition {
        Definition::new("BITS")
            .version(1)
            .row_bytes(4096)
            .finish(share)
            .param(Param::int("word", 1).one_of([1, 2]).help("bytes in a word"))
            .field(Field::u4("ones").shape_of(|params| vec![8 * params.size("word")]).sum().cells())
    }

    fn compute(&self, input: &Rows, out: &Out, task: &TaskView) -> Outcome {
        let (word, mut ones) = (task.params.size("word"), out.u4("ones"));
        for row in 0..input.rows() {
            task.check()?;
            let first = input.offset(row) as usize;
            for (i, byte) in input.row(row).iter().enumerate() {
                let lane = 8 * (row * word + (first + i) % word);
                (0..8).for_each(|bit| ones[lane + bit] += u32::from(byte >> bit & 1));
            }
        }
        Ok(())
    }
}

fn share(part: &FinishPart, params: &Params) -> Result<Outputs, Box<dyn std::error::Error + Send + Sync>> {
    let (lanes, n) = (8 * params.size("word"), part.n());
    let share = |(i, count): (usize, &f64)| count * (lanes / 8) as f64 / n[i / lanes];
    Ok(vec![("share", part.get("ones").iter().enumerate().map(share).collect())])
}

fn main() {
    serve(Bits)
}
