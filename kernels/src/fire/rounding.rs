//! Exact rounding of quotients, saturated beyond the 8-bit range.

/// Quotients are saturated to this absolute value, one more than any count.
const SATURATED: i128 = 128;
/// The largest denominator of the narrow path, which keeps numerators below `2^31`.
const NARROW: i128 = 1 << 22;

/// `round_half_away(total * multiplier / threshold)` with the fraction in lowest terms.
///
/// With `n = 2 * |total| * multiplier + threshold` and `d = 2 * threshold`, the absolute value is `floor(n / d)`.
/// As counts have 8 bits, `|total|` may be cut at the smallest value whose quotient is 128; then `n` fits in 32
/// bits for the usual thresholds, and a 32-bit float quotient is off by at most one, which an integer remainder
/// corrects.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quotient {
    threshold: i64,
    multiplier: i64,
    pub(super) narrow: Option<Narrow>,
}

/// The largest threshold of the quick path, in lowest terms.
const QUICK: i64 = 1 << 13;
/// The largest power of two as a threshold of the quick path without multiplier.
const QUICK_POWER: i64 = 1 << 16;
/// Quotients beyond this absolute value are cut in the quick path.
const QUICK_LIMIT: f32 = 129.0;

/// The constants of the quick path, which exists for thresholds of up to 2^13, and powers of two of up to 2^16 without
/// multiplier.
///
/// The value before truncation, `v = |total| * multiplier / threshold + 1/2`, is a multiple of `1 / (2 * threshold)`, so
/// `floor(v) = floor(v + 1 / (4 * threshold))`, and an error below `1 / (4 * threshold)` does no harm. Up to the limit
/// the product of 32-bit floats is off by less than 129 * 2^-23 and the sum by 2^-17 more: together 2.4e-5, below
/// `1 / (4 * 2^13) = 3.0e-5`. Totals above 2^24, which a float does not hold exactly, are at or beyond the limit.
/// Where the threshold is a power of two up to 2^16, all values up to the limit are multiples of 2^-16 below 2^8, which
/// floats hold exactly: nothing is off.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quick {
    /// `multiplier / threshold`.
    scale: f32,
    /// `1/2 + 1 / (4 * threshold)`, or `1/2` where nothing is off.
    half: f32,
}

impl Quick {
    fn new(threshold: i64, multiplier: i64) -> Option<Quick> {
        let exact = threshold as f64;
        let scale = (multiplier as f64 / exact) as f32;
        if threshold <= QUICK {
            return Some(Quick { scale, half: (0.5 + 0.25 / exact) as f32 });
        }
        let is_exact = multiplier == 1 && threshold <= QUICK_POWER && (threshold as u64).is_power_of_two();
        is_exact.then_some(Quick { scale, half: 0.5 })
    }

    /// The rounded quotient; beyond 8 bits any value beyond, up to 129.
    #[inline(always)]
    pub(super) fn divide(self, total: i32) -> i32 {
        let value = total as f32 * self.scale;
        let value = if value < QUICK_LIMIT { value } else { QUICK_LIMIT };
        let value = if value > -QUICK_LIMIT { value } else { -QUICK_LIMIT };
        // SAFETY: the limits keep the value finite and in range.
        unsafe { (value + self.half.copysign(value)).to_int_unchecked::<i32>() }
    }
}

/// The quick constants of many neurons, one array for each field.
#[derive(Debug, Clone, Default)]
pub(super) struct QuickTable {
    scale: Vec<f32>,
    half: Vec<f32>,
}

/// The first entries of a table.
#[derive(Clone, Copy)]
pub(super) struct QuickEntries<'a> {
    scale: &'a [f32],
    half: &'a [f32],
}

impl QuickTable {
    /// The table, if every quotient has a quick path.
    pub(super) fn new(quotients: &[Quotient]) -> Option<QuickTable> {
        let mut table = QuickTable::default();
        for quotient in quotients {
            let quick = Quick::new(quotient.threshold, quotient.multiplier)?;
            table.scale.push(quick.scale);
            table.half.push(quick.half);
        }
        Some(table)
    }

    /// The constants of the first `length` neurons.
    #[inline(always)]
    pub(super) fn entries(&self, length: usize) -> QuickEntries<'_> {
        QuickEntries { scale: &self.scale[..length], half: &self.half[..length] }
    }
}

impl QuickEntries<'_> {
    /// The constants of one neuron.
    #[inline(always)]
    pub(super) fn entry(&self, index: usize) -> Quick {
        Quick { scale: self.scale[index], half: self.half[index] }
    }
}

/// The constants of many neurons, one array for each field.
#[derive(Debug, Clone, Default)]
pub(super) struct NarrowTable {
    cut: Vec<i32>,
    factor: Vec<i32>,
    offset: Vec<i32>,
    denominator: Vec<i32>,
    reciprocal: Vec<f32>,
}

/// The first entries of a table.
#[derive(Clone, Copy)]
pub(super) struct NarrowEntries<'a> {
    cut: &'a [i32],
    factor: &'a [i32],
    offset: &'a [i32],
    denominator: &'a [i32],
    reciprocal: &'a [f32],
}

impl NarrowTable {
    /// The table, if every quotient has a narrow path.
    pub(super) fn new(quotients: &[Quotient]) -> Option<NarrowTable> {
        let mut table = NarrowTable::default();
        for quotient in quotients {
            let narrow = quotient.narrow?;
            table.cut.push(narrow.cut);
            table.factor.push(narrow.factor);
            table.offset.push(narrow.offset);
            table.denominator.push(narrow.denominator);
            table.reciprocal.push(narrow.reciprocal);
        }
        Some(table)
    }

    /// The constants of one neuron.
    pub(super) fn entry(&self, index: usize) -> Narrow {
        self.entries(index + 1).entry(index)
    }

    /// The constants of the first `length` neurons.
    #[inline(always)]
    pub(super) fn entries(&self, length: usize) -> NarrowEntries<'_> {
        NarrowEntries {
            cut: &self.cut[..length],
            factor: &self.factor[..length],
            offset: &self.offset[..length],
            denominator: &self.denominator[..length],
            reciprocal: &self.reciprocal[..length],
        }
    }
}

impl NarrowEntries<'_> {
    /// The constants of one neuron.
    #[inline(always)]
    pub(super) fn entry(&self, index: usize) -> Narrow {
        Narrow {
            cut: self.cut[index],
            factor: self.factor[index],
            offset: self.offset[index],
            denominator: self.denominator[index],
            reciprocal: self.reciprocal[index],
        }
    }
}

/// The constants of the 32-bit path.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Narrow {
    /// The smallest `|total|` whose quotient reaches 128, or `i32::MAX`.
    pub(super) cut: i32,
    /// `2 * multiplier`.
    pub(super) factor: i32,
    /// `threshold`.
    pub(super) offset: i32,
    /// `2 * threshold`.
    pub(super) denominator: i32,
    /// `1 / denominator`, rounded.
    pub(super) reciprocal: f32,
}

impl Quotient {
    pub(super) fn new(threshold: i64, multiplier: i64) -> Quotient {
        Quotient { threshold, multiplier, narrow: Narrow::new(threshold.into(), multiplier.into()) }
    }

    /// The rounded quotient.
    pub(super) fn exact(&self, total: i32) -> i128 {
        let (threshold, multiplier) = (i128::from(self.threshold), i128::from(self.multiplier));
        let absolute = i128::from(total).abs();
        let rounded = (2 * absolute * multiplier + threshold) / (2 * threshold);
        if total < 0 { -rounded } else { rounded }
    }

    /// The rounded quotient, saturated to -128..=128.
    pub(super) fn saturated(&self, total: i32) -> i32 {
        self.exact(total).clamp(-SATURATED, SATURATED) as i32
    }
}

impl Narrow {
    fn new(threshold: i128, multiplier: i128) -> Option<Narrow> {
        // The quotient reaches 128 where 2 * total * multiplier + threshold >= 256 * threshold.
        let cut = ((255 * threshold + 2 * multiplier - 1) / (2 * multiplier)).min(i32::MAX.into());
        let largest = 2 * cut * multiplier + threshold;
        if 2 * threshold > NARROW || multiplier > 32 * threshold || largest > i32::MAX.into() {
            return None;
        }
        Some(Narrow {
            cut: cut as i32,
            factor: (2 * multiplier) as i32,
            offset: threshold as i32,
            denominator: (2 * threshold) as i32,
            reciprocal: 1.0 / (2 * threshold) as f32,
        })
    }

    /// The rounded quotient, saturated to -128..=128; equals [`Quotient::saturated`].
    #[inline(always)]
    pub(super) fn divide(self, total: i32) -> i32 {
        let absolute = total.unsigned_abs().min(self.cut as u32) as i32;
        let numerator = absolute.wrapping_mul(self.factor).wrapping_add(self.offset);
        // SAFETY: the numerator is below 2^31 and the quotient at most 161, so the float is finite and in range.
        let estimate = unsafe { (numerator as f32 * self.reciprocal).to_int_unchecked::<i32>() };
        let rest = numerator.wrapping_sub(estimate.wrapping_mul(self.denominator));
        let rounded = estimate + i32::from(rest >= self.denominator) - i32::from(rest < 0);
        let rounded = rounded.min(SATURATED as i32);
        if total < 0 { -rounded } else { rounded }
    }
}
