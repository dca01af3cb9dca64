//! Axes with ticks at round numbers, for ordinary, whole and logarithmic values.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

/// Larger magnitudes count as not finite: differences of two such values could overflow.
const LARGEST: f64 = 1e100;
/// Ratio of the largest to the smallest positive value from which an axis is logarithmic.
const LOGARITHMIC_SPAN: f64 = 30.0;

/// Whether a value can be placed on an axis.
pub(super) fn is_drawable(value: f64) -> bool {
    value.abs() <= LARGEST
}

/// One axis: what it spans and where its ticks are.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    from: f64,
    to: f64,
    logarithmic: bool,
    ticks: Vec<f64>,
}

impl Axis {
    /// From the smallest to the largest drawable value, with a margin; `None` without any.
    pub fn linear(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let (smallest, largest) = extent(values)?;
        let margin = match largest - smallest {
            span if span > largest.abs() * 1e-9 => span * 0.06,
            _ => (largest.abs() * 0.05).max(1e-3),
        };
        Some(Self::spanning(smallest - margin, largest + margin))
    }

    /// From zero to the largest value.
    pub fn from_zero(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let (_, largest) = extent(values)?;
        Some(Self::spanning(0.0, if largest > 0.0 { largest * 1.06 } else { 1.0 }))
    }

    /// Exactly `from..to`, ticks at round numbers within.
    pub fn spanning(from: f64, to: f64) -> Self {
        Self { from, to, logarithmic: false, ticks: linear_ticks(from, to, round_step((to - from) / 6.0)) }
    }

    /// From `first` to `last` with ticks at whole numbers only.
    pub fn whole(first: f64, last: f64) -> Self {
        let margin = ((last - first) * 0.02).max(0.25);
        let step = round_step((last - first) / 8.0).max(1.0).ceil();
        let ticks = linear_ticks(first, last, step);
        Self { from: first - margin, to: last + margin, logarithmic: false, ticks }
    }

    /// Logarithmic if the positive values span decades and none is negative, else from zero. Zeros
    /// on a logarithmic axis lie on its lower end, where a tick says 0.
    pub fn counts(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let values: Vec<f64> = values.into_iter().filter(|&value| is_drawable(value)).collect();
        let (smallest, largest) = extent(values.iter().copied())?;
        let positive = extent(values.iter().copied().filter(|&value| value > 0.0));
        match positive {
            Some((least, _)) if smallest >= 0.0 && largest > least * LOGARITHMIC_SPAN => {
                Some(Self::decades(least, largest, smallest == 0.0))
            }
            _ if smallest < 0.0 => Self::linear(values),
            _ => Self::from_zero(values),
        }
    }

    fn decades(least: f64, largest: f64, zero: bool) -> Self {
        let (low, high) = (least.log10(), largest.log10());
        let margin = (high - low) * 0.06;
        let from = low - if zero { margin * 3.0 } else { margin };
        let to = high + margin;
        let mantissas: &[f64] = if high - low < 2.5 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let every = ((high - low) / 8.0).ceil().max(1.0) as i32;
        let exponents = (low.floor() as i32 - 1..=high.ceil() as i32).filter(|exponent| exponent % every == 0);
        let inside = |tick: &f64| (low - margin..=to).contains(&tick.log10());
        let ticks =
            exponents.flat_map(|exponent| mantissas.iter().map(move |mantissa| mantissa * 10f64.powi(exponent)));
        let ticks = zero.then_some(0.0).into_iter().chain(ticks.filter(inside)).collect();
        Self { from, to, logarithmic: true, ticks }
    }

    /// The same axis without ticks, grid lines and labels.
    pub fn without_ticks(self) -> Self {
        Self { ticks: Vec::new(), ..self }
    }

    /// Place of every tick as a share of the axis, and its label.
    pub fn marks(&self) -> impl Iterator<Item = (f64, String)> {
        self.ticks.iter().map(|&tick| self.place(tick)).zip(self.labels())
    }

    /// Texts of the tick labels.
    pub fn labels(&self) -> impl Iterator<Item = String> {
        self.ticks.iter().map(|tick| self.format_ext(tick))
    }

    fn place(&self, value: f64) -> f64 {
        let value = match self.logarithmic {
            true if value <= 0.0 => self.from,
            true => value.log10(),
            false => value,
        };
        ((value - self.from) / (self.to - self.from)).clamp(0.0, 1.0)
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (start, end): (i32, i32)) -> i32 {
        start + (self.place(*value) * f64::from(end - start)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        let value = |bound: f64| if self.logarithmic { 10f64.powf(bound) } else { bound };
        value(self.from)..value(self.to)
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        let step = match self.ticks.as_slice() {
            [first, second, ..] if !self.logarithmic => second - first,
            _ => value.abs(),
        };
        number(*value, step)
    }
}

/// A number with the decimals that steps of `step` need.
pub(super) fn number(value: f64, step: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if value.abs() >= 1e7 || value.abs() < 1e-5 {
        return format!("{value:.1e}").replace(".0e", "e");
    }
    let decimals = if step > 0.0 { (-(step * 1.0001).log10().floor()).clamp(0.0, 7.0) as usize } else { 0 };
    let half_steps = (step * 10f64.powi(decimals as i32)).fract();
    let decimals = decimals + usize::from(half_steps > 1e-3 && half_steps < 0.999);
    let text = format!("{value:.decimals$}");
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    format!("{}{fraction}", grouped(whole))
}

/// Digits with a comma before every group of three.
pub(super) fn grouped(whole: &str) -> String {
    let (sign, digits) = whole.split_at(usize::from(whole.starts_with('-')));
    let first = digits.len() % 3;
    let mut groups: Vec<&str> = Vec::new();
    if first > 0 {
        groups.push(&digits[..first]);
    }
    groups.extend((first..digits.len()).step_by(3).filter_map(|start| digits.get(start..start + 3)));
    format!("{sign}{}", groups.join(","))
}

fn extent(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let drawable = values.into_iter().filter(|&value| is_drawable(value));
    drawable.fold(None, |extent, value| match extent {
        None => Some((value, value)),
        Some((smallest, largest)) => Some((value.min(smallest), value.max(largest))),
    })
}

/// The next of 1, 2, 5 times a power of ten.
fn round_step(rough: f64) -> f64 {
    if rough <= 0.0 || !rough.is_finite() {
        return 1.0;
    }
    let power = 10f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= rough * 0.999);
    factor.unwrap_or(10.0) * power
}

fn linear_ticks(from: f64, to: f64, step: f64) -> Vec<f64> {
    let first = (from / step - 1e-9).ceil();
    let count = ((to / step + 1e-9).floor() - first).clamp(0.0, 40.0) as u32;
    (0..=count).map(|index| (first + f64::from(index)) * step).collect()
}
