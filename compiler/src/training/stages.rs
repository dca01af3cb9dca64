//! Awareness of the hardware, raised stage by stage over the epochs of a run.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::hardware::{HardwareSpecification, Quantiser};

/// How much of the hardware a forward pass knows; each stage knows what the ones before it know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Weights on the hardware's bits, exact sums. Slices and tiles with exact sums are the same.
    Weights,
    /// Quantised partial sums, scale factors as real numbers.
    Sums,
    /// Scale factors in fixed point: what is deployed.
    ScaleFactors,
    /// Programming variation and read noise, drawn anew for every batch.
    Noise,
}

impl Stage {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Weights => "weights",
            Self::Sums => "sums",
            Self::ScaleFactors => "scale factors",
            Self::Noise => "noise",
        }
    }

    /// Its share of the epochs beyond the first, relative to the others: most where most is to be learned.
    /// Weights on the hardware's bits are learned in one epoch.
    fn parts(self) -> u32 {
        match self {
            Self::Weights => 0,
            Self::Sums => 3,
            Self::ScaleFactors | Self::Noise => 2,
        }
    }
}

/// The stages of a run and their epochs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StagePlan {
    stages: Vec<(Stage, u32)>,
}

impl StagePlan {
    /// Divides epochs among the stages that change anything on a chip: `weight_epochs` for weights and one for each
    /// other, and of the rest 3 parts for sums and 2 each for scale factors and noise, by largest remainders; all for
    /// weights where nothing else is learned. Too many epochs for weights leave one for each other stage; with fewer
    /// epochs than stages the last stages get one each: they know all that the others know.
    pub fn new(hardware: &HardwareSpecification, epochs: u32, weight_epochs: u32) -> Self {
        let mut stages = vec![Stage::Weights];
        match hardware.quantiser {
            Quantiser::Ideal {} => {}
            Quantiser::Uniform { .. } => stages.push(Stage::Sums),
            Quantiser::Sign {} | Quantiser::Ternary {} => stages.extend([Stage::Sums, Stage::ScaleFactors]),
        }
        let deviations = &hardware.non_idealities;
        if deviations.programming.is_some() || deviations.read.is_some() {
            stages.push(Stage::Noise);
        }
        let first = stages.len().saturating_sub(epochs as usize);
        let stages = stages.split_off(first);
        let spare = u64::from(epochs) - stages.len() as u64;
        let of_weights = if stages.first() == Some(&Stage::Weights) { u64::from(weight_epochs.max(1) - 1) } else { 0 };
        let of_weights = of_weights.min(spare);
        let spare = spare - of_weights;
        let all: u64 = stages.iter().map(|stage| u64::from(stage.parts())).sum();
        let share = |stage: &Stage| spare * u64::from(stage.parts());
        let mut counts: Vec<u64> = stages.iter().map(|stage| 1 + share(stage) / all.max(1)).collect();
        let mut order: Vec<usize> = (0..stages.len()).collect();
        // Of equal remainders the later stage comes first.
        order.sort_by_key(|&index| std::cmp::Reverse((share(&stages[index]) % all.max(1), index)));
        if all == 0 {
            counts.iter_mut().for_each(|count| *count += spare);
        }
        if let Some(first) = counts.first_mut() {
            *first += of_weights;
        }
        let left = u64::from(epochs) - counts.iter().sum::<u64>();
        order.iter().take(left as usize).for_each(|&index| counts[index] += 1);
        Self { stages: stages.into_iter().zip(counts.iter().map(|&count| count as u32)).collect() }
    }

    /// The stages in order, each with its epochs, counted from 0.
    pub fn stages(&self) -> Vec<(Stage, Range<u32>)> {
        let mut start = 0;
        let range = |&(stage, epochs): &(Stage, u32)| {
            start += epochs;
            (stage, start - epochs..start)
        };
        self.stages.iter().map(range).collect()
    }

    /// The stage of an epoch, counted from 0; the last one behind the end.
    pub fn stage(&self, epoch: u32) -> Stage {
        let last = self.stages.last().map_or(Stage::Weights, |&(stage, _)| stage);
        self.stages().into_iter().find(|(_, epochs)| epochs.contains(&epoch)).map_or(last, |(stage, _)| stage)
    }

    /// The first epoch of the last stage: only epochs from here on are candidates for deployment.
    pub fn last_stage_start(&self) -> u32 {
        self.stages().last().map_or(0, |(_, epochs)| epochs.start)
    }
}
