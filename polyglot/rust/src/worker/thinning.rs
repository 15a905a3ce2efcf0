//! Which runs of a sample are read where reading all of them would take too long, as on a disk that has to seek for each:
//! the next so many are passed over, evenly, so that what is read stays spread over the range. Pure.
//!
//! Two slow reads tell nothing, since a busy machine holds everybody up now and then: what the next ones will take is the
//! quickest of the last three.

/// A read that takes less is not worth passing over, milliseconds.
const QUICK_MS: f64 = 1.0;

pub(crate) struct Thinning {
    count: usize,
    ms_max: f64,
    spent_ms: f64,
    /// The last read, and the one before it.
    last: [f64; 2],
    /// Runs read since some are passed over.
    taken: usize,
}

impl Thinning {
    /// `ms_max`: what all reads together are to take at the most, milliseconds.
    pub(crate) fn new(count: usize, ms_max: f64) -> Thinning {
        Thinning { count, ms_max, spent_ms: 0.0, last: [0.0; 2], taken: 0 }
    }

    /// The index of the run to read after run `last`, whose read took `ms`; `count` and more: none.
    pub(crate) fn next(&mut self, last: usize, ms: f64) -> usize {
        self.spent_ms += ms;
        let estimate_ms = ms.min(self.last[0]).min(self.last[1]);
        self.last = [ms, self.last[0]];
        let left = self.count - 1 - last;
        if estimate_ms < QUICK_MS || left == 0 {
            return last + 1;
        }
        let affordable = (self.ms_max - self.spent_ms) / estimate_ms;
        if affordable < 1.0 {
            return self.count;
        }
        let step = (left as f64 / affordable.min(left as f64)).ceil() as usize;
        // Cells have the same number of runs: an even step might read the same strip of each and of no other.
        let longer = if step > 1 { self.taken } else { 0 };
        self.taken += usize::from(step > 1);
        (self.count - 1).min(last + step + longer % 2)
    }
}
