//! The number type of total inputs and what a neuron decides from it.

use std::cmp::Ordering;

use crate::network::Weights;

/// A weight that adds to totals of type `T`.
pub(super) trait Weight<T>: Copy {
    /// `weight * spikes`, exact for integers of the checked ranges (|spikes| at most 255).
    fn times(self, spikes: i16) -> T;
}

impl Weight<i32> for i8 {
    #[inline(always)]
    fn times(self, spikes: i16) -> i32 {
        // At most 127 * 255 = 32385, which fits 16 bits.
        i32::from(i16::from(self).wrapping_mul(spikes))
    }
}

impl Weight<i32> for i16 {
    #[inline(always)]
    fn times(self, spikes: i16) -> i32 {
        i32::from(self) * i32::from(spikes)
    }
}

impl Weight<f32> for f32 {
    #[inline(always)]
    fn times(self, spikes: i16) -> f32 {
        self * f32::from(spikes)
    }
}

/// Trained weights in the order in which an event adds them.
#[derive(Clone, Debug)]
pub(super) enum FanOutWeights<T: Total> {
    /// The format of one machine byte, or floats.
    Narrow(Vec<T::Narrow>),
    /// The format of two bytes, or floats.
    Wide(Vec<T::Wide>),
}

/// Threshold and range of spike counts of one neuron.
#[derive(Clone, Copy, Debug)]
pub(super) struct FiringRule {
    pub(super) threshold: i64,
    pub(super) minimum: i32,
    pub(super) maximum: i32,
}

/// Total inputs A: `i32` with integer weights, `f32` with float weights.
pub(super) trait Total: Copy + Default + std::fmt::Debug {
    type Narrow: Weight<Self> + std::fmt::Debug;
    type Wide: Weight<Self> + std::fmt::Debug;

    /// Weights in the order `indices`; `None` when their format does not add to these totals.
    fn gather(weights: &Weights, indices: impl Iterator<Item = usize>) -> Option<FanOutWeights<Self>>;

    /// `weight * spikes` for a fixed weight.
    fn fixed(weight: i32, spikes: i16) -> Self;

    /// The sum; integers wrap, so that a total is right whenever all its spikes have arrived.
    fn plus(self, other: Self) -> Self;

    /// The upper firing bound `threshold * (count + 1)`, in the form that [`Total::crosses`] takes.
    fn upper(rule: FiringRule, count: i32) -> Self;

    /// The lower firing bound `threshold * (count - 1)`, in the form that [`Total::crosses`] takes.
    fn lower(rule: FiringRule, count: i32) -> Self;

    /// Whether the neuron may have to fire.
    fn crosses(self, upper: Self, lower: Self) -> bool;

    /// `V / threshold`, rounded towards zero, with `V = A - threshold * count`.
    fn quotient(self, rule: FiringRule, count: i32) -> i64;

    /// How `2 V` compares with the threshold, and `-2 V` with the threshold.
    fn compare_half(self, rule: FiringRule, count: i32) -> (Ordering, Ordering);

    /// `V` in grid units; exact for integers.
    fn potential(self, rule: FiringRule, count: i32) -> f64;
}

impl Total for i32 {
    type Narrow = i8;
    type Wide = i16;

    fn gather(weights: &Weights, indices: impl Iterator<Item = usize>) -> Option<FanOutWeights<Self>> {
        match weights {
            Weights::I8(values) => Some(FanOutWeights::Narrow(indices.map(|index| values[index]).collect())),
            Weights::I16(values) => Some(FanOutWeights::Wide(indices.map(|index| values[index]).collect())),
            Weights::F32(_) => None,
        }
    }

    #[inline(always)]
    fn fixed(weight: i32, spikes: i16) -> Self {
        weight.wrapping_mul(i32::from(spikes))
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    #[inline]
    fn upper(rule: FiringRule, count: i32) -> Self {
        // One below the bound, so that `i32::MAX` stands for never.
        let bound = rule.threshold * (i64::from(count) + 1) - 1;
        if count < rule.maximum { i32::try_from(bound).unwrap_or(i32::MAX) } else { i32::MAX }
    }

    #[inline]
    fn lower(rule: FiringRule, count: i32) -> Self {
        // One above the bound, so that `i32::MIN` stands for never.
        let bound = rule.threshold * (i64::from(count) - 1) + 1;
        if count > rule.minimum { i32::try_from(bound).unwrap_or(i32::MIN) } else { i32::MIN }
    }

    #[inline(always)]
    fn crosses(self, upper: Self, lower: Self) -> bool {
        (self > upper) | (self < lower)
    }

    #[inline]
    fn quotient(self, rule: FiringRule, count: i32) -> i64 {
        (i64::from(self) - rule.threshold * i64::from(count)) / rule.threshold
    }

    #[inline]
    fn compare_half(self, rule: FiringRule, count: i32) -> (Ordering, Ordering) {
        let twice = 2 * (i64::from(self) - rule.threshold * i64::from(count));
        (twice.cmp(&rule.threshold), (-twice).cmp(&rule.threshold))
    }

    fn potential(self, rule: FiringRule, count: i32) -> f64 {
        (i64::from(self) - rule.threshold * i64::from(count)) as f64
    }
}

impl Total for f32 {
    type Narrow = f32;
    type Wide = f32;

    fn gather(weights: &Weights, indices: impl Iterator<Item = usize>) -> Option<FanOutWeights<Self>> {
        match weights {
            Weights::F32(values) => Some(FanOutWeights::Narrow(indices.map(|index| values[index]).collect())),
            Weights::I8(_) | Weights::I16(_) => None,
        }
    }

    #[inline(always)]
    fn fixed(weight: i32, spikes: i16) -> Self {
        weight as f32 * f32::from(spikes)
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self + other
    }

    #[inline]
    fn upper(rule: FiringRule, count: i32) -> Self {
        if count < rule.maximum { (rule.threshold * (i64::from(count) + 1)) as f32 } else { f32::INFINITY }
    }

    #[inline]
    fn lower(rule: FiringRule, count: i32) -> Self {
        if count > rule.minimum { (rule.threshold * (i64::from(count) - 1)) as f32 } else { f32::NEG_INFINITY }
    }

    #[inline(always)]
    fn crosses(self, upper: Self, lower: Self) -> bool {
        (self >= upper) | (self <= lower)
    }

    #[inline]
    fn quotient(self, rule: FiringRule, count: i32) -> i64 {
        (self.potential(rule, count) / rule.threshold as f64) as i64
    }

    #[inline]
    fn compare_half(self, rule: FiringRule, count: i32) -> (Ordering, Ordering) {
        let (twice, threshold) = (2.0 * self.potential(rule, count), rule.threshold as f64);
        (twice.total_cmp(&threshold), (-twice).total_cmp(&threshold))
    }

    #[inline]
    fn potential(self, rule: FiringRule, count: i32) -> f64 {
        f64::from(self) - (rule.threshold * i64::from(count)) as f64
    }
}

/// The spikes a neuron fires until its spike function returns zero: `V / threshold` rounded
/// towards zero, as far as its count may go (spikegrad notes 1.2, drain rule).
#[inline]
pub(super) fn drain<T: Total>(total: T, rule: FiringRule, count: i32) -> i32 {
    let (down, up) = (i64::from(rule.minimum - count), i64::from(rule.maximum - count));
    total.quotient(rule, count).clamp(down, up) as i32
}

/// The residual spike that turns the count into the rounded quotient, halves away from zero
/// (spikegrad notes 2.4).
#[inline]
pub(super) fn residual<T: Total>(total: T, rule: FiringRule, count: i32) -> i32 {
    let (above, below) = total.compare_half(rule, count);
    let beyond = |ordering: Ordering, tie: bool| ordering == Ordering::Greater || (ordering == Ordering::Equal && tie);
    if count < rule.maximum && beyond(above, count >= 0) {
        1
    } else if count > rule.minimum && beyond(below, count <= 0) {
        -1
    } else {
        0
    }
}

/// Whether the range of counts keeps the count from the rounded quotient. The zero of a
/// rectified neuron is its function, not a saturation.
#[inline]
pub(super) fn is_saturated<T: Total>(total: T, rule: FiringRule, count: i32) -> bool {
    let (above, below) = total.compare_half(rule, count);
    (count == rule.maximum && above != Ordering::Less)
        || (count == rule.minimum && rule.minimum < 0 && below != Ordering::Less)
}
