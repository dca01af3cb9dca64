//! What output counts say of a variable.

use super::code::{Code, Decoder};
use super::description::VariableDescription;
use super::images::ImageBank;

/// Share of the range within which a continuous value counts as right.
const TOLERANCE: f64 = 0.02;

/// Reads the value of a variable out of counts: a matched filter for continuous ones, the class with the nearest mean
/// image for classes.
#[derive(Clone, Debug)]
pub struct Judge {
    code: Code,
    rule: Rule,
}

#[derive(Clone, Debug)]
enum Rule {
    Filter(Decoder),
    /// Mean images, in output counts.
    NearestMean(Vec<Vec<f64>>),
}

impl Judge {
    pub(super) fn new(variable: &VariableDescription, images: Option<&ImageBank>) -> Self {
        let rule = Decoder::new(&variable.code).map_or_else(
            || {
                let maximum = if let Code::Image { maximum, .. } = variable.code { maximum } else { 1 };
                let scale = f64::from(variable.peak) / f64::from(maximum);
                let mut means = images.map(ImageBank::means).unwrap_or_default();
                means.iter_mut().flatten().for_each(|pixel| *pixel *= scale);
                Rule::NearestMean(means)
            },
            Rule::Filter,
        );
        Self { code: variable.code.clone(), rule }
    }

    /// The value that counts stand for; of a class its place.
    pub fn value(&self, counts: &[f64]) -> f64 {
        match &self.rule {
            Rule::Filter(decoder) => decoder.decode(counts),
            Rule::NearestMean(means) => {
                let distance = |mean: &[f64]| mean.iter().zip(counts).map(|(m, c)| (m - c).powi(2)).sum::<f64>();
                let nearest = means.iter().enumerate().fold((0, f64::INFINITY), |(best, least), (class, mean)| {
                    let found = distance(mean);
                    if found < least { (class, found) } else { (best, least) }
                });
                nearest.0 as f64
            }
        }
    }

    /// Distance of the value that counts stand for from the true one; of classes 0 or 1.
    pub fn error(&self, counts: &[f64], wanted: f64) -> f64 {
        let found = self.value(counts);
        match self.rule {
            Rule::Filter(_) => self.code.distance(found, wanted),
            Rule::NearestMean(_) => f64::from(u8::from(found != wanted)),
        }
    }

    /// Whether counts stand for a value: its class, or one within 2 % of the range.
    pub fn is_right(&self, counts: &[f64], wanted: f64) -> bool {
        let allowed = self.code.range().map_or(0.0, |[low, high]| TOLERANCE * (high - low));
        self.error(counts, wanted).abs() <= allowed
    }

    /// Mean images of the classes in output counts; none for continuous values.
    pub fn means(&self) -> &[Vec<f64>] {
        match &self.rule {
            Rule::Filter(_) => &[],
            Rule::NearestMean(means) => means,
        }
    }
}
