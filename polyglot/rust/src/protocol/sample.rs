//! Samples: the interval that the runs of each cell give. Intervals are never merged and never cached; whoever computes
//! them does it from the runs of one stratum (section 9.2). The same estimates as the TypeScript workers make.
use super::descriptor::{Descriptor, FieldSpec, Form, Merge, OutputSpec, Scope};

/// The output that `lo` and `hi` belong to: the first along the cells that is one number made of a sum.
pub fn interval_output(descriptor: &Descriptor, form: Form) -> Option<(&OutputSpec, &FieldSpec)> {
    let field_of = |output: &OutputSpec| descriptor.fields.iter().find(|field| field.name == output.of);
    descriptor.report.iter().filter_map(|output| Some((output, field_of(output)?))).find(|(output, field)| {
        let here = output.scope != Scope::Whole && field.cells && field.form.map_or(true, |own| own == form);
        let number = output.finish == "entropy" || (output.finish == "value" && field.shape.is_none());
        here && field.merge == Merge::Sum && number
    })
}

/// What the runs of one stratum tell of the output: the entropy in bits a byte, or a sum for each byte.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    runs: usize,
    bytes: f64,
    value: f64,
    /// How much `value` is above the mean of what one run less tells; never below 0, and 0 for sums.
    growth: f64,
    /// By which one run differs from another; NaN where there is only one.
    variance: f64,
}

/// The rows of a stratum's runs, one after the other, and the bytes of each. Delete-one-run jackknife (Quenouille 1956,
/// Tukey 1958).
pub fn estimate_of(rows: &[f64], bytes: &[f64], entropy: bool) -> Estimate {
    let runs = bytes.len();
    let (all, without) = if entropy { entropies(rows, runs) } else { bytewise_means(rows, bytes) };
    let mean = without.iter().map(|value| value / runs as f64).sum::<f64>();
    let variance =
        if runs < 2 { f64::NAN } else { without.iter().map(|value| (value - mean).powi(2) * (runs - 1) as f64).sum() };
    let growth = if entropy && runs > 1 { (all - mean).max(0.0) } else { 0.0 };
    Estimate { runs, bytes: bytes.iter().sum(), value: all, growth, variance }
}

/// What the output can be at all; `values`: as many different ones as runs can show.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Bounds {
    pub low: f64,
    pub high: f64,
    pub values: f64,
}

/// Of an entropy of `width` counts, or of a sum for each byte.
pub fn bounds_of(field: &FieldSpec, entropy: bool, width: usize) -> Bounds {
    let values = width as f64;
    if entropy {
        return Bounds { low: 0.0, high: values.log2(), values };
    }
    let low = if field.dtype.is_unsigned() { 0.0 } else { f64::NEG_INFINITY };
    Bounds { low, high: field.per_byte_max.map_or(f64::INFINITY, |max| max as f64), values }
}

/// Student's t, 97.5 %, by degrees of freedom from 1; beyond the table the normal's is near enough.
const T975: [f64; 15] =
    [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131];
/// Strata before and after one whose runs are asked as well how much runs differ hereabouts.
const NEIGHBOURS: usize = 4;
/// Degrees of freedom that their word has at the most, against runs − 1 of the stratum's own.
const NEIGHBOURS_WEIGHT: usize = 12;

/// A 95 % interval for each of the strata, which are `stratum_bytes` long and in order of place; NaN where the runs
/// cannot tell. Variances are moderated by the neighbours' (empirical Bayes, Smyth 2004); what was read is certain (finite
/// population correction, Cochran 1977).
pub fn intervals(strata: &[Estimate], stratum_bytes: f64, bounds: Bounds) -> Vec<(f64, f64)> {
    let unknown = (f64::NAN, f64::NAN);
    let interval = |(i, stratum): (usize, &Estimate)| {
        if stratum.runs < 2 {
            return unknown;
        }
        let (variance, around) = hereabouts(strata, i);
        let degrees = around.min(NEIGHBOURS_WEIGHT) + stratum.runs - 1;
        let own = if around > 0 { (stratum.runs - 1) as f64 / degrees as f64 } else { 1.0 };
        let moderated = variance + own * (stratum.variance - variance).max(0.0);
        let unseen = (1.0 - stratum.bytes / stratum_bytes).max(0.0);
        // Written so that NaN is unknown too.
        let tells = moderated * unseen > 0.0;
        if !tells {
            return unknown;
        }
        let t = T975.get(degrees - 1).copied().unwrap_or(1.96);
        let half = t * (moderated * unseen / stratum.runs as f64).sqrt();
        let high = stratum.value + growth_ahead(stratum, unseen, bounds.values) + half;
        (bounds.low.max(stratum.value - half), bounds.high.min(high))
    };
    strata.iter().enumerate().map(interval).collect()
}

/// By which runs of the stratum's neighbours differ, pooled, and its degrees of freedom.
fn hereabouts(strata: &[Estimate], i: usize) -> (f64, usize) {
    let (mut sum, mut degrees) = (0.0, 0);
    for (j, stratum) in strata.iter().enumerate().take(i + NEIGHBOURS + 1).skip(i.saturating_sub(NEIGHBOURS)) {
        if j != i && stratum.runs > 1 {
            sum += stratum.variance * (stratum.runs - 1) as f64;
            degrees += stratum.runs - 1;
        }
    }
    (if degrees > 0 { sum / degrees as f64 } else { 0.0 }, degrees)
}

/// How much higher than in the runs the entropy may be in the stratum: as counts of one kind of content miss their end by
/// 1/bytes (Miller 1955), or, where content drifts, as the logarithm of the bytes, whichever is more.
fn growth_ahead(stratum: &Estimate, unseen: f64, values: f64) -> f64 {
    let runs = stratum.runs as f64;
    let steady = (runs - 1.0) * unseen;
    let drifting = (1.0 / (1.0 - unseen)).min(values / runs).ln() / (runs / (runs - 1.0)).ln();
    stratum.growth * steady.max(drifting)
}

/// The estimate of all runs, and of all but one, for each of them.
fn bytewise_means(rows: &[f64], bytes: &[f64]) -> (f64, Vec<f64>) {
    let width = rows.len() / bytes.len();
    let sum: f64 = rows.iter().step_by(width.max(1)).sum();
    let seen: f64 = bytes.iter().sum();
    let without = bytes.iter().enumerate().map(|(run, length)| (sum - rows[run * width]) / (seen - length)).collect();
    (sum / seen, without)
}

/// In bits a byte, log2 n − Σ c·log2 c / n: an interval needs no stated order of summing.
fn entropies(rows: &[f64], runs: usize) -> (f64, Vec<f64>) {
    let width = rows.len() / runs;
    let log = |count: f64| if count > 1.0 { count * count.log2() } else { 0.0 };
    let (mut sum, mut n) = (0.0, 0.0);
    let (mut sums, mut seen) = (vec![0.0; runs], vec![0.0; runs]);
    for value in 0..width {
        let total: f64 = rows[value..].iter().step_by(width).sum();
        if total == 0.0 {
            continue;
        }
        n += total;
        sum += log(total);
        for run in 0..runs {
            let rest = total - rows[run * width + value];
            seen[run] += rest;
            sums[run] += log(rest);
        }
    }
    let without = sums.iter().zip(&seen).map(|(of, seen)| seen.log2() - of / seen).collect();
    (n.log2() - sum / n, without)
}
